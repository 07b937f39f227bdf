"""Refunds: what was paid given back, in parts and to the cent."""

from decimal import Decimal
from typing import Any

import pytest

from tests.faces import FACES, Door, Outcome
from tests.shop import Person, Shop, new_key

UNKNOWN = "01890000-0000-7000-8000-000000000000"


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="1000.00")


async def refunded(door: Door, manager: Person, order: Any, **what: Any) -> Outcome:
    """Refund an order through a door, as a manager."""
    return await door.call("orders.refund", {"id": order.id, **what}, caller=manager, key=new_key())


def some(*lines: tuple[Any, int]) -> list[dict[str, Any]]:
    return [{"productId": product.id, "quantity": quantity} for product, quantity in lines]


async def paid_with_discount(
    shop: Shop, buyer: Person, discount: str, lines: list[tuple[Any, int]]
) -> Any:
    """A paid order of which something was taken off."""
    coupon = await shop.coupon(discount, "FIXED", minimumOrder="0.01")
    bought = [(product.id, quantity) for product, quantity in lines]
    return await shop.order(buyer, bought, paid=True, couponCode=coupon.code)


async def standing(shop: Shop, order: Any) -> tuple[str, str, str]:
    """Status, payment status and what was refunded of an order."""
    [row] = await shop.rows(
        "SELECT status, payment_status, refunded::text FROM orders WHERE id = $1", order.id
    )
    return row["status"], row["payment_status"], row["refunded"]


