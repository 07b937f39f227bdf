"""Writes that are sent together: fewer statements, and nothing else that anybody could tell."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import pytest
import sqlalchemy as sa

from persistence import wallet
from persistence.audit import entries as audit
from persistence.database.statements import Query
from persistence.database.transactions import Transaction
from persistence.jobs import statements as jobs
from persistence.orders import statements as orders_changes
from persistence.products.statements import HOLD_STOCK, LOCK_STOCK_LEVEL, StockLevel
from services import approvals
from services.access.permissions import Permission
from services.errors.common import Forbidden, TokenRevoked
from services.errors.products import ProductNotFound
from services.errors.wallet import InsufficientFunds
from services.etags import entity_tag
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Nothing
from services.operation.operation import operation
from services.orders import buying as orders_buying
from services.orders import managing as orders_admin
from services.orders import reading as orders
from services.process import new_process
from tests.services.test_operation import WAITING, locked, until
from tests.services.test_orders import ADDRESS
from tests.shop import Person, Shop, new_key, own_statements


@pytest.fixture(params=[True, False], ids=["fast", "readable"])
async def shop(request: pytest.FixtureRequest, shop: Shop) -> AsyncIterator[Shop]:
    """A shop on either way."""
    settings = shop.process.settings.model_copy(
        update={"fast_paths": request.param, "approval_above": Decimal(1000)}
    )
    process = new_process(settings, shop.process.clock)
    await process.revocations.poll()  # or callers' sessions are read besides
    yield Shop(process, shop.password_hash)
    await process.close()


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="50000.00")


def shown(value: Any) -> tuple[bytes, str]:
    """What a caller sees of an order."""
    return msgspec.json.encode(value), entity_tag(value)


async def same(shop: Shop, answer: Any) -> Any:
    """The answer, which must be what reading the order gives."""
    read = await orders.get(shop.request(await shop._manager()), {"id": answer.id})
    assert shown(answer) == shown(read)
    return answer


async def test_what_placing_answers_is_the_order_that_is_stored(shop: Shop, buyer: Person) -> None:
    cheap, dear = await shop.product("0.10", stock=999), await shop.product("99.9", stock=999)
    coupons = [None, await shop.coupon("12.50"), await shop.coupon("5", "FIXED")]
    for coupon, address, quantity in itertools.product(
        coupons, (None, ADDRESS, {**ADDRESS, "line2": "Flat 3"}), (1, 12)
    ):
        lines = [{"productId": each.id, "quantity": quantity} for each in (dear, cheap)]
        raw = {
            "lines": lines,
            "shippingAddress": address,
            "couponCode": coupon and coupon.code.lower(),
        }
        order = await same(shop, await orders_buying.create(shop.request(buyer), raw))
        assert order.status == ("AWAITING_APPROVAL" if quantity > 1 else "PENDING")
        assert order.coupon_id == (coupon and coupon.id)


async def test_what_moving_answers_is_the_order_that_is_stored(shop: Shop, buyer: Person) -> None:
    manager = await shop._manager()
    large = [((await shop.product("700.00", stock=99)).id, 2)]

    def ask() -> Any:
        return shop.request(manager)

    for decide in (approvals.approve, approvals.reject):
        order = await shop.order(buyer, large)
        await same(shop, await decide(ask(), {"id": order.id, "note": "Seen"}))
    order = await shop.order(buyer, paid=True)
    for status in ("CONFIRMED", "SHIPPED", "DELIVERED"):
        code = {"trackingCode": "1Z"} if status == "SHIPPED" else {}
        raw = {"id": order.id, "status": status, **code}
        moved = await same(shop, await orders_admin.update_status(ask(), raw))
    assert moved.version == 5
    for paid in (False, True):
        order = await shop.order(buyer, paid=paid, couponCode=(await shop.coupon()).code)
        ended = await same(shop, await orders_buying.cancel(shop.request(buyer), {"id": order.id}))
        # A refund and the step itself: two changes of one row, of which none may get lost.
        assert ended.version == (4 if paid else 2)
        assert ended.refunded == (ended.total if paid else 0)


async def test_an_order_and_its_payment_take_few_statements(shop: Shop, buyer: Person) -> None:
    fast = shop.process.settings.fast_paths
    product = await shop.product("1.00")
    placing = shop.request(buyer)
    raw = {"lines": [{"productId": product.id, "quantity": 2}]}
    order = await orders_buying.create(placing, raw)
    # BEGIN, the session with all that is locked, all that is written, COMMIT.
    assert own_statements(placing) == (4 if fast else 12)
    paying = shop.request(buyer)
    await orders_buying.pay(paying, {"id": order.id}, key=new_key())
    # BEGIN, the session, the key, the locks of order, stock and wallet, all the rest, COMMIT.
    assert own_statements(paying) == (8 if fast else 20)


async def test_ending_an_unpaid_order_takes_few_statements(shop: Shop, buyer: Person) -> None:
    order, cancelling = await shop.order(buyer), shop.request(buyer)
    await orders_buying.cancel(cancelling, {"id": order.id})
    # BEGIN, the session with the order, the locks of stock and wallet, all the rest, COMMIT.
    assert own_statements(cancelling) == (6 if shop.process.settings.fast_paths else 12)


_SESSION = "SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE"
_END_SESSION = "UPDATE sessions SET revoked_at = now() WHERE id = $1"
_STOCK = "SELECT 1 FROM stock WHERE product_id = $1 FOR UPDATE"
_PRODUCT = "SELECT 1 FROM products WHERE id = $1 FOR NO KEY UPDATE"
_WALLET = "SELECT 1 FROM accounts WHERE user_id = $1 FOR UPDATE"


async def free(shop: Shop, lock: str, id: str) -> bool:
    """Is nobody in the way of this lock?"""
    try:
        await shop.value(f"{lock} NOWAIT", id)
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def test_placing_locks_its_session_stock_by_id_products_and_the_wallet_in_this_order(
    shop: Shop, buyer: Person
) -> None:
    one, other = [(await shop.product()).id for _ in range(2)]
    order = [
        (_SESSION, buyer.session_id),
        (_STOCK, one),
        (_STOCK, other),
        (_PRODUCT, one),
        (_PRODUCT, other),
        (_WALLET, buyer.id),
    ]
    # However the buyer sorts them.
    raw = {"lines": [{"productId": each, "quantity": 1} for each in (other, one)]}
    for place, (lock, id) in enumerate(order):
        async with locked(shop, lock, id):
            placing = asyncio.create_task(orders_buying.create(shop.request(buyer), raw))
            await until(lambda: shop.value(WAITING), placing)
            held = [not await free(shop, *each) for each in order]
        assert held == [before <= place for before in range(len(order))]
        await placing


async def test_ending_an_unpaid_order_locks_its_stock_by_id_and_then_the_wallet(
    shop: Shop, buyer: Person
) -> None:
    one, other = [(await shop.product()).id for _ in range(2)]
    locks = [(_STOCK, one), (_STOCK, other), (_WALLET, buyer.id)]
    for place, (lock, id) in enumerate(locks):
        placed = await shop.order(buyer, [(other, 1), (one, 1)])
        async with locked(shop, lock, id):
            ending = asyncio.create_task(
                orders_buying.cancel(shop.request(buyer), {"id": placed.id})
            )
            await until(lambda: shop.value(WAITING), ending)
            held = [not await free(shop, *each) for each in locks]
        assert held == [before <= place for before in range(len(locks))]
        await ending


async def test_placing_reads_the_wallet_as_a_payment_before_it_left_it(
    shop: Shop, buyer: Person
) -> None:
    product = await shop.product("30.00")
    raw = {"lines": [{"productId": product.id, "quantity": 1}]}
    async with locked(shop, _STOCK, product.id) as connection:
        placing = asyncio.create_task(orders_buying.create(shop.request(buyer), raw))
        await until(lambda: shop.value(WAITING), placing)
        # What it was begun with is spent before it gets the stock.
        await shop.execute("UPDATE accounts SET balance = 29 WHERE user_id = $1", buyer.id)
        await connection.execute("ROLLBACK")
        with pytest.raises(InsufficientFunds):
            await placing
    assert await shop.stock(product.id) == (10, 0)


@pytest.mark.parametrize("refused", [False, True], ids=["good", "refused"])
async def test_a_session_that_ends_while_its_call_waits_for_it_leaves_no_trace(
    shop: Shop, buyer: Person, refused: bool
) -> None:
    product = await shop.product(stock=2)
    raw = {"lines": [{"productId": product.id, "quantity": 3 if refused else 1}]}
    request, before = shop.request(buyer), await shop.digest()
    async with locked(shop, _SESSION, buyer.session_id) as connection:
        placing = asyncio.create_task(orders_buying.create(request, raw))
        await until(lambda: shop.value(WAITING), placing)
        await connection.execute(_END_SESSION, buyer.session_id)
        await connection.execute("COMMIT")
        with pytest.raises(TokenRevoked):
            await placing
    after = await shop.digest()
    assert [table for table in after if after[table] != before[table]] == ["sessions"]
    assert await shop.audits_of(request.id) == []


async def test_a_role_that_the_token_does_not_know_of_counts(shop: Shop, manager: Person) -> None:
    buyer = await shop.person(balance="50.00")
    order = await shop.order(buyer, paid=True)
    await shop.execute("UPDATE users SET role = 'USER' WHERE id = $1", manager.id)
    await shop.execute("UPDATE sessions SET revoked_at = NULL WHERE id = $1", manager.session_id)
    raw = {"id": order.id, "status": "CONFIRMED"}
    async with shop.unchanged():
        with pytest.raises(Forbidden):
            await orders_admin.update_status(shop.request(manager), raw)


class Level(msgspec.Struct):
    """What an operation of these tests answers."""

    on_hand: int
    held: int


def adjusting(act: Callable[[Context, Transaction], Awaitable[Any]], key: Key = Key.NONE) -> Any:
    """An operation that does this."""

    @operation(
        "tests.adjust",
        who=Permission.ACCOUNT_READ_OWN,
        result=Level,
        input=Nothing,
        errors=[ProductNotFound],
        writes=True,
        key=key,
    )
    async def adjust(ctx: Context, tx: Transaction, input: Nothing) -> Any:
        """Do something to a product's stock."""
        return await act(ctx, tx)

    return adjust


