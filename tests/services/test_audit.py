"""The audit log: who did what to which thing."""

from typing import Any

import asyncpg
import pytest

from services.audit.chain import seal_new
from services.ids import new_id
from services.jobs.queue import Job
from tests.faces import Door, Service
from tests.shop import Person, Shop, new_key


async def test_an_admin_reads_what_was_done(door: Door, shop: Shop, admin: Person) -> None:
    buyer = await shop.person(balance="50.00")
    order = await shop.order(buyer, paid=True, cancelled=True)
    entries = (await door.call("audit.list", {"actorId": buyer.id}, caller=admin)).ok
    assert [(entry["action"], entry["outcome"]) for entry in entries] == [
        ("orders.cancel", "OK"),
        ("orders.pay", "OK"),
        ("orders.create", "OK"),
        ("deposits.create", "OK"),
    ]
    cancelled = entries[0]
    assert (cancelled["entity"], cancelled["entityId"]) == ("order", order.id)
    assert cancelled["changed"] == ["paymentStatus", "refunded", "status", "cancelledAt"]
    assert cancelled["actorId"] == buyer.id
    assert cancelled["requestId"]


async def test_the_log_is_filtered(door: Door, shop: Shop, admin: Person) -> None:
    buyer = await shop.person(balance="50.00")
    order = await shop.order(buyer, paid=True)

    async def found(**filters: str) -> list[str]:
        outcome = await door.call("audit.list", filters, caller=admin)
        return [entry["action"] for entry in outcome.ok]

    assert await found(entityId=order.id) == ["orders.pay", "orders.create"]
    assert await found(entityId=order.id, action="orders.pay") == ["orders.pay"]
    oldest = await found(entityId=order.id, sort="createdAt")
    assert oldest == ["orders.create", "orders.pay"]
    entry = await shop.last_audit("orders.pay", buyer)
    assert entry
    since = entry["created_at"].isoformat()
    assert await found(actorId=buyer.id, **{"from": since}) == ["orders.pay"]
    assert await found(actorId=buyer.id, to=since) == ["orders.create", "deposits.create"]
    assert await found(actorId=admin.id) == []


async def test_an_attempt_that_failed_is_noted_with_its_code(
    door: Door, shop: Shop, other_user: Person
) -> None:
    owner = await shop.person(balance="50.00")
    order = await shop.order(owner, paid=True)
    await door.call("orders.pay", {"id": order.id}, caller=owner, key=new_key())
    entry = await shop.last_audit("orders.pay", owner)
    assert entry
    assert (entry["outcome"], entry["entity_id"]) == ("ORDER_STATUS_INVALID", order.id)
    assert entry["changed"] == []
    await door.call("orders.pay", {"id": order.id}, caller=other_user, key=new_key())
    entry = await shop.last_audit("orders.pay", other_user)
    assert entry
    assert entry["outcome"] == "ORDER_NOT_FOUND"


