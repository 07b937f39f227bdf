"""A shop whose sales are known: orders and refunds of all kinds around a change of clocks."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx

from api.app import create_app
from persistence.wallet import SHOP
from services import money
from services.money import Currency
from services.process import new_process
from tests.conftest import Addresses, client_of, running, settings_for
from tests.faces import Door, door_named
from tests.shop import Person, Shop

#: Clocks go forward in Berlin on 29 March 2026 and back on 25 October.
BEGINS = datetime(2026, 3, 20, tzinfo=UTC)
ENDS = datetime(2026, 4, 8, tzinfo=UTC)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
)


class Standing:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = BEGINS - timedelta(days=30)

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Moved:
    """The amount that a product of an order brought, or gave back, at a time."""

    at: datetime
    order: str
    product: str
    amount: Decimal
    back: bool


@dataclass(frozen=True)
class Place:
    """A shop whose sales are known, with its faces."""

    shop: Shop
    client: httpx.AsyncClient
    manager: Person
    clock: Standing
    currency: Currency
    moved: list[Moved] = field(default_factory=list)
    categories: dict[str, str] = field(default_factory=dict)

    def door(self, name: str) -> Door:
        return door_named(name, self.shop, self.client)

    async def sales(self, door: str = "v2", **values: Any) -> Any:
        asked = {"from": BEGINS.isoformat(), "to": ENDS.isoformat(), **values}
        return (await self.door(door).call("reports.sales", asked, caller=self.manager)).ok

    def shares(self, amount: Decimal, lines: Any) -> list[Decimal]:
        """The share of each line in an amount."""
        return money.apportion(amount, [line.total for line in lines], self.currency)


async def _trade(place: Place, chance: random.Random) -> None:
    """Orders, some with a discount, and refunds of all kinds, at random times."""
    shop, clock = place.shop, place.clock
    units = place.currency.units
    buyer = await shop.person(balance=str(units(9_000_000)))
    categories = [await shop.category(f"Category {name}") for name in "ABC"]
    products = []
    for number in range(7):
        category = categories[number % 3]
        price = units(chance.randint(1, 9999))
        product = await shop.product(str(price), stock=900, categoryId=category)
        place.categories[product.id] = category
        products.append(product.id)
    coupon = await shop.coupon("33.33")
    span = (ENDS - BEGINS).total_seconds()
    moments = sorted(BEGINS + timedelta(seconds=chance.random() * span) for _ in range(40))
    for at in [BEGINS, *moments, ENDS]:
        clock.now = at
        chosen = chance.sample(products, chance.randint(1, 4))
        lines = [(product, chance.randint(1, 3)) for product in chosen]
        more = {"couponCode": coupon.code} if chance.random() < 0.5 else {}
        order = await shop.order(buyer, lines, paid=True, **more)
        for line, share in zip(order.lines, place.shares(order.total, order.lines), strict=True):
            place.moved.append(Moved(at, order.id, line.product_id, share, back=False))
        clock.now = at + timedelta(hours=chance.choice((1, 30, 300)))
        await _refund(place, order, chance.choice(("none", "amount", "piece", "rest")))


async def _refund(place: Place, order: Any, kind: str) -> None:
    at = place.clock.now
    if kind == "amount":
        amount = min(order.total, place.currency.units(101))
        await place.shop.refund(order.id, amount=str(amount))
        for line, share in zip(order.lines, place.shares(amount, order.lines), strict=True):
            place.moved.append(Moved(at, order.id, line.product_id, share, back=True))
        kind = "rest" if amount < order.total else "none"
    if kind in ("piece", "rest"):
        line = order.lines[0]
        asked = {"lines": [{"productId": line.product_id, "quantity": 1}]}
        if kind == "rest" or not order.total:
            asked = {}
        refund = await place.shop.refund(order.id, **asked)
        for line in refund.lines:
            place.moved.append(Moved(at, order.id, line.product_id, line.amount, back=True))


@asynccontextmanager
async def trading(
    addresses: Addresses, password_hash: str, code: str = "EUR"
) -> AsyncIterator[Place]:
    """A shop in a currency after its orders and refunds."""
    # Processes that run the tests share a server.
    name = f"tandem_reports_{uuid4().hex[:12]}"
    clock = Standing()
    settings = settings_for(
        await addresses.create(name),
        addresses.redis_url,
        currency=code,
        approval_above=9_000_000,  # of yen, ten thousand are little
        access_token_seconds=400 * 86_400,
        refresh_token_seconds=400 * 86_400,
    )
    process = new_process(settings, clock)
    await process.open()
    shop = Shop(process, password_hash)
    async with running(create_app(process)) as app, client_of(app) as client:
        manager = await shop.person("MANAGER")
        place = Place(shop, client, manager, clock, money.currency(code))
        await _trade(place, random.Random(20260329))
        clock.now = ENDS + timedelta(days=20)
        yield place
    await process.close()
    await addresses.drop(name)


def expected(place: Place, by: str, zone: str) -> Mapping[Any, Any]:
    """Gross and refunded by local day and group, from what was done in the shop."""
    zero = place.currency.zero
    sums: dict[Any, list[Decimal]] = defaultdict(lambda: [zero, zero])
    for one in place.moved:
        if BEGINS <= one.at < ENDS:
            group = one.product if by == "PRODUCT" else place.categories[one.product]
            day = one.at.astimezone(ZoneInfo(zone)).date()
            sums[day, group][one.back] += one.amount
    return {key: tuple(map(str, value)) for key, value in sums.items()}


def groups_of(report: Any) -> Mapping[Any, Any]:
    """Gross and refunded by day and group, from a report by day."""
    return {
        (date.fromisoformat(period["firstDay"]), group["groupId"]): (
            group["gross"],
            group["refunded"],
        )
        for period in report["periods"]
        for group in period["groups"]
    }


def sums_of(things: Any) -> tuple[Decimal, ...]:
    """The sums of some reports, periods or groups: gross, refunded and net."""
    return tuple(
        sum((Decimal(one[name]) for one in things), Decimal(0))
        for name in ("gross", "refunded", "net")
    )


async def booked(place: Place) -> tuple[Decimal, ...]:
    """Gross, refunded and net by the postings of the ledger."""
    ledger = (
        "SELECT coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS gross, "
        "coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS refunded, sum(amount) AS net "
        "FROM postings WHERE account_id = $1 AND created_at >= $2 AND created_at < $3"
    )
    [sums] = await place.shop.rows(ledger, SHOP, BEGINS, ENDS)
    return tuple(sums.values())
