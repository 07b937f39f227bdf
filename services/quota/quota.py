"""The quota, one for both faces: which budget a call is charged to, and what is left of it.

A call is charged its cost before anything else is checked. A call with a valid token is charged to
its caller, every other call to its address. An operation that invites guessing or flooding
declares a tight policy as well. gcra.py says how a budget refills.

An attempt on a password reserves a unit of three budgets before the password is looked at. A right
password gives its own units back. Redis sees keyed hashes of addresses and emails only.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

from persistence.reachability import Reachability
from services.access.addresses import Address, hidden, within
from services.access.callers import Caller
from services.emails import same_spelling
from services.errors.common import RateLimited
from services.operation.inputs import LONGEST_TEXT
from services.quota.gcra import Ask, Balance, Budgets, Charge
from services.settings.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000


class Policy(StrEnum):
    """A kind of budget, by its name in the RateLimit-Policy header."""

    #: An address: calls without a valid token.
    ANONYMOUS = "anonymous"
    #: A caller with a valid token.
    SIGNED_IN = "signed-in"
    #: An address and an account together: attempts on a password.
    LOGIN = "login"
    #: An address: attempts on any account's password.
    LOGIN_PLACE = "login-place"
    #: An account: attempts on its password from places that it does not know.
    LOGIN_ACCOUNT = "login-account"
    #: An address: new accounts.
    REGISTER = "register"
    #: An address and an account: mails that callers ask for.
    MAIL = "mail"
    #: A user: posts and comments.
    CONTENT = "content"
    #: An address: pages and documents beside the faces, metrics, and unsigned events.
    PAGES = "pages"


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
    #: The budget's key in Redis.
    key: str
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
        """This allowance as a refusal when nothing is left; None while something is.

        A refused call is allowed once the budget is full, whatever it costs.
        """
        return None if self.remaining > 0 else replace(self, retry_after=self.reset)

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


class Cost(NamedTuple):
    """The units that a call takes from one budget; below 0 they are given back."""

    policy: Policy
    subject: str
    units: int


class Quota:
    """The budgets of an installation, as one of its processes charges them."""

    def __init__(self, settings: Settings, ask: Ask, reachability: Reachability) -> None:
        self._budgets = _budgets(settings)
        self._exempt = settings.quota_exempt
        self._prefix = f"{settings.redis_prefix}:quota"
        self._pepper = sha256(settings.secret.get_secret_value().encode()).digest()
        self._spender = Budgets(ask, settings.redis_seconds, settings.processes, reachability)

    async def charge(
        self, payer: str | None, address: Address | None, cost: int, now: datetime
    ) -> Allowance | None:
        """Charge a call to its payer, or to the address where there is none.

        None when the call has no budget: its address is exempt, or it has neither payer nor
        address because Tandem itself makes it.
        """
        if payer is not None:
            return await self.spend([Cost(Policy.SIGNED_IN, payer, cost)], address, now)
        if address is None:
            return None
        return await self.spend([Cost(Policy.ANONYMOUS, self.place(address), cost)], address, now)

    async def charge_page(
        self, address: Address | None, cost: int, now: datetime
    ) -> Allowance | None:
        """Charge the address for a page, which no face answers; None when it has no budget."""
        if address is None:
            return None
        return await self.spend([Cost(Policy.PAGES, self.place(address), cost)], address, now)

    async def charge_attempt(
        self,
        policy: Policy,
        caller: Caller | None,
        address: Address | None,
        account: Any,
        now: datetime,
    ) -> Allowance | None:
        """Charge one attempt under a tight policy, to the address and to the account.

        Users alone pay for the content that they write.

        ``account`` is an email as it came in, whether it has an account or not. Where the operation
        asks for no email, the account is the caller's own. When one of both refuses, neither is
        charged.
        """
        # People behind one address may write as much as people at home.
        place = None if policy is Policy.CONTENT else address
        subjects = [] if place is None else [self.place(place)]
        if isinstance(account, str) and len(account) <= LONGEST_TEXT:
            subjects.append(self.account(account))
        elif caller is not None:
            subjects.append(f"user:{caller.user_id}")
        return await self.spend([Cost(policy, one, 1) for one in subjects], address, now)

    def costs_of_password(
        self, address: Address | None, email: str | None, known_place: bool
    ) -> list[Cost]:
        """The units that one attempt on a password reserves.

        ``email`` is None when the attempt names no account. A place that the account knows takes
        nothing from the account's budget, so that a stranger's attempts do not lock the owner out.
        """
        place = None if address is None else self.place(address)
        account = None if email is None else self.account(email)
        costs = []
        if place and account:
            costs.append(Cost(Policy.LOGIN, f"{place}:{account}", 1))
        if place:
            costs.append(Cost(Policy.LOGIN_PLACE, place, 1))
        if account and not known_place:
            costs.append(Cost(Policy.LOGIN_ACCOUNT, account, 1))
        return costs

    async def spend(
        self, costs: Sequence[Cost], address: Address | None, now: datetime
    ) -> Allowance | None:
        """Charge all costs or none, in one round trip; the tightest budget after the charge."""
        if not costs or (address is not None and within(address, self._exempt)):
            return None
        charges = []
        for cost in costs:
            budget = self._budgets[cost.policy]
            charges.append(Charge(self.key(cost), budget.interval, budget.units, cost.units))
        _, balances = await self._spender.spend(charges, (now - _EPOCH) // _MICROSECOND)
        tightest = max(
            range(len(balances)),
            key=lambda place: (balances[place].retry_after, -balances[place].remaining),
        )
        budget = self._budgets[costs[tightest].policy]
        return _allowance(budget, charges[tightest].key, balances[tightest])

    def key(self, cost: Cost) -> str:
        """The key in Redis of the budget that a cost takes from."""
        return f"{self._prefix}:{cost.policy}:{cost.subject}"

    def place(self, address: Address) -> str:
        """The name of an address's budgets; Redis must not hold the address itself."""
        return f"address:{hidden(address, self._pepper)}"

    def account(self, email: str) -> str:
        """The name of an account's budgets, whether the account exists or not."""
        return f"account:{self._hidden(email)}"

    def _hidden(self, email: str) -> str:
        """A keyed hash of an email, which Redis holds in its place.

        The email is spelled as accounts are looked up. The key keeps anybody who reads Redis from
        finding emails by a list of addresses.
        """
        text = same_spelling(unicodedata.normalize("NFC", email.strip()))
        # As PostgreSQL does, letter by letter; Python's own lower() would tell İ from I and i.
        lowered = "".join(letter.lower()[0] for letter in text)
        written = lowered.encode("utf-8", "replace")
        return blake2b(written, digest_size=16, key=self._pepper).hexdigest()


