"""Coupons on orders: held when an order is placed, used when it is paid, let go with it."""

from typing import Any

import httpx
import pytest

from services.jobs.queue import Job
from services.orders.managing import expire
from tests.faces import Door
from tests.shop import Clock, Person, Shop, new_key, unique

STATUS = "SELECT status FROM coupon_redemptions WHERE order_id = $1"


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="100.00")


def bought(product: Any, quantity: int, code: str | None = None) -> dict[str, Any]:
    raw: dict[str, Any] = {"lines": [{"productId": product.id, "quantity": quantity}]}
    return raw if code is None else raw | {"couponCode": code}


async def test_a_coupon_lowers_what_is_to_be_paid(door: Door, shop: Shop, buyer: Person) -> None:
    product, coupon = await shop.product("19.99", stock=5), await shop.coupon("12.50")
    raw = bought(product, 2, coupon.code.swapcase())
    order = (await door.call("orders.create", raw, caller=buyer)).ok
    assert (order["subtotal"], order["discount"], order["total"]) == ("39.98", "5.00", "34.98")
    assert order["tax"] == "5.59"  # 19 % of 29.39
    assert (order["couponId"], order["couponCode"]) == (coupon.id, coupon.code)
    assert (await door.call("orders.get", {"id": order["id"]}, caller=buyer)).ok == order
    assert await shop.value(STATUS, order["id"]) == "HELD"
    payment = await door.call("orders.pay", {"id": order["id"]}, caller=buyer, key=new_key())
    assert payment.ok["amount"] == "34.98"
    assert str(await shop.balance(buyer)) == "65.02"
    assert await shop.value(STATUS, order["id"]) == "USED"


async def test_an_order_without_a_coupon_has_no_discount(
    door: Door, shop: Shop, buyer: Person
) -> None:
    order = (await door.call("orders.create", bought(await shop.product(), 1), caller=buyer)).ok
    assert (order["discount"], order["couponId"], order["couponCode"]) == ("0.00", None, None)
    assert order["total"] == order["subtotal"]


