"""Approvals: a large order waits until a manager other than its buyer has looked at it."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services import approvals
from services.errors.base import TandemError
from services.errors.orders import OrderStatusInvalid
from services.orders import buying as orders_buying
from services.orders.managing import expire_due
from tests.faces import Door
from tests.services.test_orders_admin import JOB
from tests.shop import Clock, Person, Shop, new_key

UNKNOWN = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="50000.00")


async def history(shop: Shop, order_id: str) -> list[tuple[str | None, str, str | None]]:
    rows = await shop.rows(
        "SELECT from_status, to_status, actor_id::text FROM order_history WHERE order_id = $1"
        " ORDER BY created_at, id",
        order_id,
    )
    return [(row["from_status"], row["to_status"], row["actor_id"]) for row in rows]


def until(order: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(order["expiresAt"])


async def test_an_order_above_the_threshold_waits_for_approval(
    door: Door, shop: Shop, buyer: Person, clock: Clock
) -> None:
    product = await shop.product("10000.00", stock=5)
    cheap = await shop.product("0.01", stock=5)
    at = {"lines": [{"productId": product.id, "quantity": 1}]}
    above = {"lines": [*at["lines"], {"productId": cheap.id, "quantity": 1}]}
    assert (await door.call("orders.create", at, caller=buyer)).ok["status"] == "PENDING"
    order = (await door.call("orders.create", above, caller=buyer)).ok
    assert order["status"] == "AWAITING_APPROVAL"
    assert order["nextStatuses"] == ["PENDING", "REJECTED", "CANCELLED", "EXPIRED"]
    assert abs(until(order) - clock() - timedelta(days=1)) < timedelta(minutes=1)
    assert await shop.stock(cheap.id) == (5, 1)
    async with shop.unchanged():
        values = {"id": order["id"]}
        paid = await door.call("orders.pay", values, caller=buyer, key=new_key())
    assert paid.code == "ORDER_STATUS_INVALID"


async def test_an_approved_order_can_be_paid_and_its_hold_begins_again(
    door: Door, shop: Shop, buyer: Person, manager: Person, clock: Clock
) -> None:
    order = await shop.large_order(buyer)
    values = {"id": order.id, "note": "A good customer."}
    approved = (await door.call("approvals.approve", values, caller=manager)).ok
    assert approved["status"] == "PENDING"
    assert approved["approvedAt"] is not None
    assert approved["version"] == order.version + 1
    assert abs(until(approved) - clock() - timedelta(minutes=15)) < timedelta(minutes=1)
    assert await history(shop, order.id) == [
        (None, "AWAITING_APPROVAL", buyer.id),
        ("AWAITING_APPROVAL", "PENDING", manager.id),
    ]
    await shop.pay(buyer, order.id)
    assert await shop.balance(buyer) == Decimal("50000.00") - order.total


async def test_a_rejected_order_is_over_and_its_stock_free(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    order = await shop.large_order(buyer)
    product = order.lines[0].product_id
    held = (await shop.stock(product))[1]
    values = {"id": order.id, "note": "Too large for us."}
    rejected = (await door.call("approvals.reject", values, caller=manager)).ok
    assert (rejected["status"], rejected["nextStatuses"]) == ("REJECTED", [])
    assert rejected["expiresAt"] is None
    assert (held, (await shop.stock(product))[1]) == (1, 0)
    [first, *_] = (await door.call("orders.history", {"id": order.id}, caller=buyer)).ok
    assert (first["toStatus"], first["note"]) == ("REJECTED", "Too large for us.")


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_nobody_decides_about_an_order_of_their_own(
    door: Door, shop: Shop, decision: str
) -> None:
    manager = await shop.person("MANAGER", balance="50000.00")
    order = await shop.large_order(manager)
    async with shop.unchanged():
        outcome = await door.call(f"approvals.{decision}", {"id": order.id}, caller=manager)
    assert (outcome.code, outcome.status) == ("SELF_APPROVAL", 403)


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_only_what_waits_is_decided_about(
    door: Door, shop: Shop, buyer: Person, manager: Person, decision: str
) -> None:
    small, decided = await shop.order(buyer), await shop.large_order(buyer)
    await approvals.reject(shop.request(manager), {"id": decided.id})
    async with shop.unchanged():
        for order_id, code in (
            (small.id, "ORDER_STATUS_INVALID"),
            (decided.id, "ORDER_STATUS_INVALID"),
            (UNKNOWN, "ORDER_NOT_FOUND"),
        ):
            outcome = await door.call(f"approvals.{decision}", {"id": order_id}, caller=manager)
            assert outcome.code == code


async def test_what_waits_is_listed_newest_first(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    first, second = await shop.large_order(buyer), await shop.large_order(buyer)
    decided, small = await shop.large_order(buyer), await shop.order(buyer)
    await approvals.approve(shop.request(manager), {"id": decided.id})
    listed = (await door.call("approvals.list", {"first": 100}, caller=manager)).ids()
    assert [id for id in listed if id in {first.id, second.id, decided.id, small.id}] == [
        second.id,
        first.id,
    ]


async def test_an_order_that_nobody_approves_in_time_expires(
    shop: Shop, buyer: Person, clock: Clock
) -> None:
    order = await shop.large_order(buyer)
    clock.forward(hours=23)
    await expire_due(shop.process, JOB)
    assert (await status_of(shop, order.id))[0] == "AWAITING_APPROVAL"
    clock.forward(hours=1, seconds=1)
    await expire_due(shop.process, JOB)
    assert await status_of(shop, order.id) == ("EXPIRED", None)
    assert (await shop.stock(order.lines[0].product_id))[1] == 0


async def test_of_many_decisions_at_once_one_counts(shop: Shop, buyer: Person) -> None:
    order = await shop.large_order(buyer)
    managers = [await shop.person("MANAGER") for _ in range(6)]
    calls = [
        (approvals.approve, approvals.reject)[place % 2](shop.request(manager), {"id": order.id})
        for place, manager in enumerate(managers)
    ]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(each) is OrderStatusInvalid for each in found) == [False, *[True] * 5]
    assert len(await history(shop, order.id)) == 2


async def test_a_hold_that_began_again_is_the_one_that_ends(
    shop: Shop, buyer: Person, manager: Person, clock: Clock
) -> None:
    order = await shop.large_order(buyer)
    clock.forward(hours=23, minutes=55)
    manager = await shop.signed_in_again(manager)
    await approvals.approve(shop.request(manager), {"id": order.id})
    clock.forward(minutes=10)  # beyond the end of the wait, within the hold
    await expire_due(shop.process, JOB)
    assert (await status_of(shop, order.id))[0] == "PENDING"
    clock.forward(minutes=6)
    await expire_due(shop.process, JOB)
    assert (await status_of(shop, order.id))[0] == "EXPIRED"
    buyer = await shop.signed_in_again(buyer)
    with pytest.raises(TandemError, match="ORDER_STATUS_INVALID"):
        await orders_buying.pay(shop.request(buyer), {"id": order.id}, key=new_key())


async def status_of(shop: Shop, order_id: str) -> tuple[str, datetime | None]:
    [row] = await shop.rows("SELECT status, expires_at FROM orders WHERE id = $1", order_id)
    return row["status"], row["expires_at"]
