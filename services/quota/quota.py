"""One quota for both faces: whom a call is charged to, and what it may spend.

Every call is charged its cost before anything else is looked at: to the caller whose token is
valid, to the address for the rest. Operations that invite guessing or flooding declare a tight
policy besides. What a budget is and how it refills is in gcra.py.
"""

import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from services.access.addresses import Address, household, within
from services.access.callers import Caller, authenticate
from services.errors.common import RateLimited, Unauthenticated
from services.fast.redis_pipeline import Pipeline
from services.operation.inputs import LONGEST_TEXT
from services.quota.gcra import Balance, Budgets, Charge
from services.settings import Settings

if TYPE_CHECKING:
    from services.operation.context import Request

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


class Policy(StrEnum):
    """A budget's kind, as RateLimit-Policy names it."""

    #: Of an address: what comes without a valid token.
    ANONYMOUS = "anonymous"
    #: Of a caller with a valid token.
    SIGNED_IN = "signed-in"
    #: Of an address and of an account: guessing passwords.
    LOGIN = "login"
    #: Of an address: making accounts.
    REGISTER = "register"
    #: Of an address and of an account: making us send mail.
    MAIL = "mail"


@dataclass(frozen=True)
class Budget:
    """What a policy allows: ``units``, which come back evenly within ``seconds``."""

    policy: Policy
    units: int
    seconds: int

    @property
    def interval(self) -> int:
        """The µs that bring back a unit; rounded up, never sooner than promised."""
        return -(-self.seconds * _SECOND // self.units)


@dataclass(frozen=True)
class Allowance:
    """What is left of a budget, in units and seconds (rounded up)."""

    budget: Budget
    remaining: int
    #: Until the refused call would be let in; 0 when it was not refused.
    retry_after: int
    #: Until the budget is full.
    reset: int

    @property
    def error(self) -> RateLimited:
        """The refusal of a call that the budget did not allow."""
        budget = self.budget
        details = {
            "policy": budget.policy.value,
            "limit": budget.units,
            "windowSeconds": budget.seconds,
            "retryAfterSeconds": self.retry_after,
        }
        return RateLimited(f"Too many requests: wait {self.retry_after} s.", details=details)


class Quota:
    """The budgets of an installation, as one of its processes spends them."""

    def __init__(self, redis: Redis, settings: Settings, pipeline: Pipeline | None) -> None:
        self._budgets = _budgets(settings)
        self._exempt = settings.quota_exempt
        self._prefix = f"{settings.redis_prefix}:quota"
        self._pepper = sha256(settings.secret.get_secret_value().encode()).digest()
        self._kept = Budgets(redis, settings.redis_seconds, settings.processes, pipeline)

    async def charge(self, request: "Request", caller: Caller | None, cost: int) -> None:
        """Charge a call to its caller, or to the address; raises `RateLimited`.

        Calls inside a request that was charged as a whole are free. So is a call of our own, which
        has neither caller nor address.
        """
        if request.prepaid:
            return
        if caller is not None:
            await self._spend(request, Policy.SIGNED_IN, [subject(caller)], cost)
        else:
            await self._spend(request, Policy.ANONYMOUS, _places(request.address), cost)

    async def look(self, request: "Request", caller: Caller | None) -> None:
        """Refuse whoever has spent all, before much is done for them; raises `RateLimited`."""
        await self.charge(request, caller, 0)
        # Nothing was charged: what is left is told after that.
        left, request.allowance = request.allowance, None
        if left is not None and left.remaining == 0:
            wait = -(-left.budget.interval // _SECOND)
            request.allowance = replace(left, retry_after=wait)
            raise request.allowance.error

    async def guard(
        self, request: "Request", policy: Policy, caller: Caller | None, account: Any
    ) -> None:
        """Charge one attempt to the address and to the account; raises `RateLimited`.

        The account is an email as it came in, of an account or of none; a caller's own account
        where the operation asks for no email. When one of both refuses, none is charged.
        """
        subjects = _places(request.address)
        if isinstance(account, str) and len(account) <= LONGEST_TEXT:
            subjects.append(f"account:{self._hidden(account)}")
        elif caller is not None:
            subjects.append(f"user:{caller.user_id}")
        await self._spend(request, policy, subjects, 1)

    async def count(self, request: "Request", cost: int) -> None:
        """Charge the address for what was refused before an operation was reached."""
        with suppress(RateLimited):
            await self._spend(request, Policy.ANONYMOUS, _places(request.address), cost)

    async def _spend(
        self, request: "Request", policy: Policy, subjects: Sequence[str], cost: int
    ) -> None:
        address = request.address
        if not subjects or (address is not None and within(address, self._exempt)):
            return
        budget = self._budgets[policy]
        charges = [
            Charge(f"{self._prefix}:{policy}:{one}", budget.interval, budget.units, cost)
            for one in subjects
        ]
        now = (request.process.clock() - _EPOCH) // _MICROSECOND
        allowed, balances = await self._kept.spend(charges, now)
        tightest = max(balances, key=lambda one: (one.retry_after, -one.remaining))
        allowance = _allowance(budget, tightest)
        # An answer tells of the budget that its caller will feel first.
        shown = request.allowance
        if not allowed or shown is None or allowance.remaining < shown.remaining:
            request.allowance = allowance
        if not allowed:
            raise allowance.error

    def _hidden(self, email: str) -> str:
        """What stands for an email in Redis: spelled as accounts are looked up, and keyed, so that
        it cannot be guessed from a list of addresses."""
        text = unicodedata.normalize("NFC", email.strip())
        # PostgreSQL lowers letter by letter; Python's own way would tell İ from I and i.
        lowered = "".join(letter.lower()[0] for letter in text)
        written = lowered.encode("utf-8", "replace")
        return blake2b(written, digest_size=16, key=self._pepper).hexdigest()


async def identify(request: "Request") -> Caller | None:
    """Who calls; a token that fails verification counts against the address.

    Raises what `authenticate` raises, and `RateLimited` instead when the address has spent all.
    """
    try:
        return await authenticate(request)
    except Unauthenticated:
        await request.process.quota.charge(request, None, 1)
        raise


def subject(caller: Caller) -> str:
    """Whose budget a caller spends: an API key has one of its own."""
    return f"key:{caller.key_id}" if caller.key_id else f"user:{caller.user_id}"


def _places(address: Address | None) -> list[str]:
    return [] if address is None else [f"address:{household(address)}"]


def _allowance(budget: Budget, balance: Balance) -> Allowance:
    return Allowance(
        budget,
        balance.remaining,
        -(-balance.retry_after // _SECOND),
        -(-balance.full_after // _SECOND),
    )


def _budgets(settings: Settings) -> dict[Policy, Budget]:
    given = {
        Policy.ANONYMOUS: (settings.quota_anonymous, settings.quota_anonymous_seconds),
        Policy.SIGNED_IN: (settings.quota_signed_in, settings.quota_signed_in_seconds),
        Policy.LOGIN: (settings.quota_login, settings.quota_login_seconds),
        Policy.REGISTER: (settings.quota_register, settings.quota_register_seconds),
        Policy.MAIL: (settings.quota_mail, settings.quota_mail_seconds),
    }
    factor = settings.budget_factor
    return {
        policy: Budget(policy, units * factor, seconds)
        for policy, (units, seconds) in given.items()
    }
