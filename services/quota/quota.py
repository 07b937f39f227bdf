"""The quota, one for both faces: which budget a call is charged to, and what is left of it.

A call is charged its cost before anything else is checked. A call with a valid token is charged to
its caller, every other call to its address. An operation that invites guessing or flooding
declares a tight policy as well. gcra.py says how a budget refills.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import Any

from services.access.addresses import Address, household, within
from services.access.callers import Caller
from services.errors.common import RateLimited
from services.operation.inputs import LONGEST_TEXT
from services.quota.gcra import Ask, Balance, Budgets, Charge
from services.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


class Policy(StrEnum):
    """A kind of budget, by its name in the RateLimit-Policy header."""

    #: An address: calls without a valid token.
    ANONYMOUS = "anonymous"
    #: A caller with a valid token.
    SIGNED_IN = "signed-in"
    #: An address and an account: attempts to sign in.
    LOGIN = "login"
    #: An address: new accounts.
    REGISTER = "register"
    #: An address and an account: mails that callers ask for.
    MAIL = "mail"


@dataclass(frozen=True)
class Budget:
    """The ``units`` that a policy allows; they come back evenly within ``seconds``."""

    policy: Policy
    units: int
    seconds: int

    @property
    def interval(self) -> int:
        """The µs that bring back a unit, rounded up so that none comes back too early."""
        return -(-self.seconds * _SECOND // self.units)


@dataclass(frozen=True)
class Allowance:
    """A budget after a charge, in units and in seconds (rounded up)."""

    budget: Budget
    remaining: int
    #: Seconds until the refused call would be allowed; 0 when the call was not refused.
    retry_after: int
    #: Seconds until the budget is full.
    reset: int

    @property
    def refused(self) -> bool:
        """Did the budget refuse the call?"""
        return self.retry_after > 0

    @property
    def spent(self) -> "Allowance | None":
        """This allowance as a refusal when nothing is left; None while something is."""
        if self.remaining > 0:
            return None
        return replace(self, retry_after=-(-self.budget.interval // _SECOND))

    @property
    def error(self) -> RateLimited:
        """The error of a call that the budget refused."""
        budget = self.budget
        details = {
            "policy": budget.policy.value,
            "limit": budget.units,
            "windowSeconds": budget.seconds,
            "retryAfterSeconds": self.retry_after,
        }
        return RateLimited(f"Too many requests: wait {self.retry_after} s.", details=details)


class Quota:
    """The budgets of an installation, as one of its processes charges them."""

    def __init__(self, settings: Settings, ask: Ask) -> None:
        self._budgets = _budgets(settings)
        self._exempt = settings.quota_exempt
        self._prefix = f"{settings.redis_prefix}:quota"
        self._pepper = sha256(settings.secret.get_secret_value().encode()).digest()
        self._spender = Budgets(ask, settings.redis_seconds, settings.processes)

    async def charge(
        self, caller: Caller | None, address: Address | None, cost: int, now: datetime
    ) -> Allowance | None:
        """Charge a call to its caller, or to the address where there is none.

        None when the call has no budget: its address is exempt, or it has neither caller nor
        address because Tandem itself makes it.
        """
        if caller is not None:
            return await self._spend(Policy.SIGNED_IN, [subject(caller)], address, cost, now)
        return await self._spend(Policy.ANONYMOUS, _places(address), address, cost, now)

    async def charge_attempt(
        self,
        policy: Policy,
        caller: Caller | None,
        address: Address | None,
        account: Any,
        now: datetime,
    ) -> Allowance | None:
        """Charge one attempt under a tight policy, to the address and to the account.

        ``account`` is an email as it came in, whether it has an account or not. Where the operation
        asks for no email, the account is the caller's own. When one of both refuses, neither is
        charged.
        """
        subjects = _places(address)
        if isinstance(account, str) and len(account) <= LONGEST_TEXT:
            subjects.append(f"account:{self._hidden(account)}")
        elif caller is not None:
            subjects.append(f"user:{caller.user_id}")
        return await self._spend(policy, subjects, address, 1, now)

    async def _spend(
        self,
        policy: Policy,
        subjects: Sequence[str],
        address: Address | None,
        cost: int,
        now: datetime,
    ) -> Allowance | None:
        if not subjects or (address is not None and within(address, self._exempt)):
            return None
        budget = self._budgets[policy]
        charges = [
            Charge(f"{self._prefix}:{policy}:{one}", budget.interval, budget.units, cost)
            for one in subjects
        ]
        _, balances = await self._spender.spend(charges, (now - _EPOCH) // _MICROSECOND)
        tightest = max(balances, key=lambda one: (one.retry_after, -one.remaining))
        return _allowance(budget, tightest)

    def _hidden(self, email: str) -> str:
        """A keyed hash of an email, which Redis holds in its place.

        The email is spelled as accounts are looked up. The key keeps anybody who reads Redis from
        finding emails by a list of addresses.
        """
        text = unicodedata.normalize("NFC", email.strip())
        # As PostgreSQL does, letter by letter; Python's own lower() would tell İ from I and i.
        lowered = "".join(letter.lower()[0] for letter in text)
        written = lowered.encode("utf-8", "replace")
        return blake2b(written, digest_size=16, key=self._pepper).hexdigest()


def subject(caller: Caller) -> str:
    """The owner of the budget that a caller spends; an API key has a budget of its own."""
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
