"""No payment waits for another one, even with one coupon: there is no row that all of them lock.

One payment is held open, right before its commit, with every lock it takes; the others must end
meanwhile. The same test with a row that all payments write goes wrong, so it would be seen.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.orders import buying as orders_buying
from services.process import new_process
from tests.conftest import Addresses, settings_for
from tests.shop import Person, Shop, new_key

_GATE = 4_217
# Deferred: at COMMIT everything was written, and every other trigger of the writes has run.
_HOLD = f"""
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock({_GATE});
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hold AFTER UPDATE ON idempotency_keys
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.caller_id = '{{held}}' AND NEW.operation = 'orders.pay') EXECUTE FUNCTION hold();
"""
_SHARED_ROW = """
CREATE TABLE takings (payments bigint NOT NULL);
INSERT INTO takings VALUES (0);
CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE takings SET payments = payments + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER take AFTER INSERT ON payments FOR EACH ROW EXECUTE FUNCTION take();
"""
# Waits for a row are waits for its transaction. The gate is ours; that a table's file grows is
# waited for by whoever writes, and for no transaction's end.
_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND wait_event NOT IN ('advisory', 'extend')
"""
_AT_GATE = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'
"""


@pytest.fixture
async def shop(
    addresses: Addresses, fresh_database: str, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop on a database of its own, where the one held open may wait for as long as it takes."""
    process = new_process(settings_for(fresh_database, addresses.redis_url, lock_seconds=30))
    yield Shop(process, password_hash)
    await process.close()


async def order_to_pay(shop: Shop, coupon: Any) -> tuple[Person, Any]:
    """An order of somebody's own, of a product of its own, with a coupon that all others have."""
    buyer = await shop.person(balance="50.00")
    return buyer, await shop.redeem(coupon, buyer)


async def pay(shop: Shop, buyer: Person, order: Any) -> Any:
    return await orders_buying.pay(shop.request(buyer), {"id": order.id}, key=new_key())


@asynccontextmanager
async def one_held_open(shop: Shop, buyer: Person, order: Any) -> AsyncIterator[asyncpg.Connection]:
    """Inside, a payment has done everything but commit; it is let go afterwards, and goes well."""
    await shop.execute(_HOLD.format(held=buyer.id))
    gate = await asyncpg.connect(shop.process.settings.database_url, timeout=60)
    try:
        await gate.execute("SELECT pg_advisory_lock($1)", _GATE)
        paying = asyncio.create_task(pay(shop, buyer, order))
        while not await gate.fetchval(_AT_GATE):
            assert not paying.done()
            await asyncio.sleep(0.01)
        yield gate
        assert not paying.done()
        await gate.execute("SELECT pg_advisory_unlock($1)", _GATE)
        assert (await paying).order_id == order.id
    finally:
        await gate.close(timeout=60)


async def waits_seen(connection: asyncpg.Connection, paying: asyncio.Future[Any]) -> set[int]:
    """How many were seen to wait at one time, until all have paid or somebody waits."""
    seen = set()
    while not paying.done() and seen <= {0}:
        seen.add(await connection.fetchval(_WAITING))
    return seen


async def test_fifty_payments_end_while_another_one_is_held_open(shop: Shop) -> None:
    coupon = await shop.coupon()
    held, *others = [await order_to_pay(shop, coupon) for _ in range(51)]
    async with one_held_open(shop, *held) as connection:
        paying = asyncio.gather(*(pay(shop, *other) for other in others))
        assert await waits_seen(connection, paying) == {0}
        assert len({payment.order_id for payment in await paying}) == 50
    assert await shop.value("SELECT count(*) FROM payments") == 51


async def test_a_row_that_every_payment_writes_would_be_seen(shop: Shop) -> None:
    coupon = await shop.coupon()
    held, other = [await order_to_pay(shop, coupon) for _ in range(2)]
    await shop.execute(_SHARED_ROW)
    async with one_held_open(shop, *held) as connection:
        paying = asyncio.ensure_future(pay(shop, *other))
        assert 1 in await waits_seen(connection, paying)
        assert not paying.done()
    assert (await paying).order_id == other[1].id
