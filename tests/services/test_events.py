"""Every write tells what it did, alike on every door, and says so where it does not."""

from typing import Any

import pytest

from services.catalogue import OPERATIONS
from services.deposits import depositing
from services.events import audience, types
from services.events.emitting import emit
from services.events.types import EVENT_TYPES, Silent
from services.operation.context import Context
from services.orders import buying
from services.products import managing as products_managing
from tests.event_log import CROSSING, EMITTED, alike, emitted, read_log
from tests.faces import FACES, Door
from tests.shop import Person, Shop, good_call, new_key
from tests.test_house import declared

WRITES = [operation for operation in declared().values() if operation.writes]


@pytest.mark.parametrize("operation", declared().values(), ids=lambda operation: operation.name)
def test_every_write_decides_what_it_emits(operation: Any) -> None:
    emits = operation.emits
    if not operation.writes:
        assert emits is None
    elif isinstance(emits, Silent):
        assert emits.reason.endswith(".")
    else:
        assert emits, "say emits=(…), or emits=none(reason)"
        assert set(emits) <= set(EVENT_TYPES)


def test_every_type_is_emitted_by_some_operation_and_has_a_name_of_its_own() -> None:
    told = {one.name for op in WRITES if isinstance(op.emits, tuple) for one in op.emits}
    assert told == {one.name for one in EVENT_TYPES}
    assert len(told) == len(EVENT_TYPES)


def test_the_table_has_every_write_that_faces_can_call() -> None:
    assert list(EMITTED) == [operation.name for operation in OPERATIONS if operation.writes]


async def caller_of(shop: Shop, operation: str) -> Person:
    balance = None if operation == "users.deleteMe" else "1000.00"
    return await shop.person("ADMIN", balance=balance)


@pytest.mark.parametrize("operation", EMITTED)
async def test_a_write_tells_the_same_on_every_door(
    faces: dict[str, Door], shop: Shop, operation: str
) -> None:
    """Each door writes in turn, and every door reads what each of them wrote."""
    admin = await shop.person("ADMIN")
    told: dict[str, list[Any]] = {}
    for face in FACES:
        caller = await caller_of(shop, operation)
        values, key = await good_call(shop, operation, caller)
        values |= CROSSING.get(operation, {})
        outcome = await faces[face].call(operation, values, caller=caller, key=key)
        assert outcome.error is None, outcome.error
        rows = await emitted(shop, outcome.headers["x-request-id"])
        assert [row["type"] for row in rows] == EMITTED[operation], face
        told[face] = [await heard(shop, faces, row, caller, admin) for row in rows]
    assert told["graphql"] == told["v1"] == told["v2"]


async def heard(
    shop: Shop, faces: dict[str, Door], row: dict[str, Any], caller: Person, admin: Person
) -> Any:
    """An event as every door tells it to somebody who hears it, without what changes."""
    deleted = row["type"] == "user.deleted"
    hears = caller if row["owner_id"] == caller.id and not deleted else admin
    by_door = [
        await read_log(door, hears, types=[row["type"]], subject=row["subject"])
        for door in faces.values()
    ]
    assert by_door[0] == by_door[1] == by_door[2]
    [event] = [event for event in by_door[0] if event["position"] == row["position"]]
    place = (await shop.value("SELECT epoch FROM event_head"), row["position"])
    assert shop.process.log_cursors.read(event.pop("cursor")) == place
    del event["position"]
    return alike(event)


async def test_an_event_holds_the_thing_as_it_is_read_at_that_moment(
    faces: dict[str, Door], shop: Shop
) -> None:
    buyer, manager = await shop.person(balance="100.00"), await shop.person("MANAGER")
    product = await shop.product()
    raw = {"lines": [{"productId": product.id, "quantity": 2}]}
    door = faces["v2"]
    placed = (await door.call("orders.create", raw, caller=buyer)).ok
    await shop.pay(buyer, placed["id"])
    paid = (await door.call("orders.get", {"id": placed["id"]}, caller=buyer)).ok
    moved = {"id": placed["id"], "status": "CONFIRMED"}
    confirmed = (await door.call("orders.updateStatus", moved, caller=manager)).ok
    await shop.refund(placed["id"], amount="1.00")
    refunded = (await door.call("orders.get", {"id": placed["id"]}, caller=buyer)).ok
    cancelled = (await door.call("orders.cancel", {"id": placed["id"]}, caller=buyer)).ok
    await shop.process.sequencer.run()
    events = await read_log(door, buyer, subject=placed["id"])
    types = [event["type"].partition(".")[2] for event in events]
    assert types == ["created", "paid", "confirmed", "refunded", "refunded", "cancelled"]
    held = [event["data"] for event in events]
    assert held[:4] == [placed, paid, confirmed, refunded]
    assert held[5] == cancelled
    assert [order["version"] for order in held] == [1, 2, 3, 4, 5, 6]


