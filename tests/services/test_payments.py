"""Payments: lists of one's own."""

from typing import Any

import pytest

from tests.faces import Door
from tests.shop import Person, Shop, new_key

UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def test_the_list_holds_the_callers_own_payments_newest_first(
    door: Door, shop: Shop, manager: Person
) -> None:
    buyer, other = [await shop.person(balance="100.00") for _ in range(2)]
    orders = [await shop.order(buyer) for _ in range(3)]
    payments = [await shop.pay(buyer, order.id) for order in orders[:2]]
    await shop.order(other, paid=True)
    listed = await door.call("payments.list", caller=buyer)
    assert listed.ids() == [payment.id for payment in reversed(payments)]
    newest = (await door.call("payments.get", {"id": payments[1].id}, caller=buyer)).ok
    assert listed.ok[0] == newest
    assert newest["orderId"] == orders[1].id
    oldest = await door.call("payments.list", {"sort": "createdAt"}, caller=buyer)
    assert oldest.ids() == [payment.id for payment in payments]
    # Whoever sees everybody's payments one by one has a list of their own all the same.
    assert (await door.call("payments.list", caller=manager)).ids() == []


async def test_a_payment_is_completed_until_all_of_it_is_refunded(
    door: Door, shop: Shop, manager: Person
) -> None:
    buyer = await shop.person(balance="100.00")
    paid, key = await shop.order(buyer), new_key()
    payment = (await door.call("orders.pay", {"id": paid.id}, caller=buyer, key=key)).ok
    assert payment["status"] == "COMPLETED"

    async def status() -> str:
        found = await door.call("payments.get", {"id": payment["id"]}, caller=buyer)
        return str(found.ok["status"])

    async def listed(status: str) -> list[str]:
        return (await door.call("payments.list", {"status": status}, caller=buyer)).ids()

    await shop.refund(paid.id, amount="0.01")
    assert await status() == "COMPLETED"
    assert await listed("COMPLETED") == [payment["id"]]
    assert [await listed(other) for other in ("PENDING", "FAILED", "REFUNDED")] == [[], [], []]
    await shop.refund(paid.id)
    assert await status() == "REFUNDED"
    assert (await listed("COMPLETED"), await listed("REFUNDED")) == ([], [payment["id"]])
    # A replay answers what the call answered.
    again = await door.call("orders.pay", {"id": paid.id}, caller=buyer, key=key)
    assert again.ok == payment


async def test_a_cancelled_order_leaves_a_refunded_payment(
    door: Door, shop: Shop, manager: Person
) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer, paid=True)
    assert (await door.call("orders.cancel", {"id": order.id}, caller=buyer)).ok
    [payment] = (await door.call("payments.list", caller=buyer)).ok
    assert payment["status"] == "REFUNDED"


async def test_an_outcome_from_before_there_was_a_status_is_replayed(
    door: Door, shop: Shop
) -> None:
    buyer = await shop.person(balance="100.00")
    order, key = await shop.order(buyer), new_key()
    payment = (await door.call("orders.pay", {"id": order.id}, caller=buyer, key=key)).ok
    stored = await shop.value("SELECT outcome FROM idempotency_keys WHERE key = $1", key)
    older = stored.replace(b',"status":"COMPLETED"', b"")
    assert older != stored
    await shop.execute("UPDATE idempotency_keys SET outcome = $2 WHERE key = $1", key, older)
    assert (await door.call("orders.pay", {"id": order.id}, caller=buyer, key=key)).ok == payment


@pytest.mark.parametrize("status", ["PAID", "completed", ""])
async def test_an_unknown_status_of_a_payment_is_refused(
    door: Door, user: Person, status: str
) -> None:
    failure = (await door.call("payments.list", {"status": status}, caller=user)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert list(failure.paths) == ["status"]


async def test_payments_are_filtered_by_time_and_order(door: Door, shop: Shop) -> None:
    buyer = await shop.person(balance="100.00")
    first, second, third = [await shop.pay(buyer, (await shop.order(buyer)).id) for _ in range(3)]
    theirs = await shop.order(await shop.person(balance="100.00"), paid=True)

    async def found(**filters: Any) -> list[str]:
        return (await door.call("payments.list", filters, caller=buyer)).ids()

    # Half-open: from belongs to the range, to does not.
    since, until = second.created_at.isoformat(), third.created_at.isoformat()
    assert await found(**{"from": since, "to": until}) == [second.id]
    assert await found(**{"from": since}) == [third.id, second.id]
    assert await found(to=since) == [first.id]
    assert await found(orderId=third.order_id) == [third.id]
    assert await found(orderId=theirs.id) == []
    assert await found(orderId=UNKNOWN) == []