async def test_changes_of_one_row_add_up_and_reads_see_them(shop: Shop, buyer: Person) -> None:
    product = await shop.product(stock=10)

    async def hold_thrice(ctx: Context, tx: Transaction) -> StockLevel:
        for _ in range(3):
            await tx.write(HOLD_STOCK, ids=[product.id], quantities=[2])
        level = await tx.one(LOCK_STOCK_LEVEL, product_id=product.id)
        assert level is not None
        await tx.write(HOLD_STOCK, ids=[product.id], quantities=[1])
        return level

    seen = await adjusting(hold_thrice)(shop.request(buyer))
    assert (seen.on_hand, seen.held) == (10, 6)
    assert await shop.stock(product.id) == (10, 7)


@pytest.mark.parametrize("sent", [False, True], ids=["waiting", "sent"])
async def test_what_was_written_before_a_refusal_is_undone(
    shop: Shop, buyer: Person, sent: bool
) -> None:
    product = await shop.product()

    async def hold_and_refuse(ctx: Context, tx: Transaction) -> None:
        ctx.record("product", product.id, "stock")
        await tx.write(HOLD_STOCK, ids=[product.id], quantities=[2])
        if sent:
            await tx.flush()
        raise ProductNotFound

    request = shop.request(buyer)
    async with shop.unchanged():
        with pytest.raises(ProductNotFound):
            await adjusting(hold_and_refuse)(request)
    [row] = await shop.audits_of(request.id)
    assert (row["outcome"], row["changed"]) == ("PRODUCT_NOT_FOUND", [])
    assert str(row["entity_id"]) == product.id