def subject(caller: Caller) -> str:
    """The owner of the budget that a caller spends; an API key has a budget of its own."""
    return f"key:{caller.key_id}" if caller.key_id else f"user:{caller.user_id}"


def _allowance(budget: Budget, key: str, balance: Balance) -> Allowance:
    return Allowance(
        budget,
        key,
        balance.remaining,
        -(-balance.retry_after // _SECOND),
        -(-balance.full_after // _SECOND),
    )


def _budgets(settings: Settings) -> dict[Policy, Budget]:
    given = {
        Policy.ANONYMOUS: (settings.quota_anonymous, settings.quota_anonymous_seconds),
        Policy.SIGNED_IN: (settings.quota_signed_in, settings.quota_signed_in_seconds),
        Policy.LOGIN: (settings.quota_login, settings.quota_login_seconds),
        Policy.LOGIN_PLACE: (settings.quota_login_place, settings.quota_login_seconds),
        Policy.LOGIN_ACCOUNT: (settings.quota_login_account, settings.quota_login_seconds),
        Policy.REGISTER: (settings.quota_register, settings.quota_register_seconds),
        Policy.MAIL: (settings.quota_mail, settings.quota_mail_seconds),
        Policy.CONTENT: (settings.quota_content, settings.quota_content_seconds),
        Policy.PAGES: (settings.quota_pages, settings.quota_pages_seconds),
    }
    factor = settings.budget_factor
    return {
        policy: Budget(policy, units * factor, seconds)
        for policy, (units, seconds) in given.items()
    }
