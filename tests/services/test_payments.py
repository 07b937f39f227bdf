"""Payments: lists of one's own."""

from typing import Any

from tests.faces import Door
from tests.shop import Person, Shop

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
