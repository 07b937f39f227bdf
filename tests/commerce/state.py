"""The state of the modelled shop, and the words in which it is spoken of.

Amounts are whole minor units, written as cents are; the world writes them as its currency has them.
Things go by names.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

HOLD, APPROVAL = timedelta(minutes=10), timedelta(hours=2)
APPROVAL_ABOVE = 1_000_000
MANAGERS = ("manager-1", "manager-2", "admin")


@dataclass(frozen=True)
class Call:
    """One call: values as on the wire, but names in place of ids. Jobs are no actor."""

    operation: str
    actor: str | None
    values: Mapping[str, Any]
    #: The name of what it makes.
    makes: str = ""
    key: str | None = None
    #: The edition that If-Match names.
    edition: int | None = None


@dataclass(frozen=True)
class Due:
    """What a call must answer: one of these codes, and these values among others."""

    codes: frozenset[str]
    values: Mapping[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """One of these errors is due; ``details`` are among those of the error."""

    def __init__(self, *codes: str, **details: Any) -> None:
        super().__init__(*codes)
        self.due = Due(frozenset(codes), details)


@dataclass
class Product:
    price: int
    on_hand: int
    held: int = 0
    active: bool = True

    @property
    def stock(self) -> int:
        """What can be ordered."""
        return self.on_hand - self.held


@dataclass
class Coupon:
    kind: str
    value: int
    starts: datetime | None = None
    ends: datetime | None = None
    minimum: int = 0
    limit: int | None = None
    limit_of_user: int | None = None
    active: bool = True
    edition: int = 1

    def taken_off(self, subtotal: int) -> int:
        """What it takes off: a percentage rounded half up, or an amount; a cent is left."""
        off = self.value
        if self.kind == "PERCENT":
            off = int(Fraction(subtotal * self.value, 10_000) + Fraction(1, 2))
        return min(off, subtotal - 1)


@dataclass
class Line:
    product: str
    quantity: int
    price: int
    refunded: int = 0
    returned: int = 0

    @property
    def total(self) -> int:
        """What all its pieces cost."""
        return self.quantity * self.price


@dataclass
class Order:
    buyer: str
    lines: list[Line]
    subtotal: int
    discount: int
    status: str
    expires: datetime | None
    coupon: str | None = None
    redemption: str | None = None
    paid: str = "UNPAID"
    refunded: int = 0
    edition: int = 1
    history: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """What is paid for it."""
        return self.subtotal - self.discount


@dataclass
class Deposit:
    owner: str
    amount: int
    asked: datetime
    status: str
    failure: str | None = None


class State:
    """All there is in the shop of one example."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.wallets: dict[str, int] = {}
        self.products: dict[str, Product] = {}
        self.coupons: dict[str, Coupon] = {}
        self.orders: dict[str, Order] = {}
        self.deposits: dict[str, Deposit] = {}
        self.keys: dict[tuple[str | None, str, str], tuple[Any, Due]] = {}
        #: What moved since it was last looked: (operation, from, to).
        self.moved: list[tuple[str, str, str]] = []

    def copy(self) -> "State":
        """Another one that is equal; quicker than copy.deepcopy."""
        return pickle.loads(pickle.dumps(self, -1))  # noqa: S301

    def due_orders(self) -> list[str]:
        """The orders that waited too long."""
        return [
            name
            for name, order in self.orders.items()
            if order.expires is not None and order.expires <= self.now
        ]

    def held(self, buyer: str) -> int:
        """What somebody's unpaid orders hold of the wallet."""
        waiting = ("PENDING", "AWAITING_APPROVAL")
        return sum(
            order.total
            for order in self.orders.values()
            if order.buyer == buyer and order.status in waiting
        )

    def free(self, buyer: str) -> int:
        """What somebody can order for."""
        return self.wallets[buyer] - self.held(buyer)

    def redeemed(self, coupon: str, user: str | None = None) -> int:
        """How many orders count against a coupon's limits."""
        return sum(
            order.coupon == coupon
            and order.redemption in ("HELD", "USED")
            and user in (None, order.buyer)
            for order in self.orders.values()
        )


def matched(call: Call, thing: "Order | Coupon") -> None:
    """Refuse a call that knew another edition."""
    if call.edition is not None and call.edition != thing.edition:
        raise Refused("PRECONDITION_FAILED")


def cents(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole) * 100 + int(rest)


def text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def amounts(**amounts: int) -> dict[str, str]:
    return {name: text(amount) for name, amount in amounts.items()}


def wire(time: datetime) -> str:
    """A time as it is on the wire; the model's are whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str | None) -> datetime | None:
    """The time that a text says."""
    return None if text is None else datetime.fromisoformat(text)