async def test_what_is_locked_after_a_key_may_take_as_long_as_always(
    shop: Shop, buyer: Person
) -> None:
    limit = Query(sa.select(sa.func.current_setting("lock_timeout")), str)
    seen = []

    async def look(ctx: Context, tx: Transaction) -> None:
        seen.append(await tx.one(limit))

    look_once = adjusting(look, Key.REQUIRED)
    key = new_key()
    for _ in range(2):
        await look_once(shop.request(buyer), key=key)
        # The second call takes over what the first one left too long ago.
        await shop.execute(
            "UPDATE idempotency_keys SET created_at = '2020-01-01' WHERE key = $1", key
        )
    assert seen == [f"{shop.process.settings.lock_seconds:g}s"] * 2


def test_statements_know_what_they_read_and_change() -> None:
    def of(query: Query[Any]) -> tuple[set[str], set[str]]:
        return set(query.reads), set(query.writes)

    # Triggers change what the wallet holds.
    assert of(orders_changes.INSERT_ORDER) == (set(), {"orders", "accounts"})
    assert of(orders_changes.INSERT_LINES) == (set(), {"order_lines"})
    assert of(orders_changes.MOVE_ORDER) == ({"orders"}, {"orders", "accounts"})
    assert of(orders_changes.LOCK_OFFERS) == ({"stock", "products", "accounts"}, set())
    assert of(HOLD_STOCK) == ({"stock"}, {"stock"})
    assert of(audit.INSERT_AUDIT) == ({"written_entry"}, {"audit_log", "audit_unsealed"})
    assert of(jobs.ENQUEUE) == ({"queued_job"}, {"jobs", "job_log"})
    # A trigger adds postings to the wallet.
    assert of(wallet.INSERT_POSTINGS) == (set(), {"postings", "accounts"})
