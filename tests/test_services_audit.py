"""The audit log: who did what to which thing."""

import asyncpg
import pytest

from tests.faces import Door
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
    assert cancelled["changed"] == ["status", "paymentStatus", "cancelledAt"]
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
    ],
)
async def test_the_database_refuses_to_change_the_log(shop: Shop, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await shop.execute(change)