async def test_a_refused_write_tells_nothing(faces: dict[str, Door], shop: Shop) -> None:
    buyer = await shop.person(balance="1.00")
    product = await shop.product("5.00")
    raw = {"lines": [{"productId": product.id, "quantity": 1}]}
    for door in faces.values():
        async with shop.unchanged():
            assert (
                await door.call("orders.create", raw, caller=buyer)
            ).code == "INSUFFICIENT_FUNDS"


async def test_a_repeated_call_tells_once(faces: dict[str, Door], shop: Shop) -> None:
    manager, key = await shop.person("MANAGER"), new_key()
    values, _ = await good_call(shop, "products.create", manager)
    made = [
        (await door.call("products.create", values, caller=manager, key=key)).ok
        for door in faces.values()
    ]
    await shop.process.sequencer.run()
    told = await read_log(faces["v2"], manager, subject=made[0]["id"])
    assert [event["type"] for event in told] == ["product.created"]


async def test_nothing_changed_is_nothing_told(faces: dict[str, Door], shop: Shop) -> None:
    manager = await shop.person("MANAGER")
    product = await shop.product()
    for door in faces.values():
        values = {"id": product.id, "name": product.name}
        assert (await door.call("products.update", values, caller=manager)).error is None
    await shop.process.sequencer.run()
    told = await read_log(faces["v2"], manager, subject=product.id)
    assert [event["type"] for event in told] == ["product.created"]


async def test_low_stock_is_told_when_it_is_crossed_and_not_for_every_piece(
    faces: dict[str, Door], shop: Shop
) -> None:
    manager, buyer = await shop.person("MANAGER"), await shop.person(balance="1000.00")
    product, door = await shop.product("1.00", stock=8), faces["v2"]
    for quantity in (2, 1, 1):
        await shop.order(buyer, [(product.id, quantity)])
    for delta in (4, -1, -3):
        values = {"id": product.id, "delta": delta}
        await door.call("products.adjustStock", values, caller=manager, key=new_key())
    await shop.process.sequencer.run()
    told = await read_log(door, manager, subject=product.id, types=["product.stockLow"])
    # 8 → 6 → 5 → 4, then 8 → 7 → 4.
    assert [event["data"]["stock"] for event in told] == [5, 4]
    now = (await door.call("products.get", {"id": product.id}, caller=manager)).ok
    assert told[1]["data"] == now
    assert await read_log(door, buyer, subject=product.id, types=["product.stockLow"]) == []


async def test_jobs_tell_of_expiry_invoices_credit_notes_and_late_deposits(
    faces: dict[str, Door], shop: Shop
) -> None:
    buyer, door = await shop.person(balance="1000.00"), faces["v2"]
    order = await shop.order(buyer, paid=True)
    invoice = await shop.invoice(buyer, order.id)
    refund = await shop.refund(order.id, amount="1.00")
    note = await shop.credit_note(buyer, refund.id)
    unpaid = await shop.expired_order(buyer)
    settled = []
    for failure in (None, "CARD_DECLINED"):
        deposit = await shop.deposit(buyer, "9000.06")
        raw = {"id": deposit.id, "failureCode": failure}
        settled.append(await depositing.settle.by_system(shop.request(), raw))
    await shop.process.sequencer.run()
    log = await read_log(door, buyer)
    told = {event["type"]: event for event in log}
    assert told["invoice.issued"]["data"]["id"] == invoice.id
    assert told["creditNote.issued"]["data"]["id"] == note.id
    assert told["order.expired"]["data"]["id"] == unpaid.id
    assert told["order.expired"]["data"]["status"] == "EXPIRED"
    for type_, deposit in zip(("deposit.succeeded", "deposit.failed"), settled, strict=True):
        read = (await door.call("deposits.get", {"id": deposit.id}, caller=buyer)).ok
        assert told[type_]["data"] == read
    entries = (await door.call("wallet.entries", {"first": 100}, caller=buyer)).ok
    credited = [event["data"] for event in log if event["type"].startswith("wallet.")]
    assert credited == list(reversed(entries))


async def test_an_operation_can_only_tell_what_it_declares(shop: Shop) -> None:
    product = await shop.product()
    order = await shop.order(await shop.person(balance="100.00"))
    ctx = Context(shop.request(), buying.pay, None)
    with pytest.raises(TypeError, match=r"orders\.pay does not declare"):
        emit(ctx, types.PRODUCT_CREATED, product, audience.of_category())
    ctx = Context(shop.request(), products_managing.create, None)
    with pytest.raises(TypeError, match="carries no Order"):
        emit(ctx, types.PRODUCT_CREATED, order, audience.of_category())
