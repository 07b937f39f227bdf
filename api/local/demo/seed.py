"""Loads the demo shop: what `shop` describes, through the operations that callers use.

So the books are clean, and every order has its history and its audit rows. Dates lie in the past
because the operations read a clock that is moved from event to event.

All of it is one transaction: an interrupted load leaves nothing behind, and nobody sees half a
shop. The operations' own transactions become savepoints inside it.
"""

import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from heapq import heapify, heappop, heappush
from logging import WARNING
from random import Random
from typing import Any

import structlog

from api.local.demo import shop
from persistence.categories import INSERT_CATEGORY
from persistence.database.pool import Database, Limits
from persistence.database.transactions import QueryStats, Transaction
from persistence.fast.idle_connections import Connection
from persistence.users import Role
from services import wallet
from services.access.passwords import Passwords
from services.auth import signing_in as auth
from services.coupons import managing as coupons
from services.deposits import depositing as deposits
from services.ids import new_id
from services.invoices import issuing as invoices_jobs
from services.operation.context import Caller, Process, Request, new_process
from services.orders import buying as orders_buying
from services.orders import managing as orders_admin
from services.orders import reading as orders
from services.products import managing as products_managing
from services.refunds import refunding as refunds
from services.settings import Settings

PASSWORD = "tandem-demo-1"  # noqa: S105  (development only; production refuses to load it)
#: Two processes that start together must not both load.
_LOCK = 7_426_332
#: When the shop was set up and filled, in days before now; the orders begin `shop.LAST_DAY` ago.
_STAFF_DAY, _FIRST_PRODUCT_DAY, _FIRST_CUSTOMER_DAY = 190, 180, 150
#: The demo customer gets every so-maniest order, the newest among them.
_ORDERS_PER_DEMO_ORDER = 25
#: How long the orders of the last moments hold their stock, and the share of paid ones that the
#: shop goes on with.
_HOLD, _SENT = timedelta(minutes=10), 0.5
_DEMO_ADDRESS = {
    "name": "Una Keller",
    "line1": "Lindenstraße 14",
    "city": "Berlin",
    "postalCode": "10969",
    "country": "DE",
}
#: The share of delivered orders of which one piece came back.
_PARTLY_REFUNDED = 0.05
_IN_TURN = """
UPDATE jobs SET execute_after = now() + place * interval '3 seconds'
FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS place FROM jobs) AS turn
WHERE turn.id = jobs.id
"""
_REFUND_REASONS = (
    ("It did not fit.", True),
    ("It was not what the picture promised.", True),
    ("It arrived with a scratch.", False),
)
_REASONS = (
    "Ordered the wrong size.",
    "It would arrive too late for the birthday.",
    "Found one in the cellar after all.",
    "Changed my mind.",
)

Progress = Callable[[str], None]


async def seed(settings: Settings, progress: Progress | None = None) -> bool:
    """Load the demo shop into a migrated database; False when it holds users or products already.

    ``progress`` is told each step in a few words. Takes some seconds. Raises RuntimeError in
    production, where logins with a published password must not exist.
    """
    if not settings.development:
        raise RuntimeError("Demo data has a published password: production does not load it.")
    clock = _Clock(datetime.now(UTC))
    process = new_process(settings.model_copy(update={"pool_min": 1, "pool_max": 2}), clock)
    database = process.database
    try:
        await process.tokens.load()
        async with database.connection() as connection:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '60s'")
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                taken = "SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM products)"
                if await connection.fetchval(taken):
                    return False
                process.database = _OneTransaction(connection, database.limits)
                process.passwords = _OneHash(await process.passwords.hash(PASSWORD))
                with _quiet_logs():
                    await _load(_Loader(process, clock, connection), progress or _silent)
            # The first requests would be planned for empty tables otherwise.
            await connection.execute("ANALYZE")
        return True
    finally:
        process.database = database
        await process.close()
        await database.close()