async def test_a_quote_says_what_the_order_will_cost_and_holds_nothing(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product, coupon = await shop.product("19.99", stock=5), await shop.coupon("5.00", "FIXED")
    raw = bought(product, 2, coupon.code.lower())
    async with shop.unchanged():
        quote = (await door.call("orders.quote", raw, caller=buyer)).ok
    order = (await door.call("orders.create", raw, caller=buyer)).ok
    amounts = ("subtotal", "discount", "total", "tax", "currency")
    assert [quote[name] for name in amounts] == [order[name] for name in amounts]
    assert quote["discount"] == "5.00"


async def test_the_wallet_must_hold_the_total_and_not_the_subtotal(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product, coupon = await shop.product("105.00"), await shop.coupon("5.00", "FIXED")
    raw = bought(product, 1, coupon.code)
    assert (await door.call("orders.create", raw, caller=buyer)).ok["total"] == "100.00"
    raw = bought(await shop.product("105.01"), 1, (await shop.coupon("5.00", "FIXED")).code)
    other = await shop.person(balance="100.00")
    async with shop.unchanged():
        outcome = await door.call("orders.create", raw, caller=other)
    assert (outcome.code, outcome.failure.details["missing"]) == ("INSUFFICIENT_FUNDS", "0.01")


@pytest.mark.parametrize("operation", ["orders.create", "orders.quote"])
async def test_a_coupon_that_cannot_be_redeemed_refuses_the_order(
    door: Door, shop: Shop, buyer: Person, operation: str
) -> None:
    product = await shop.product("20.00")
    ended = await shop.coupon(endsAt="2026-01-31T12:00:00Z")
    dear, gone = await shop.coupon(minimumOrder="20.01"), await shop.coupon(usageLimit=1)
    await shop.redeem(gone, await shop.person(balance="100.00"))
    cases = (
        (unique("C"), "COUPON_INVALID"),
        (dear.code, "COUPON_INVALID"),
        (ended.code, "COUPON_EXPIRED"),
        (gone.code, "COUPON_EXHAUSTED"),
    )
    for code, expected in cases:
        async with shop.unchanged():
            outcome = await door.call(operation, bought(product, 1, code), caller=buyer)
        assert (outcome.code, outcome.status) == (expected, 422)
    async with shop.unchanged():
        failure = (await door.call(operation, bought(product, 1, ""), caller=buyer)).failure
    assert failure.paths == {"couponCode": "TOO_SHORT"}


async def test_a_cancelled_order_that_was_not_paid_frees_the_coupon(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product, other = await shop.product("20.00"), await shop.person(balance="100.00")
    coupon = await shop.coupon(usageLimit=1)
    raw = bought(product, 1, coupon.code)
    order = (await door.call("orders.create", raw, caller=buyer)).ok
    assert (await door.call("orders.create", raw, caller=other)).code == "COUPON_EXHAUSTED"
    assert (await door.call("orders.cancel", {"id": order["id"]}, caller=buyer)).ok
    assert await shop.value(STATUS, order["id"]) == "RELEASED"
    assert (await door.call("orders.create", raw, caller=other)).ok["discount"] == "2.00"


async def test_a_paid_order_that_its_buyer_cancels_keeps_the_coupon_used(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("20.00")
    coupon = await shop.coupon(usageLimit=1)
    order = await shop.order(buyer, [(product.id, 1)], paid=True, couponCode=coupon.code)
    assert (await door.call("orders.cancel", {"id": order.id}, caller=buyer)).ok
    assert await shop.balance(buyer) == 100
    assert await shop.value(STATUS, order.id) == "USED"
    raw = bought(product, 1, coupon.code)
    assert (await door.call("orders.create", raw, caller=buyer)).code == "COUPON_EXHAUSTED"


@pytest.mark.parametrize("operation", ["orders.updateStatus", "orders.cancel"])
@pytest.mark.parametrize("confirmed", [False, True])
async def test_a_paid_order_that_the_shop_cancels_gives_the_coupon_back(
    door: Door, shop: Shop, buyer: Person, manager: Person, operation: str, confirmed: bool
) -> None:
    product, other = await shop.product("20.00"), await shop.person(balance="100.00")
    coupon = await shop.coupon(usageLimit=1, perUserLimit=1)
    order = await shop.order(buyer, [(product.id, 1)], paid=True, couponCode=coupon.code)
    raw = bought(product, 1, coupon.code)
    if confirmed:
        values = {"id": order.id, "status": "CONFIRMED"}
        assert (await door.call("orders.updateStatus", values, caller=manager)).ok
        # What the shop refunds without cancelling stays used.
        values = {"id": order.id}
        refund = await door.call("orders.refund", values, caller=manager, key=new_key())
        assert refund.ok
    assert (await door.call("orders.create", raw, caller=buyer)).code == "COUPON_EXHAUSTED"
    values = {"id": order.id} | ({"status": "CANCELLED"} if "update" in operation else {})
    assert (await door.call(operation, values, caller=manager)).ok["status"] == "CANCELLED"
    assert await shop.value(STATUS, order.id) == "RELEASED"
    assert await shop.balance(buyer) == 100
    shown = (await door.call("coupons.get", {"id": coupon.id}, caller=manager)).ok
    assert shown["redeemed"] == 0
    assert (await door.call("orders.create", raw, caller=buyer)).ok["discount"] == "2.00"
    assert (await door.call("orders.create", raw, caller=other)).code == "COUPON_EXHAUSTED"


async def test_a_manager_who_cancels_an_own_order_is_its_buyer(
    door: Door, shop: Shop, manager: Person
) -> None:
    await shop.deposit(manager, "100.00")
    coupon = await shop.coupon(usageLimit=1)
    order = await shop.order(manager, paid=True, couponCode=coupon.code)
    values = {"id": order.id, "status": "CANCELLED"}
    assert (await door.call("orders.updateStatus", values, caller=manager)).ok
    assert await shop.value(STATUS, order.id) == "USED"


async def test_neither_paying_nor_cancelling_waits_for_the_coupon(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product, coupon = await shop.product("10.00"), await shop.coupon()
    paid, given_up = [
        await shop.order(buyer, [(product.id, 1)], couponCode=coupon.code) for _ in range(2)
    ]
    async with shop.process.database.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM coupons WHERE id = $1 FOR UPDATE", coupon.id)
        outcome = await door.call("orders.pay", {"id": paid.id}, caller=buyer, key=new_key())
        assert outcome.ok
        assert (await door.call("orders.cancel", {"id": given_up.id}, caller=buyer)).ok


async def test_the_older_form_of_an_order_takes_a_coupon(
    client: httpx.AsyncClient, shop: Shop, buyer: Person
) -> None:
    product, coupon = await shop.product("20.00"), await shop.coupon()
    raw = {"productId": product.id, "quantity": 2, "couponCode": coupon.code.lower()}
    for path in ("/api/v1/orders", "/api/orders"):
        response = await client.post(path, json=raw, headers=buyer.headers)
        assert response.status_code == 201
        order = response.json()["data"]
        assert (order["discount"], order["couponCode"]) == ("4.00", coupon.code)
    response = await client.post("/api/v2/orders", json=raw, headers=buyer.headers)
    assert response.status_code == 400


async def test_managers_see_the_coupon_of_an_order_and_buyers_its_code(
    client: httpx.AsyncClient, shop: Shop, buyer: Person, manager: Person
) -> None:
    coupon = await shop.coupon()
    order = await shop.order(buyer, couponCode=coupon.code)
    document = f'{{ order(id: "{order.id}") {{ couponCode coupon {{ id }} }} }}'
    for caller, seen in ((manager, {"id": coupon.id}), (buyer, None)):
        response = await client.post("/graphql", json={"query": document}, headers=caller.headers)
        assert response.json()["data"]["order"] == {"couponCode": coupon.code, "coupon": seen}


async def test_a_rejected_order_frees_the_coupon(door: Door, shop: Shop, manager: Person) -> None:
    rich, product = await shop.person(balance="90000.00"), await shop.product("20000.00")
    coupon = await shop.coupon(usageLimit=1)
    raw = bought(product, 1, coupon.code)
    order = (await door.call("orders.create", raw, caller=rich)).ok
    assert (order["status"], order["total"]) == ("AWAITING_APPROVAL", "18000.00")
    assert await shop.value(STATUS, order["id"]) == "HELD"
    assert (await door.call("approvals.reject", {"id": order["id"]}, caller=manager)).ok
    assert await shop.value(STATUS, order["id"]) == "RELEASED"
    assert (await door.call("orders.create", raw, caller=rich)).ok["discount"] == "2000.00"


async def test_an_expired_order_frees_the_coupon(
    door: Door, shop: Shop, buyer: Person, clock: Clock
) -> None:
    product, coupon = await shop.product("20.00"), await shop.coupon(usageLimit=1)
    order = await shop.order(buyer, [(product.id, 1)], couponCode=coupon.code)
    clock.forward(seconds=shop.process.settings.hold_seconds)
    request = Job("job", "expiry", {}).request(shop.process)
    await expire.by_system(request, {"id": order.id})
    assert await shop.value(STATUS, order.id) == "RELEASED"
    late = await shop.person(balance="100.00")
    raw = bought(product, 1, coupon.code)
    assert (await door.call("orders.create", raw, caller=late)).ok["discount"] == "2.00"