async def test_reads_leave_no_row(door: Door, shop: Shop, user: Person) -> None:
    before = await shop.value("SELECT count(*) FROM audit_log")
    await door.call("users.me", caller=user)
    await door.call("orders.list", caller=user)
    assert await shop.value("SELECT count(*) FROM audit_log") == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET outcome = 'OK'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE audit_seals SET position = position + 1",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_seals",
        "DELETE FROM audit_chain",
        "TRUNCATE audit_chain",
    ],
)
async def test_the_database_refuses_to_change_the_log(shop: Shop, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await shop.execute(change)


async def test_an_entry_names_the_key_that_it_was_done_with(
    door: Door, shop: Shop, admin: Person, user: Person
) -> None:
    machine = await shop.machine(user, "deposits:write:own")
    await door.call("deposits.create", {"amount": "1.00"}, caller=machine, key=new_key())
    await door.call("deposits.create", {"amount": "1.00"}, caller=user, key=new_key())
    entries = (await door.call("audit.list", {"actorId": user.id}, caller=admin)).ok
    assert [(entry["action"], entry["apiKeyId"]) for entry in entries] == [
        ("deposits.create", None),
        ("deposits.create", machine.key_id),
        ("apiKeys.create", None),
    ]


async def test_the_head_is_the_last_seal(door: Door, shop: Shop, admin: Person) -> None:
    await shop.deposit(admin, "1.00")
    waiting = await shop.value("SELECT count(*) FROM audit_unsealed")
    assert waiting > 0
    assert (await door.call("audit.head", caller=admin)).ok["unsealed"] == waiting
    before = await shop.value("SELECT count(*) FROM audit_seals")
    await sealed(shop)
    head = (await door.call("audit.head", caller=admin)).ok
    [row] = await shop.rows("SELECT * FROM audit_seals ORDER BY position DESC LIMIT 1")
    assert head == {
        "position": before + waiting,
        "hash": row["hash"].hex(),
        "sealedAt": row["sealed_at"].isoformat().replace("+00:00", "Z"),
        "unsealed": 0,
    }


async def test_the_log_is_verified_against_an_exported_head(
    door: Door, shop: Shop, admin: Person
) -> None:
    await shop.deposit(admin, "1.00")
    await sealed(shop)
    head = (await door.call("audit.head", caller=admin)).ok
    start, hash = head["position"], head["hash"]

    async def told(position: int, hash: str) -> object:
        values = {"startPosition": start, "position": position, "hash": hash}
        return (await door.call("audit.verify", values, caller=admin)).ok

    sound = {"valid": True, "checked": 1, "nextPosition": None, "problems": []}
    assert await told(start, hash) == sound
    for kind, position in (("REHASHED", start), ("CUT_OFF", start + 1)):
        problem = {"kind": kind, "position": position, "entryId": None}
        assert await told(position, "0" * 64) == {**sound, "valid": False, "problems": [problem]}


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"position": 1}, {"hash": "CONFLICT"}),
        ({"hash": "0" * 64}, {"position": "CONFLICT"}),
        ({"position": 1, "hash": "0" * 63}, {"hash": "INVALID_FORMAT"}),
        ({"position": 1, "hash": "A" * 64}, {"hash": "INVALID_FORMAT"}),
        (
            {"position": 0, "hash": "0" * 64, "startPosition": 0},
            dict.fromkeys(("position", "startPosition"), "TOO_SMALL"),
        ),
    ],
)
async def test_a_head_is_a_position_and_a_hash(
    door: Door, admin: Person, values: dict[str, object], paths: dict[str, str]
) -> None:
    failure = (await door.call("audit.verify", values, caller=admin)).failure
    assert (failure.code, failure.paths) == ("VALIDATION_FAILED", paths)


async def sealed(shop: Shop) -> None:
    """Every entry has its seal."""
    await seal_new(shop.process, Job(new_id(shop.process.clock()), "test", {}))


async def test_rows_about_an_order_name_every_field_that_changed(
    shop: Shop, manager: Person, user: Person
) -> None:
    door = Service(shop)
    await shop.deposit(user, "100.00")
    unpaid, paid, sent = [await shop.order(user, paid=paid) for paid in (False, True, True)]

    async def moved(order: Any, status: str, **more: str) -> list[str]:
        values = {"id": order.id, "status": status, **more}
        assert (await door.call("orders.updateStatus", values, caller=manager)).ok
        row = await shop.last_audit("orders.updateStatus", manager)
        assert row
        return row["changed"]

    await door.call("orders.cancel", {"id": unpaid.id}, caller=user)
    row = await shop.last_audit("orders.cancel", user)
    assert row
    assert row["changed"] == ["status", "expiresAt", "cancelledAt"]
    assert await moved(paid, "CANCELLED") == ["paymentStatus", "refunded", "status", "cancelledAt"]
    assert await moved(sent, "CONFIRMED") == ["status"]
    assert await moved(sent, "SHIPPED", trackingCode="1Z") == [
        "status",
        "trackingCode",
        "shippedAt",
    ]
    row = await shop.last_audit("orders.pay", user)
    assert row
    assert row["changed"] == ["status", "paymentStatus", "expiresAt", "paidAt"]
