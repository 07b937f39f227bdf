"""Orders as the shop sees them: quoted, listed, moved on, and ended when nobody paid."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services import approvals
from services.errors.base import TandemError
from services.errors.orders import OrderStatusInvalid
from services.jobs.handlers import HANDLERS, SCHEDULES
from services.jobs.queue import Job
from services.orders import buying as orders_buying
from services.orders import managing as orders_admin
from services.orders.managing import expire_due
from tests.faces import Door
from tests.shop import Clock, Person, Shop, new_key
from tests.worker.work import eventually, queue, working

UNKNOWN = "01890000-0000-7000-8000-000000000000"
JOB = Job("job", "a-request", {})

#: Where orders.updateStatus takes an order from each status: written by hand.
WAYS = {
    "PENDING": {"CANCELLED"},
    "AWAITING_APPROVAL": {"CANCELLED"},
    "PAID": {"CONFIRMED", "CANCELLED"},
    "CONFIRMED": {"SHIPPED", "CANCELLED"},
    "SHIPPED": {"DELIVERED"},
    "DELIVERED": set[str](),
    "CANCELLED": set[str](),
    "REJECTED": set[str](),
    "EXPIRED": set[str](),
}


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="50000.00")


async def order_in(shop: Shop, buyer: Person, manager: Person, status: str) -> Any:
    """An order that came to a status by the operations that lead there."""
    if status in ("AWAITING_APPROVAL", "REJECTED"):
        order = await shop.large_order(buyer)
        if status == "REJECTED":
            await approvals.reject(shop.request(manager), {"id": order.id})
        return order
    ways = {"CONFIRMED": 1, "SHIPPED": 2, "DELIVERED": 3}
    paid = status == "PAID" or status in ways
    order = await shop.order(buyer, paid=paid, cancelled=status == "CANCELLED")
    for step in ("CONFIRMED", "SHIPPED", "DELIVERED")[: ways.get(status, 0)]:
        await orders_admin.update_status(shop.request(manager), {"id": order.id, "status": step})
    if status == "EXPIRED":
        await shop.execute(
            "UPDATE orders SET expires_at = $2 WHERE id = $1", order.id, shop.process.clock()
        )
        await expire_due(shop.process, JOB)
    return order


async def moved(shop: Shop, order_id: str) -> list[tuple[str, str | None]]:
    rows = await shop.rows(
        "SELECT to_status, actor_id::text FROM order_history WHERE order_id = $1"
        " ORDER BY created_at, id",
        order_id,
    )
    return [(row["to_status"], row["actor_id"]) for row in rows]


async def test_a_quote_says_what_the_order_will_cost_and_holds_nothing(
    door: Door, shop: Shop, buyer: Person
) -> None:
    lamp, book = await shop.product("19.99", stock=1), await shop.product("0.01", stock=9)
    raw = {
        "lines": [
            {"productId": lamp.id, "quantity": 1},
            {"productId": book.id, "quantity": 3},
        ]
    }
    async with shop.unchanged():
        quote = (await door.call("orders.quote", raw, caller=buyer)).ok
    assert (quote["subtotal"], quote["discount"], quote["total"]) == ("20.02", "0.00", "20.02")
    assert quote["needsApproval"] is False
    order = (await door.call("orders.create", raw, caller=buyer)).ok
    shared = ("lines", "subtotal", "discount", "total", "tax", "currency")
    assert {name: quote[name] for name in shared} == {name: order[name] for name in shared}


async def test_a_quote_says_that_a_large_order_has_to_be_approved(
    door: Door, shop: Shop, user: Person
) -> None:
    product = await shop.product("10000.01")
    raw = {"lines": [{"productId": product.id, "quantity": 1}]}
    assert (await door.call("orders.quote", raw, caller=user)).ok["needsApproval"] is True


async def test_a_quote_asks_neither_for_money_nor_for_stock_but_for_products_that_are_sold(
    door: Door, shop: Shop, user: Person
) -> None:
    scarce, archived = await shop.product(stock=0), await shop.product(is_active=False)
    raw = {"lines": [{"productId": scarce.id, "quantity": 7}]}
    assert (await door.call("orders.quote", raw, caller=user)).ok["subtotal"] == "139.93"
    raw["lines"] += [{"productId": id, "quantity": 1} for id in (UNKNOWN, archived.id)]
    outcome = await door.call("orders.quote", raw, caller=user)
    assert outcome.code == "PRODUCT_NOT_FOUND"
    assert list(outcome.failure.paths) == ["lines.1.productId", "lines.2.productId"]


async def test_the_shop_sees_everybodys_orders_by_customer_status_and_time(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    other = await shop.person(balance="100.00")
    first, theirs = await shop.order(buyer), await shop.order(other)
    paid = await shop.order(buyer, paid=True)
    # Other tests' clocks run ahead, and their orders come first.
    since = {"from": first.created_at.isoformat(), "first": 100, "sort": "createdAt"}
    seen = (await door.call("orders.listAll", since, caller=manager)).ids()
    assert [id for id in seen if id in {first.id, theirs.id, paid.id}] == [
        first.id,
        theirs.id,
        paid.id,
    ]
    for filters, expected in (
        ({"customerId": buyer.id}, [paid.id, first.id]),
        ({"customerId": buyer.id, "status": "PAID"}, [paid.id]),
        ({"number": theirs.number}, [theirs.id]),
        ({"customerId": buyer.id, "sort": "createdAt"}, [first.id, paid.id]),
        ({"customerId": UNKNOWN}, []),
    ):
        assert (await door.call("orders.listAll", filters, caller=manager)).ids() == expected


async def test_an_order_goes_to_its_end_and_its_buyer_can_follow_it(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    found = {}
    for step in (
        {"status": "CONFIRMED"},
        {"status": "SHIPPED", "trackingCode": "1Z999AA10123456784", "note": "By van."},
        {"status": "DELIVERED"},
    ):
        found = (
            await door.call("orders.updateStatus", {"id": order.id, **step}, caller=manager)
        ).ok
        assert found["status"] == step["status"]
    assert found["trackingCode"] == "1Z999AA10123456784"
    assert found["shippedAt"] < found["deliveredAt"]
    assert (found["version"], found["nextStatuses"]) == (order.version + 3, [])
    assert (await door.call("orders.get", {"id": order.id}, caller=buyer)).ok == found
    assert await moved(shop, order.id) == [
        ("PENDING", buyer.id),
        ("PAID", buyer.id),
        *((status, manager.id) for status in ("CONFIRMED", "SHIPPED", "DELIVERED")),
    ]


@pytest.mark.parametrize("status", WAYS)
async def test_a_status_leads_where_the_table_says_and_nowhere_else(
    shop: Shop, buyer: Person, manager: Person, status: str
) -> None:
    order = await order_in(shop, buyer, manager, status)
    refused = set(WAYS) - WAYS[status]
    async with shop.unchanged():
        for to in refused:
            values = {"id": order.id, "status": to}
            with pytest.raises(OrderStatusInvalid) as error:
                await orders_admin.update_status(shop.request(manager), values)
            assert error.value.details["status"] == status
    for to in sorted(WAYS[status]):
        order = await order_in(shop, buyer, manager, status)
        values = {"id": order.id, "status": to}
        moved_on = await orders_admin.update_status(shop.request(manager), values)
        assert moved_on.status == to


async def test_nothing_but_paying_makes_an_order_paid(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    order = await shop.order(buyer)
    async with shop.unchanged():
        values = {"id": order.id, "status": "PAID"}
        outcome = await door.call("orders.updateStatus", values, caller=manager)
    assert (outcome.code, outcome.status) == ("ORDER_STATUS_INVALID", 422)


async def test_a_tracking_code_goes_with_shipping_only(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    values = {"id": order.id, "status": "CONFIRMED", "trackingCode": "1Z"}
    async with shop.unchanged():
        outcome = await door.call("orders.updateStatus", values, caller=manager)
    assert (outcome.code, outcome.failure.paths) == (
        "VALIDATION_FAILED",
        {"trackingCode": "CONFLICT"},
    )


@pytest.mark.parametrize(("status", "next_step"), [("PAID", "CONFIRMED"), ("CONFIRMED", "SHIPPED")])
async def test_an_order_whose_payment_was_given_back_is_not_sent(
    door: Door, shop: Shop, buyer: Person, manager: Person, status: str, next_step: str
) -> None:
    order = await order_in(shop, buyer, manager, status)
    await shop.refund(order.id)
    found = (await door.call("orders.get", {"id": order.id}, caller=buyer)).ok
    assert (found["paymentStatus"], found["nextStatuses"]) == ("REFUNDED", ["CANCELLED"])
    async with shop.unchanged():
        values = {"id": order.id, "status": next_step}
        outcome = await door.call("orders.updateStatus", values, caller=manager)
    assert outcome.code == "ORDER_STATUS_INVALID"
    assert outcome.failure.details == {"status": status, "nextStatuses": ["CANCELLED"]}


@pytest.mark.parametrize("status", ["PAID", "CONFIRMED"])
async def test_the_shop_cancels_a_paid_order_as_its_buyer_does(
    door: Door, shop: Shop, buyer: Person, manager: Person, status: str
) -> None:
    order = await order_in(shop, buyer, manager, status)
    values = {"id": order.id, "status": "CANCELLED", "note": "Broken in the store."}
    cancelled = (await door.call("orders.updateStatus", values, caller=manager)).ok
    assert (cancelled["paymentStatus"], cancelled["refunded"]) == ("REFUNDED", cancelled["total"])
    assert await shop.balance(buyer) == Decimal("50000.00")
    assert await shop.stock(order.lines[0].product_id) == (10, 0)


async def test_an_order_that_nobody_pays_expires_and_its_stock_is_free(
    shop: Shop, buyer: Person, clock: Clock
) -> None:
    order = await shop.order(buyer)
    product = order.lines[0].product_id
    assert abs(order.expires_at - clock() - timedelta(minutes=15)) < timedelta(minutes=1)
    clock.forward(minutes=14)
    await expire_due(shop.process, JOB)
    assert await shop.stock(product) == (10, 1)
    clock.forward(minutes=1, seconds=1)
    await expire_due(shop.process, JOB)
    assert await shop.stock(product) == (10, 0)
    assert await moved(shop, order.id) == [("PENDING", buyer.id), ("EXPIRED", None)]
    [row] = await shop.rows(
        "SELECT actor_id, outcome, request_id FROM audit_log"
        " WHERE entity_id = $1 AND action = 'orders.expire'",
        order.id,
    )
    assert tuple(row.values()) == (None, "OK", "a-request")


async def test_the_row_decides_between_paying_and_expiring_not_the_clock(
    shop: Shop, buyer: Person, clock: Clock
) -> None:
    order = await shop.order(buyer)
    clock.forward(minutes=16)
    buyer = await shop.signed_in_again(buyer)
    await shop.pay(buyer, order.id)
    await expire_due(shop.process, JOB)
    assert (await moved(shop, order.id))[-1] == ("PAID", buyer.id)
    assert await shop.stock(order.lines[0].product_id) == (9, 0)


async def test_paying_and_expiring_at_once_leave_one_of_the_two(shop: Shop, clock: Clock) -> None:
    people = [await shop.person(balance="100.00") for _ in range(20)]
    placed = [await shop.order(person) for person in people]
    clock.forward(minutes=16)
    people = [await shop.signed_in_again(person) for person in people]
    paying = [
        orders_buying.pay(shop.request(person), {"id": order.id}, key=new_key())
        for person, order in zip(people, placed, strict=True)
    ]
    *paid, _ = await asyncio.gather(*paying, expire_due(shop.process, JOB), return_exceptions=True)
    for order, outcome in zip(placed, paid, strict=True):
        [row] = await shop.rows("SELECT status FROM orders WHERE id = $1", order.id)
        stock = await shop.stock(order.lines[0].product_id)
        if isinstance(outcome, TandemError):
            assert (outcome.code, row["status"]) == ("ORDER_STATUS_INVALID", "EXPIRED")
            assert stock == (10, 0)
        else:
            assert (row["status"], stock) == ("PAID", (9, 0))


async def test_every_order_that_is_due_expires_however_many_are_read_at_once(
    shop: Shop, buyer: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders_admin, "_DUE_AT_ONCE", 2)
    placed = [await shop.order(buyer) for _ in range(5)]
    clock.forward(minutes=16)
    await expire_due(shop.process, JOB)
    for order in placed:
        assert (await moved(shop, order.id))[-1] == ("EXPIRED", None)


async def test_an_order_that_cannot_expire_keeps_no_other_from_it(
    shop: Shop, buyer: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders_admin, "_DUE_AT_ONCE", 1)
    stuck, other = await shop.order(buyer), await shop.order(buyer)
    # Its stock is held no more, which nothing of ours does: releasing it is refused.
    product = stuck.lines[0].product_id
    await shop.execute("UPDATE stock SET held = 0 WHERE product_id = $1", product)
    clock.forward(minutes=16)
    await expire_due(shop.process, JOB)
    assert [len(await moved(shop, order.id)) for order in (stuck, other)] == [1, 2]
    await shop.execute("UPDATE stock SET held = 1 WHERE product_id = $1", product)
    await expire_due(shop.process, JOB)
    assert await shop.stock(product) == (10, 0)


async def test_a_worker_expires_what_is_due(shop: Shop, buyer: Person, clock: Clock) -> None:
    assert SCHEDULES["orders.expire"](shop.process.settings) == 5
    order = await shop.order(buyer)
    clock.forward(minutes=16)
    await queue(shop, "orders.expire")

    async def expired() -> bool:
        return (await moved(shop, order.id))[-1] == ("EXPIRED", None)

    # What other tests left in the queue is left to them.
    async with working(shop, {"orders.expire": HANDLERS["orders.expire"]}):
        assert await eventually(expired)