async def test_an_amount_given_back_lands_in_the_buyers_wallet(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    product = await shop.product("30.00", stock=5)
    order = await shop.order(buyer, [(product.id, 2)])
    payment = await shop.pay(buyer, order.id)
    refund = (await refunded(door, manager, order, amount="12.34", reason="A scratch.\nSorry.")).ok
    assert refund["orderId"] == order.id
    assert refund["paymentId"] == payment.id
    assert (refund["amount"], refund["currency"]) == ("12.34", "EUR")
    assert (refund["lines"], refund["restocked"]) == ([], False)
    assert refund["reason"] == "A scratch.\nSorry."
    assert refund["actorId"] == manager.id
    assert await shop.balance(buyer) == Decimal("952.34")
    assert await standing(shop, order) == ("PAID", "PARTIALLY_REFUNDED", "12.34")
    found = (await door.call("orders.get", {"id": order.id}, caller=buyer)).ok
    assert (found["refunded"], found["version"]) == ("12.34", 3)
    assert await shop.stock(product.id) == (3, 0)
    [entry, *_] = (await door.call("wallet.entries", caller=buyer)).ok
    assert (entry["kind"], entry["amount"], entry["orderId"]) == ("REFUND", "12.34", order.id)
    # It reverses the payment, and is no step of the order.
    reversed_ = "SELECT count(*) FROM transfers JOIN payments ON reverses_id = transfer_id "
    where = "WHERE payments.order_id = $1 AND kind = 'REFUND'"
    assert await shop.value(reversed_ + where, order.id) == 1
    assert len((await door.call("orders.history", {"id": order.id}, caller=buyer)).ok) == 2
    audit = await shop.last_audit("orders.refund", manager)
    assert audit
    assert (audit["outcome"], audit["entity"]) == ("OK", "order")
    assert str(audit["entity_id"]) == order.id
    assert audit["changed"] == ["paymentStatus", "refunded"]


async def test_refunds_go_on_until_nothing_is_left(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    assert (await refunded(door, manager, order, amount="5")).ok["amount"] == "5.00"
    async with shop.unchanged():
        beyond = await refunded(door, manager, order, amount="15.00")
    assert (beyond.code, beyond.status) == ("REFUND_EXCEEDS_PAYMENT", 422)
    assert beyond.failure.details == {
        "captured": "19.99",
        "refunded": "5.00",
        "refundable": "14.99",
        "currency": "EUR",
    }
    # Nothing said is all that is left.
    assert (await refunded(door, manager, order)).ok["amount"] == "14.99"
    assert await standing(shop, order) == ("PAID", "REFUNDED", "19.99")
    assert await shop.balance(buyer) == 1000
    async with shop.unchanged():
        again = await refunded(door, manager, order)
    assert (again.code, again.status) == ("ORDER_STATUS_INVALID", 422)
    assert again.failure.details["paymentStatus"] == "REFUNDED"


async def test_pieces_are_given_back_for_what_they_cost_and_restocked_when_asked(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    lamp, book = await shop.product("20.00", stock=5), await shop.product("7.50", stock=9)
    order = await shop.order(buyer, [(lamp.id, 2), (book.id, 3)], paid=True)
    first = (await refunded(door, manager, order, lines=some((book, 2)), restock=True)).ok
    assert first["amount"] == "15.00"
    assert first["lines"] == [{"productId": book.id, "quantity": 2, "amount": "15.00"}]
    assert first["restocked"] is True
    assert (await shop.stock(lamp.id), await shop.stock(book.id)) == ((3, 0), (8, 0))
    second = (await refunded(door, manager, order, lines=some((book, 1), (lamp, 1)))).ok
    assert second["amount"] == "27.50"
    # As the order has them.
    assert [line["productId"] for line in second["lines"]] == [lamp.id, book.id]
    assert second["restocked"] is False
    assert (await shop.stock(lamp.id), await shop.stock(book.id)) == ((3, 0), (8, 0))
    last = (await refunded(door, manager, order, restock=True)).ok
    assert last["amount"] == "20.00"
    assert last["lines"] == [{"productId": lamp.id, "quantity": 1, "amount": "20.00"}]
    # The book that was not to come back does not come back with others.
    assert (await shop.stock(lamp.id), await shop.stock(book.id)) == ((4, 0), (8, 0))
    moved = "SELECT sum(quantity) FROM stock_movements WHERE order_id = $1 AND kind = 'RETURNED'"
    assert await shop.value(moved, order.id) == 3
    assert await standing(shop, order) == ("PAID", "REFUNDED", "62.50")


async def test_pieces_are_given_back_once(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    lamp, book = await shop.product("20.00"), await shop.product("7.50")
    order = await shop.order(buyer, [(lamp.id, 2), (book.id, 3)], paid=True)
    await shop.refund(order.id, lines=some((book, 2)))
    async with shop.unchanged():
        outcome = await refunded(door, manager, order, lines=some((lamp, 2), (book, 2)))
    assert (outcome.code, outcome.status) == ("REFUND_EXCEEDS_PAYMENT", 422)
    assert outcome.failure.paths == {"lines.1.quantity": "TOO_LARGE"}
    assert outcome.failure.details["refundable"] == "47.50"


async def test_with_a_discount_pieces_are_worth_their_share_of_what_was_paid(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    lamp, book = await shop.product("10.00", stock=9), await shop.product("10.01", stock=9)
    order = await paid_with_discount(shop, buyer, "6.67", [(lamp, 3), (book, 1)])
    # Of 33.34 paid the lamps are 30.00 / 40.01: 24.9987…, and the book 8.3412…
    amounts = [
        (await refunded(door, manager, order, lines=some((lamp, 1)))).ok["amount"] for _ in range(2)
    ]
    assert amounts == ["8.33", "8.33"]
    rest = (await refunded(door, manager, order)).ok
    assert [line["amount"] for line in rest["lines"]] == ["8.34", "8.34"]
    assert rest["amount"] == "16.68"
    assert await standing(shop, order) == ("PAID", "REFUNDED", "33.34")
    assert await shop.balance(buyer) == 1000


async def test_pieces_are_not_given_back_for_more_than_is_left(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    lamp, book = await shop.product("10.00", stock=9), await shop.product("5.00", stock=9)
    order = await shop.order(buyer, [(lamp.id, 2), (book.id, 2)], paid=True)
    await shop.refund(order.id, amount="12.00")
    async with shop.unchanged():
        outcome = await refunded(door, manager, order, lines=some((lamp, 2)))
    assert outcome.code == "REFUND_EXCEEDS_PAYMENT"
    assert outcome.failure.details["refundable"] == "18.00"
    assert (await refunded(door, manager, order, lines=some((lamp, 1)))).ok["amount"] == "10.00"
    # What is left is shared out over what is left.
    rest = (await refunded(door, manager, order)).ok
    assert [(line["quantity"], line["amount"]) for line in rest["lines"]] == [
        (1, "4.00"),
        (2, "4.00"),
    ]


async def test_pieces_worth_less_than_a_cent_are_refused_alone(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    bead = await shop.product("0.01", stock=9)
    order = await paid_with_discount(shop, buyer, "0.02", [(bead, 3)])
    async with shop.unchanged():
        outcome = await refunded(door, manager, order, lines=some((bead, 2)), restock=True)
    assert (outcome.code, outcome.failure.paths) == ("VALIDATION_FAILED", {"lines": "TOO_SMALL"})
    assert (await refunded(door, manager, order, lines=some((bead, 3)))).ok["amount"] == "0.01"


async def test_a_product_that_was_not_bought_is_not_refunded(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    lamp, other = await shop.product(), await shop.product()
    order = await shop.order(buyer, [(lamp.id, 1)], paid=True)
    async with shop.unchanged():
        outcome = await refunded(door, manager, order, lines=some((lamp, 1), (other, 1)))
    assert (outcome.code, outcome.status) == ("VALIDATION_FAILED", 400)
    assert outcome.failure.paths == {"lines.1.productId": "NOT_FOUND"}


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"amount": "0"}, {"amount": "TOO_SMALL"}),
        ({"amount": "1.005"}, {"amount": "INVALID_FORMAT"}),
        ({"lines": []}, {"lines": "TOO_FEW"}),
        ({"lines": [{"productId": UNKNOWN, "quantity": 0}]}, {"lines.0.quantity": "TOO_SMALL"}),
        ({"lines": [{"productId": "x", "quantity": 1}]}, {"lines.0.productId": "INVALID_FORMAT"}),
        (
            {"lines": [{"productId": UNKNOWN, "quantity": 1}] * 2},
            {"lines.1.productId": "REPEATED"},
        ),
        (
            {"amount": "1", "lines": [{"productId": UNKNOWN, "quantity": 1}]},
            {"lines": "CONFLICT"},
        ),
        ({"amount": "1", "restock": True}, {"restock": "CONFLICT"}),
        ({"reason": ""}, {"reason": "TOO_SHORT"}),
        ({"reason": "x" * 501}, {"reason": "TOO_LONG"}),
        ({"expectedRefunded": "-1"}, {"expectedRefunded": "INVALID_FORMAT"}),
    ],
    ids=str,
)
async def test_a_senseless_refund_is_refused(
    door: Door,
    shop: Shop,
    buyer: Person,
    manager: Person,
    values: dict[str, Any],
    paths: dict[str, str],
) -> None:
    order = await shop.order(buyer, paid=True)
    async with shop.unchanged():
        outcome = await refunded(door, manager, order, **values)
    assert (outcome.code, outcome.status) == ("VALIDATION_FAILED", 400)
    assert outcome.failure.paths == paths


async def test_a_refund_may_say_what_it_expects_to_be_refunded_so_far(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    assert (await refunded(door, manager, order, amount="5", expectedRefunded="0")).error is None
    async with shop.unchanged():
        late = await refunded(door, manager, order, amount="5", expectedRefunded="0.00")
    assert (late.code, late.status) == ("REFUND_CHANGED", 409)
    assert late.failure.details == {"refunded": "5.00", "currency": "EUR"}
    again = await refunded(door, manager, order, amount="5", expectedRefunded="5.00")
    assert again.error is None
    assert await standing(shop, order) == ("PAID", "PARTIALLY_REFUNDED", "10.00")


@pytest.mark.parametrize("status", ["CONFIRMED", "SHIPPED", "DELIVERED"])
async def test_what_was_sent_can_be_refunded_too_and_stays_where_it_is(
    door: Door, shop: Shop, buyer: Person, manager: Person, status: str
) -> None:
    order = await shop.order(buyer, paid=True)
    await advance(shop, manager, order, status)
    assert (await refunded(door, manager, order, amount="1.00")).error is None
    assert await standing(shop, order) == (status, "PARTIALLY_REFUNDED", "1.00")


async def advance(shop: Shop, manager: Person, order: Any, status: str) -> None:
    from services.orders import managing as orders_admin

    for step in ("CONFIRMED", "SHIPPED", "DELIVERED"):
        raw = {"id": order.id, "status": step}
        await orders_admin.update_status(shop.request(manager), raw)
        if step == status:
            break


@pytest.mark.parametrize("way", ["unpaid", "cancelled unpaid", "cancelled"])
async def test_an_order_without_a_payment_to_give_back_is_not_refunded(
    door: Door, shop: Shop, buyer: Person, manager: Person, way: str
) -> None:
    order = await shop.order(buyer, paid=way == "cancelled", cancelled=way != "unpaid")
    async with shop.unchanged():
        outcome = await refunded(door, manager, order, amount="1.00")
    assert (outcome.code, outcome.status) == ("ORDER_STATUS_INVALID", 422)
    assert outcome.failure.details == {
        "status": order.status,
        "nextStatuses": order.next_statuses,
        "paymentStatus": order.payment_status,
    }


@pytest.mark.parametrize("id", [UNKNOWN, "nonsense"])
async def test_an_unknown_order_has_no_refunds(
    door: Door, shop: Shop, manager: Person, id: str
) -> None:
    async with shop.unchanged():
        outcome = await door.call("orders.refund", {"id": id}, caller=manager, key=new_key())
        listed = await door.call("refunds.list", {"id": id}, caller=manager)
    assert (outcome.code, outcome.status) == ("ORDER_NOT_FOUND", 404)
    assert (listed.code, listed.status) == ("ORDER_NOT_FOUND", 404)


async def test_buyers_do_not_refund_themselves(door: Door, shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer, paid=True)
    async with shop.unchanged():
        outcome = await refunded(door, buyer, order, amount="1.00")
    assert (outcome.code, outcome.status) == ("FORBIDDEN", 403)


async def test_a_refund_needs_a_key(door: Door, shop: Shop, buyer: Person, manager: Person) -> None:
    order = await shop.order(buyer, paid=True)
    async with shop.unchanged():
        raw = {"id": order.id, "amount": "1.00"}
        outcome = await door.call("orders.refund", raw, caller=manager)
    assert (outcome.code, outcome.status) == ("IDEMPOTENCY_KEY_REQUIRED", 400)


async def test_one_key_gives_one_refund_whichever_face_asks_again(
    faces: dict[str, Door], shop: Shop, buyer: Person, manager: Person
) -> None:
    lamp = await shop.product("10.00", stock=5)
    order = await shop.order(buyer, [(lamp.id, 3)], paid=True)
    key = new_key()
    raw = {"id": order.id, "lines": some((lamp, 1)), "restock": True}
    outcomes = [
        await faces[name].call("orders.refund", raw, caller=manager, key=key)
        for name in (*FACES, *FACES)
    ]
    assert [outcome.replayed for outcome in outcomes] == [False, *[True] * 5]
    assert all(outcome.ok == outcomes[0].ok for outcome in outcomes)
    assert await standing(shop, order) == ("PAID", "PARTIALLY_REFUNDED", "10.00")
    assert await shop.stock(lamp.id) == (3, 0)
    other = await faces["v2"].call("orders.refund", {"id": order.id}, caller=manager, key=key)
    assert other.code == "IDEMPOTENCY_KEY_REUSED"


async def test_refunds_are_listed_newest_first_to_the_buyer_and_to_managers(
    door: Door, shop: Shop, buyer: Person, other_user: Person, manager: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    refunds = [await shop.refund(order.id, amount=amount) for amount in ("1.00", "2.00", "3.00")]
    ids = [refund.id for refund in reversed(refunds)]
    for caller in (buyer, manager):
        assert (await door.call("refunds.list", {"id": order.id}, caller=caller)).ids() == ids
    async with shop.unchanged():
        stranger = await door.call("refunds.list", {"id": order.id}, caller=other_user)
    assert stranger.code == "ORDER_NOT_FOUND"
    first = await door.call("refunds.list", {"id": order.id, "first": 2}, caller=buyer)
    assert (first.ids(), first.listed.has_next) == (ids[:2], True)
    values = {"id": order.id, "first": 2, "after": first.listed.end, "total": True}
    rest = await door.call("refunds.list", values, caller=buyer)
    assert (rest.ids(), rest.listed.total) == (ids[2:], 3)


async def test_cancelling_gives_back_what_is_left_and_what_is_not_back_in_stock(
    door: Door, shop: Shop, buyer: Person
) -> None:
    lamp, book = await shop.product("20.00", stock=5), await shop.product("7.50", stock=9)
    order = await shop.order(buyer, [(lamp.id, 2), (book.id, 3)], paid=True)
    await shop.refund(order.id, lines=some((book, 2)), restock=True)
    await shop.refund(order.id, lines=some((lamp, 1)))
    await shop.refund(order.id, amount="5.00")
    raw = {"id": order.id, "reason": "Too late."}
    cancelled = (await door.call("orders.cancel", raw, caller=buyer)).ok
    assert (cancelled["status"], cancelled["paymentStatus"]) == ("CANCELLED", "REFUNDED")
    assert cancelled["refunded"] == "62.50"
    assert await shop.balance(buyer) == 1000
    assert (await shop.stock(lamp.id), await shop.stock(book.id)) == ((5, 0), (9, 0))
    [last, *others] = (await door.call("refunds.list", {"id": order.id}, caller=buyer)).ok
    assert len(others) == 3
    assert (last["amount"], last["reason"], last["restocked"]) == ("22.50", "Too late.", True)
    assert last["actorId"] == buyer.id
    assert [(line["productId"], line["quantity"]) for line in last["lines"]] == [
        (lamp.id, 1),
        (book.id, 1),
    ]
    assert sum(Decimal(line["amount"]) for line in last["lines"]) == Decimal("22.50")


async def test_cancelling_what_is_refunded_already_makes_no_refund(
    door: Door, shop: Shop, buyer: Person
) -> None:
    lamp = await shop.product("20.00", stock=5)
    order = await shop.order(buyer, [(lamp.id, 2)], paid=True)
    await shop.refund(order.id)
    assert await shop.stock(lamp.id) == (3, 0)
    assert (await door.call("orders.cancel", {"id": order.id}, caller=buyer)).error is None
    assert await standing(shop, order) == ("CANCELLED", "REFUNDED", "40.00")
    assert await shop.stock(lamp.id) == (5, 0)
    assert len((await door.call("refunds.list", {"id": order.id}, caller=buyer)).ok) == 1
    assert await shop.balance(buyer) == 1000


async def test_nothing_is_given_back_to_an_account_that_was_deleted(
    door: Door, shop: Shop, manager: Person
) -> None:
    from services.users import own_account as users_own_account

    buyer = await shop.person(balance="19.99")
    order = await shop.order(buyer, paid=True)
    await shop.invoice(buyer, order.id)
    await advance(shop, manager, order, "DELIVERED")
    await users_own_account.delete_me(shop.request(buyer), {"password": buyer.password})
    async with shop.unchanged():
        outcome = await refunded(door, manager, order, restock=True)
    assert (outcome.code, outcome.status) == ("REFUND_EXCEEDS_PAYMENT", 422)
    assert outcome.failure.details["refundable"] == "0.00"


async def test_a_refund_is_found_by_its_id_with_its_order_payment_and_products(
    faces: dict[str, Door], shop: Shop, buyer: Person, other_user: Person, manager: Person
) -> None:
    lamp = await shop.product("20.00", stock=5)
    order = await shop.order(buyer, [(lamp.id, 2)], paid=True)
    refund = await shop.refund(order.id, lines=some((lamp, 1)))
    text = (
        "query ($id: ID!) { node(id: $id) { ... on Refund { amount order { id number } "
        "payment { amount } actor { id } lines { quantity product { name } } } } }"
    )

    async def found(caller: Person) -> Any:
        response = await faces["graphql"].client.post(  # type: ignore[attr-defined]
            "/graphql",
            json={"query": text, "variables": {"id": refund.id}},
            headers=caller.headers,
        )
        return response.json()["data"]["node"]

    seen = await found(buyer)
    assert seen == await found(manager)
    assert seen["amount"] == "20.00"
    assert seen["order"] == {"id": order.id, "number": order.number}
    assert seen["payment"] == {"amount": "40.00"}
    assert seen["actor"]["id"] == refund.actor_id
    assert seen["lines"] == [{"quantity": 1, "product": {"name": lamp.name}}]
    assert await found(other_user) is None
