"""Orders: placed, read, paid and cancelled."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.errors.orders import OrderNotFound
from services.orders import reading as orders
from tests.faces import Door
from tests.shop import Person, Shop, new_key

UNKNOWN = "01890000-0000-7000-8000-000000000000"
ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "line2": None,
    "city": "London",
    "postalCode": "SW1Y 4JH",
    "country": "GB",
}


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="100.00")


def lines(*wanted: tuple[Any, int]) -> dict[str, Any]:
    return {
        "lines": [{"productId": product.id, "quantity": quantity} for product, quantity in wanted]
    }


async def test_an_order_keeps_prices_and_holds_stock(door: Door, shop: Shop, buyer: Person) -> None:
    lamp, book = await shop.product("19.99", stock=5), await shop.product("0.01", stock=100)
    raw = lines((lamp, 2), (book, 3)) | {"shippingAddress": ADDRESS}
    order = (await door.call("orders.create", raw, caller=buyer)).ok
    assert order["customerId"] == buyer.id
    assert order["number"].startswith("T")
    assert (order["status"], order["paymentStatus"]) == ("PENDING", "UNPAID")
    assert order["nextStatuses"] == ["PAID", "CANCELLED", "EXPIRED"]
    assert order["lines"] == [
        {
            "productId": lamp.id,
            "name": lamp.name,
            "quantity": 2,
            "unitPrice": "19.99",
            "total": "39.98",
        },
        {
            "productId": book.id,
            "name": book.name,
            "quantity": 3,
            "unitPrice": "0.01",
            "total": "0.03",
        },
    ]
    assert (order["subtotal"], order["total"]) == ("40.01", "40.01")
    assert order["tax"] == "6.39"  # 19 % of 33.62
    assert order["currency"] == "EUR"
    assert order["shippingAddress"] == ADDRESS
    assert (order["paidAt"], order["cancelledAt"], order["version"]) == (None, None, 1)
    assert await shop.stock(lamp.id) == (5, 2)
    assert await shop.stock(book.id) == (100, 3)
    assert await shop.balance(buyer) == 100
    await shop.execute("UPDATE products SET price = 5, name = 'Dear lamp' WHERE id = $1", lamp.id)
    assert (await door.call("orders.get", {"id": order["id"]}, caller=buyer)).ok == order


async def test_more_than_there_is_cannot_be_ordered(door: Door, shop: Shop, buyer: Person) -> None:
    few, enough = await shop.product("1.00", stock=2), await shop.product("1.00", stock=5)
    none = await shop.product("1.00", stock=0)
    raw = lines((few, 3), (enough, 5), (none, 1))
    async with shop.unchanged():
        outcome = await door.call("orders.create", raw, caller=buyer)
    assert (outcome.code, outcome.status) == ("OUT_OF_STOCK", 422)
    assert outcome.failure.paths == {
        "lines.0.quantity": "OUT_OF_STOCK",
        "lines.2.quantity": "OUT_OF_STOCK",
    }
    assert await shop.audits(buyer) == [
        ("deposits.create", "OK"),
        ("orders.create", "OUT_OF_STOCK"),
    ]


async def test_what_is_held_cannot_be_ordered_again(door: Door, shop: Shop, buyer: Person) -> None:
    product = await shop.product("1.00", stock=3)
    await shop.order(buyer, [(product.id, 2)])
    assert (await door.call("orders.create", lines((product, 2)), caller=buyer)).code == (
        "OUT_OF_STOCK"
    )
    assert (await door.call("orders.create", lines((product, 1)), caller=buyer)).error is None
    assert await shop.stock(product.id) == (3, 3)


async def test_unknown_and_archived_products_cannot_be_ordered(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    good, gone = await shop.product(), await shop.product(is_active=False)
    raw = lines((good, 1), (gone, 1))
    raw["lines"].append({"productId": UNKNOWN, "quantity": 1})
    for caller in (buyer, manager):
        async with shop.unchanged():
            outcome = await door.call("orders.create", raw, caller=caller)
        assert (outcome.code, outcome.status) == ("PRODUCT_NOT_FOUND", 404)
        assert outcome.failure.paths == {
            "lines.1.productId": "NOT_FOUND",
            "lines.2.productId": "NOT_FOUND",
        }


async def test_an_order_needs_the_money_for_it(door: Door, shop: Shop, buyer: Person) -> None:
    product = await shop.product("50.01", stock=5)
    async with shop.unchanged():
        outcome = await door.call("orders.create", lines((product, 2)), caller=buyer)
    assert (outcome.code, outcome.status) == ("INSUFFICIENT_FUNDS", 402)
    assert outcome.failure.details == {
        "balance": "100.00",
        "held": "0.00",
        "required": "100.02",
        "missing": "0.02",
        "currency": "EUR",
    }


async def test_all_bad_fields_of_an_order_are_named_at_once(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product()
    raw = {
        "lines": [
            {"productId": product.id, "quantity": 0},
            {"productId": "nonsense", "quantity": 10_001},
        ],
        "shippingAddress": {**ADDRESS, "country": "England", "city": "", "postalCode": "1" * 21},
    }
    async with shop.unchanged():
        failure = (await door.call("orders.create", raw, caller=buyer)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert failure.paths == {
        "lines.0.quantity": "TOO_SMALL",
        "lines.1.productId": "INVALID_FORMAT",
        "lines.1.quantity": "TOO_LARGE",
        "shippingAddress.country": "INVALID_FORMAT",
        "shippingAddress.city": "TOO_SHORT",
        "shippingAddress.postalCode": "TOO_LONG",
    }


@pytest.mark.parametrize(
    ("number", "paths"),
    [(0, {"lines": "TOO_FEW"}), (101, {"lines": "TOO_MANY"})],
)
async def test_an_order_has_one_to_a_hundred_lines(
    door: Door, buyer: Person, number: int, paths: dict[str, str]
) -> None:
    raw = {"lines": [{"productId": UNKNOWN, "quantity": 1}] * number}
    assert (await door.call("orders.create", raw, caller=buyer)).failure.paths == paths


async def test_a_product_stands_on_one_line_only(door: Door, shop: Shop, buyer: Person) -> None:
    product = await shop.product()
    raw = lines((product, 1), (product, 1))
    failure = (await door.call("orders.create", raw, caller=buyer)).failure
    assert failure.code == "VALIDATION_FAILED"
    assert failure.paths == {"lines.1.productId": "REPEATED"}


async def test_a_total_beyond_the_largest_amount_is_refused(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("999999999.99", stock=2)
    async with shop.unchanged():
        failure = (await door.call("orders.create", lines((product, 2)), caller=buyer)).failure
    assert failure.paths == {"lines": "TOO_LARGE"}


async def test_paying_moves_the_money_and_sells_the_stock(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("30.00", stock=5)
    order = await shop.order(buyer, [(product.id, 2)])
    payment = (await door.call("orders.pay", {"id": order.id}, caller=buyer, key=new_key())).ok
    assert payment["orderId"] == order.id
    assert (payment["amount"], payment["currency"]) == ("60.00", "EUR")
    assert await shop.balance(buyer) == 40
    assert await shop.stock(product.id) == (3, 0)
    paid = (await door.call("orders.get", {"id": order.id}, caller=buyer)).ok
    assert (paid["status"], paid["paymentStatus"]) == ("PAID", "PAID")
    assert paid["nextStatuses"] == ["CONFIRMED", "CANCELLED"]
    assert paid["paidAt"] is not None
    assert paid["version"] == 2
    found = (await door.call("payments.get", {"id": payment["id"]}, caller=buyer)).ok
    assert found == payment


async def test_an_order_is_paid_once(door: Door, shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer, paid=True)
    async with shop.unchanged():
        again = await door.call("orders.pay", {"id": order.id}, caller=buyer, key=new_key())
    assert (again.code, again.status) == ("ORDER_STATUS_INVALID", 422)
    assert again.failure.details == {"status": "PAID", "nextStatuses": ["CONFIRMED", "CANCELLED"]}


async def test_of_orders_that_hold_too_much_together_the_first_one_paid_gets_the_money(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("60.00", stock=5)
    first = await shop.order(buyer, [(product.id, 1)])
    second = await shop.order_beyond_holds(buyer, [(product.id, 1)])
    await shop.pay(buyer, first.id)
    async with shop.unchanged():
        outcome = await door.call("orders.pay", {"id": second.id}, caller=buyer, key=new_key())
    assert (outcome.code, outcome.status) == ("INSUFFICIENT_FUNDS", 402)
    assert outcome.failure.details["missing"] == "20.00"


async def test_a_payment_needs_a_key(door: Door, shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer)
    async with shop.unchanged():
        outcome = await door.call("orders.pay", {"id": order.id}, caller=buyer)
    assert (outcome.code, outcome.status) == ("IDEMPOTENCY_KEY_REQUIRED", 400)


async def test_only_the_buyer_pays(
    door: Door, shop: Shop, buyer: Person, other_user: Person, manager: Person
) -> None:
    order = await shop.order(buyer)
    async with shop.unchanged():
        stranger = await door.call("orders.pay", {"id": order.id}, caller=other_user, key=new_key())
        boss = await door.call("orders.pay", {"id": order.id}, caller=manager, key=new_key())
    assert stranger.code == "ORDER_NOT_FOUND"
    assert boss.code == "FORBIDDEN"


@pytest.mark.parametrize(
    "operation", ["orders.get", "orders.history", "orders.pay", "orders.cancel"]
)
@pytest.mark.parametrize("id", [UNKNOWN, "nonsense"])
async def test_an_unknown_order_is_not_found(
    door: Door, user: Person, operation: str, id: str
) -> None:
    key = new_key() if operation == "orders.pay" else None
    outcome = await door.call(operation, {"id": id}, caller=user, key=key)
    assert (outcome.code, outcome.status) == ("ORDER_NOT_FOUND", 404)


async def test_a_pending_order_cancelled_gives_its_stock_free(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("10.00", stock=5)
    order = await shop.order(buyer, [(product.id, 2)])
    raw = {"id": order.id, "reason": "Changed my mind.\nSorry."}
    cancelled = (await door.call("orders.cancel", raw, caller=buyer)).ok
    assert (cancelled["status"], cancelled["paymentStatus"]) == ("CANCELLED", "UNPAID")
    assert cancelled["nextStatuses"] == []
    assert cancelled["cancelledAt"] is not None
    assert cancelled["version"] == 2
    assert await shop.stock(product.id) == (5, 0)
    assert await shop.balance(buyer) == 100
    [event, _] = (await door.call("orders.history", {"id": order.id}, caller=buyer)).ok
    assert event["note"] == "Changed my mind.\nSorry."


async def test_a_paid_order_cancelled_is_refunded_and_its_stock_put_back(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("10.00", stock=5)
    order = await shop.order(buyer, [(product.id, 2)], paid=True)
    cancelled = (await door.call("orders.cancel", {"id": order.id}, caller=buyer)).ok
    assert (cancelled["status"], cancelled["paymentStatus"]) == ("CANCELLED", "REFUNDED")
    assert cancelled["paidAt"] is not None
    assert await shop.stock(product.id) == (5, 0)
    assert await shop.balance(buyer) == 100
    entries = (await door.call("wallet.entries", caller=buyer)).ok
    assert [(entry["kind"], entry["amount"]) for entry in entries] == [
        ("REFUND", "20.00"),
        ("PAYMENT", "-20.00"),
        ("DEPOSIT", "100.00"),
    ]


async def test_stock_of_an_archived_product_can_still_be_given_back(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("10.00", stock=5)
    pending = await shop.order(buyer, [(product.id, 1)])
    paid = await shop.order(buyer, [(product.id, 2)], paid=True)
    await shop.execute("UPDATE products SET is_active = false WHERE id = $1", product.id)
    for order in (pending, paid):
        assert (await door.call("orders.cancel", {"id": order.id}, caller=buyer)).error is None
    assert await shop.stock(product.id) == (5, 0)


async def test_a_cancelled_order_goes_nowhere(door: Door, shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer, cancelled=True)
    async with shop.unchanged():
        again = await door.call("orders.cancel", {"id": order.id}, caller=buyer)
        pay = await door.call("orders.pay", {"id": order.id}, caller=buyer, key=new_key())
    for outcome in (again, pay):
        assert (outcome.code, outcome.status) == ("ORDER_STATUS_INVALID", 422)
        assert outcome.failure.details == {"status": "CANCELLED", "nextStatuses": []}


async def test_managers_cancel_what_others_ordered(
    door: Door, shop: Shop, buyer: Person, other_user: Person, manager: Person
) -> None:
    order = await shop.order(buyer, paid=True)
    async with shop.unchanged():
        stranger = await door.call("orders.cancel", {"id": order.id}, caller=other_user)
    assert stranger.code == "ORDER_NOT_FOUND"
    assert (await door.call("orders.cancel", {"id": order.id}, caller=manager)).error is None
    assert await shop.balance(buyer) == 100
    [event, *_] = (await door.call("orders.history", {"id": order.id}, caller=buyer)).ok
    assert event["actorId"] == manager.id


@pytest.mark.parametrize("reason", ["", "x" * 501, "bell\u0007"])
async def test_a_reason_has_limits(door: Door, shop: Shop, buyer: Person, reason: str) -> None:
    order = await shop.order(buyer)
    async with shop.unchanged():
        raw = {"id": order.id, "reason": reason}
        failure = (await door.call("orders.cancel", raw, caller=buyer)).failure
    assert set(failure.paths) == {"reason"}


async def test_a_conditional_cancel_knows_the_version(
    door: Door, shop: Shop, buyer: Person
) -> None:
    order = await shop.order(buyer)
    before = await door.call("orders.get", {"id": order.id}, caller=buyer)
    assert before.etag
    await shop.pay(buyer, order.id)
    async with shop.unchanged():
        raw = {"id": order.id}
        late = await door.call("orders.cancel", raw, caller=buyer, if_match=before.etag)
    assert (late.code, late.status) == ("PRECONDITION_FAILED", 412)
    assert late.failure.details == {"version": 2}
    now = await door.call("orders.get", {"id": order.id}, caller=buyer)
    done = await door.call("orders.cancel", {"id": order.id}, caller=buyer, if_match=now.etag)
    assert done.ok["status"] == "CANCELLED"


async def test_the_history_tells_every_step_newest_first(
    door: Door, shop: Shop, buyer: Person
) -> None:
    order = await shop.order(buyer, paid=True, cancelled=True)
    events = (await door.call("orders.history", {"id": order.id}, caller=buyer)).ok
    assert [(event["fromStatus"], event["toStatus"]) for event in events] == [
        ("PAID", "CANCELLED"),
        ("PENDING", "PAID"),
        (None, "PENDING"),
    ]
    assert {event["actorId"] for event in events} == {buyer.id}
    times = [event["createdAt"] for event in events]
    assert times == sorted(times, reverse=True)


async def test_the_list_holds_the_callers_own_orders(
    door: Door, shop: Shop, buyer: Person, manager: Person
) -> None:
    first, second = await shop.order(buyer), await shop.order(buyer)
    assert (await door.call("orders.list", caller=buyer)).ids() == [second.id, first.id]
    oldest = await door.call("orders.list", {"sort": "createdAt"}, caller=buyer)
    assert oldest.ids() == [first.id, second.id]
    assert (await door.call("orders.list", caller=manager)).ids() == []


async def test_orders_are_filtered(door: Door, shop: Shop, buyer: Person) -> None:
    product = await shop.product("1.00")
    pending = await shop.order(buyer, [(product.id, 1)])
    paid = await shop.order(buyer, [(product.id, 1)], paid=True)
    cancelled = await shop.order(buyer, [(product.id, 1)], cancelled=True)

    async def found(**filters: Any) -> list[str]:
        return (await door.call("orders.list", filters, caller=buyer)).ids()

    assert await found(status="PENDING") == [pending.id]
    assert await found(status="PAID") == [paid.id]
    assert await found(status="CANCELLED") == [cancelled.id]
    assert await found(number=paid.number) == [paid.id]
    assert await found(number="T000") == []
    # Half-open: from belongs to the range, to does not.
    since, until = paid.created_at.isoformat(), cancelled.created_at.isoformat()
    assert await found(**{"from": since, "to": until}) == [paid.id]
    assert await found(**{"from": since}) == [cancelled.id, paid.id]
    assert await found(to=since.replace("+00:00", "Z")) == [pending.id]
    nowhere = (paid.created_at + timedelta(days=1)).isoformat()
    assert await found(**{"from": nowhere}) == []


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-02T00:00:00Z"}, {"to": "CONFLICT"}),
        ({"from": "2026-01-02"}, {"from": "INVALID_FORMAT"}),
        ({"from": "2026-01-02T00:00:00"}, {"from": "INVALID_FORMAT"}),
        ({"number": "x" * 31}, {"number": "TOO_LONG"}),
    ],
)
async def test_senseless_filters_of_orders_are_refused(
    door: Door, user: Person, values: dict[str, Any], paths: dict[str, str]
) -> None:
    failure = (await door.call("orders.list", values, caller=user)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert failure.paths == paths


async def test_an_order_is_placed_once_for_a_key(door: Door, shop: Shop, buyer: Person) -> None:
    product = await shop.product("1.00", stock=5)
    key = new_key()
    outcomes = await asyncio.gather(
        *(door.call("orders.create", lines((product, 1)), caller=buyer, key=key) for _ in range(5))
    )
    assert len({outcome.ok["id"] for outcome in outcomes}) == 1
    assert sorted(outcome.replayed for outcome in outcomes) == [False, True, True, True, True]
    assert await shop.stock(product.id) == (5, 1)


async def test_times_are_rfc_3339_in_utc(door: Door, shop: Shop, buyer: Person) -> None:
    order = await shop.order(buyer)
    found = (await door.call("orders.get", {"id": order.id}, caller=buyer)).ok
    assert found["createdAt"].endswith("Z")
    assert datetime.fromisoformat(found["createdAt"]) == order.created_at


async def test_a_malformed_id_has_no_history(shop: Shop, user: Person) -> None:
    found = await orders.history.of(shop.request(user), ["nonsense", ""])
    assert [type(page) for page in found.values()] == [OrderNotFound, OrderNotFound]