class _Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class _OneTransaction(Database):
    """Runs everything on one connection, inside the transaction that it is in."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        super().__init__("", limits)
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The one connection."""
        yield self._connection

    @asynccontextmanager
    async def transaction(
        self, stats: QueryStats, *, by_key: bool = False
    ) -> AsyncIterator[Transaction]:
        """A savepoint; when the block raises, the whole load is rolled back by its owner."""
        transaction = Transaction(self, stats, self._connection)
        await transaction.run("SAVEPOINT call")
        yield transaction
        await transaction.flush()
        # Savepoints left open would make each of the next ones slower.
        await transaction.run("RELEASE SAVEPOINT call")


class _OneHash(Passwords):
    """Gives every account the same hash: they all have the same password."""

    def __init__(self, hash: str) -> None:
        super().__init__(1)
        self._hash = hash

    async def hash(self, password: str) -> str:
        """The hash made before."""
        return self._hash


@dataclass
class _Loader:
    """What the steps share."""

    process: Process
    clock: _Clock
    connection: Connection

    def request(self, caller: Caller | None = None) -> Request:
        """A request of its own for each call, from a caller who needs no token."""
        return Request(
            self.process,
            id=f"seed-{new_id(self.clock.now)}",
            face="seed",
            caller=caller,
            authenticated=caller is not None,
            prepaid=True,
        )

    async def register(
        self, person: shop.DemoCustomer | shop.DemoStaff, role: Role, bio: str | None = None
    ) -> Caller:
        """Make an account with a wallet; its session lasts for all of the load."""
        raw = {
            "email": person.email,
            "username": person.username,
            "password": PASSWORD,
            "fullName": person.full_name,
            "firstName": person.first_name,
            "lastName": person.last_name,
        }
        tokens = await auth.register(self.request(), raw)
        user_id = tokens.user.id
        execute = self.connection.execute
        # A new role ends the user's sessions: this one goes on.
        await execute(
            "UPDATE users SET role = $2, email_verified_at = created_at WHERE id = $1",
            user_id,
            role,
        )
        await execute("UPDATE profiles SET bio = $2 WHERE user_id = $1", user_id, bio)
        session_id = await self.connection.fetchval(
            "UPDATE sessions SET expires_at = 'infinity', revoked_at = NULL WHERE user_id = $1 "
            "RETURNING id",
            user_id,
        )
        return Caller(user_id, role, session_id=session_id)

    async def top_up(self, caller: Caller, needed: Decimal) -> None:
        """See that a wallet holds the amount, by a deposit of a round sum where it does not."""
        balance = (await wallet.get(self.request(caller))).balance
        if balance < needed:
            amount = 50 * math.ceil((needed - balance) / 50)
            key = new_id(self.clock.now)
            await deposits.create(self.request(caller), {"amount": str(amount)}, key=key)
            # Entries of one millisecond would be listed in any order.
            self.clock.now += timedelta(milliseconds=1)


async def _load(loader: _Loader, progress: Progress) -> None:
    now = loader.clock.now
    progress("people")
    staff = await _add_staff(loader, now)
    buyers = await _add_customers(loader, now)
    progress("products")
    product_ids = await _add_products(loader, now, staff[Role.MANAGER])
    await _add_coupons(loader, now, staff[Role.MANAGER])
    progress("orders")
    plans = shop.order_plans()
    agenda: list[_Appointment] = []
    for number, plan in enumerate(plans):
        buyer, address = buyers[plan.buyer], plan.shipping_address
        if (len(plans) - 1 - number) % _ORDERS_PER_DEMO_ORDER == 0:
            buyer, address = staff[Role.USER], _DEMO_ADDRESS
        code = shop.COUPONS[number // 6 % len(shop.COUPONS)].code if number % 6 == 3 else None
        manager = staff[Role.MANAGER]
        life = _order_life(loader, plan, buyer, manager, address, code, product_ids, now)
        placed_at = plan.placed_at(now)
        if plan.outcome == "PENDING":
            # What is still to be paid was placed a moment ago, or it would have expired.
            placed_at = now - _HOLD * (len(plans) - number) / len(plans)
        agenda.append((placed_at, number, life))
    await _live(loader, agenda, progress)
    loader.clock.now = now
    await loader.top_up(staff[Role.USER], Decimal(500))
    # There was no user before, so all of these are this load's own.
    for table in ("refresh_tokens", "sessions", "idempotency_keys"):
        await loader.connection.execute(f"DELETE FROM {table}")  # noqa: S608
    # Nobody reads the mails of demo accounts; the invoices' PDFs are left to a worker, the newest
    # first and one every few seconds, so that what somebody does in the shop is done before them.
    await loader.connection.execute("DELETE FROM jobs WHERE entrypoint <> 'invoices.render'")
    await loader.connection.execute(_IN_TURN)


async def _add_staff(loader: _Loader, now: datetime) -> dict[Role, Caller]:
    """The demo logins, one for each role."""
    loader.clock.now = now - timedelta(days=_STAFF_DAY)
    return {
        Role(person.role): await loader.register(person, Role(person.role)) for person in shop.STAFF
    }


async def _add_customers(loader: _Loader, now: datetime) -> list[Caller]:
    """The customers, in the order of `shop.customers`."""
    people = shop.customers()
    callers: list[Caller] = []
    for person, at in zip(people, _spread(now, _FIRST_CUSTOMER_DAY, len(people)), strict=True):
        loader.clock.now = at
        callers.append(await loader.register(person, Role.USER, person.bio))
    return callers


async def _add_products(loader: _Loader, now: datetime, manager: Caller) -> list[str]:
    """Categories and products; the products' ids in the order of `shop.products`."""
    goods = shop.products()
    times = _spread(now, _FIRST_PRODUCT_DAY, len(goods))
    categories = {category.slug: new_id(times[0]) for category in shop.CATEGORIES}
    async with loader.process.database.transaction(QueryStats()) as tx:
        for category in shop.CATEGORIES:
            await tx.all(
                INSERT_CATEGORY,
                id=categories[category.slug],
                slug=category.slug,
                name=category.name,
                description=category.description,
                created_at=times[0],
            )
    ids: list[str] = []
    for product, at in zip(goods, times, strict=True):
        loader.clock.now = at
        raw = {
            "name": product.name,
            "description": product.description,
            "price": str(product.price),
            "categoryId": categories[product.category_slug],
            "tags": list(product.tags),
            "metadata": product.metadata,
            "stock": product.stock,
        }
        ids.append((await products_managing.create(loader.request(manager), raw)).id)
    # No operation archives yet.
    archived = [id for id, product in zip(ids, goods, strict=True) if not product.is_active]
    await loader.connection.execute(
        "UPDATE products SET is_active = false WHERE id = ANY($1::uuid[])", archived
    )
    return ids


async def _add_coupons(loader: _Loader, now: datetime, manager: Caller) -> None:
    """The coupons that are there from the first order on."""
    loader.clock.now = now - timedelta(days=shop.LAST_DAY + 1)
    for coupon in shop.COUPONS:
        raw = {
            "code": coupon.code,
            "kind": coupon.kind,
            "value": coupon.value,
            "description": coupon.description,
            "minimumOrder": str(shop.COUPON_MINIMUM),
        }
        await coupons.create(loader.request(manager), raw)


async def _order_life(
    loader: _Loader,
    plan: shop.DemoOrder,
    buyer: Caller,
    manager: Caller,
    address: dict[str, str] | None,
    code: str | None,
    product_ids: list[str],
    now: datetime,
) -> AsyncIterator[datetime]:
    """An order from its placing on; yields when it goes on."""
    random = Random(f"{plan.days_ago} {plan.time_of_day}")  # noqa: S311 - the same every time
    goods = shop.products()
    total = sum((goods[line.product].price * line.quantity for line in plan.lines), Decimal(0))
    lines = [
        {"productId": product_ids[line.product], "quantity": line.quantity} for line in plan.lines
    ]
    await loader.top_up(buyer, total)
    if code is not None and total < shop.COUPON_MINIMUM:
        code = None
    raw = {"lines": lines, "shippingAddress": address, "couponCode": code}
    order = await orders_buying.create(loader.request(buyer), raw)
    if plan.outcome in ("PAID", "CANCELLED_AFTER_PAYMENT"):
        yield _later(loader.clock.now, timedelta(seconds=random.randint(60, 600)), now)
        await loader.top_up(buyer, total)  # another order may have taken the money
        key = new_id(loader.clock.now)
        await orders_buying.pay(loader.request(buyer), {"id": order.id}, key=key)
        await invoices_jobs.issue.by_system(loader.request(), {"id": order.id})
    if plan.outcome in ("CANCELLED", "CANCELLED_AFTER_PAYMENT"):
        yield _later(loader.clock.now, timedelta(minutes=random.randint(20, 2000)), now)
        raw = {"id": order.id, "reason": random.choice(_REASONS)}
        await orders_buying.cancel(loader.request(buyer), raw)
        await _write_credit_notes(loader, order.id)
    elif plan.outcome == "PAID" and random.random() < _SENT:
        for status, wait, more in _steps(random):
            if loader.clock.now + wait >= now:
                return
            yield loader.clock.now + wait
            raw = {"id": order.id, "status": status, **more}
            await orders_admin.update_status(loader.request(manager), raw)
        if random.random() < _PARTLY_REFUNDED:
            yield _later(loader.clock.now, timedelta(hours=random.randint(20, 200)), now)
            await _refund_one(loader, manager, order.id, random)


async def _refund_one(loader: _Loader, manager: Caller, order_id: str, random: Random) -> None:
    """A piece of an order comes back, and into stock again unless it is broken."""
    order = await orders.get(loader.request(manager), {"id": order_id})
    reason, restock = random.choice(_REFUND_REASONS)
    raw = {
        "id": order_id,
        "lines": [{"productId": random.choice(order.lines).product_id, "quantity": 1}],
        "restock": restock,
        "reason": reason,
    }
    await refunds.create(loader.request(manager), raw, key=new_id(loader.clock.now))
    await _write_credit_notes(loader, order_id)


async def _write_credit_notes(loader: _Loader, order_id: str) -> None:
    """What a worker does for every refund, a moment later."""
    found = await loader.connection.fetch("SELECT id FROM refunds WHERE order_id = $1", order_id)
    for row in found:
        await invoices_jobs.credit.by_system(loader.request(), {"id": row["id"]})


def _steps(random: Random) -> Iterator[tuple[str, timedelta, dict[str, str]]]:
    """What the shop does with an order once it is paid, and after how long."""
    yield "CONFIRMED", timedelta(minutes=random.randint(10, 600)), {}
    code = f"DEMO{random.randrange(10**10):010}"
    yield "SHIPPED", timedelta(hours=random.randint(4, 40)), {"trackingCode": code}
    yield "DELIVERED", timedelta(hours=random.randint(20, 90)), {}


_Appointment = tuple[datetime, int, AsyncIterator[datetime]]


async def _live(loader: _Loader, agenda: list[_Appointment], progress: Progress) -> None:
    """Let the orders go on in the order of time, whosever they are."""
    count = len(agenda)
    heapify(agenda)
    while agenda:
        loader.clock.now, number, life = heappop(agenda)
        following = await anext(life, None)
        if following is not None:
            heappush(agenda, (following, number, life))
        elif len(agenda) % 50 == 0:
            progress(f"orders, {count - len(agenda)} of {count}")


def _later(at: datetime, wait: timedelta, now: datetime) -> datetime:
    """A while after `at`, but always before `now`."""
    return at + min(wait, (now - at) / 2)


def _spread(now: datetime, first_day: int, count: int) -> list[datetime]:
    """Times at even distances from `first_day` days ago to the day before the first order."""
    start, end = timedelta(days=first_day), timedelta(days=shop.LAST_DAY + 1)
    return [now - start + (start - end) * number / count for number in range(count)]


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Hides the lines that a thousand operations would log, not their warnings."""
    before: dict[str, Any] = structlog.get_config() if structlog.is_configured() else {}
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(WARNING),
        # A logger kept from now on would stay quiet for good.
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        if before:
            structlog.configure(**before)


def _silent(_: str) -> None:
    pass
