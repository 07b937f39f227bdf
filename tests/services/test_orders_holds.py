"""What unpaid orders hold of their buyer's balance."""

from decimal import Decimal
from typing import Any

import pytest

from services import approvals
from services.orders import buying, managing
from tests.faces import Door
from tests.shop import Person, Shop, new_key


@pytest.fixture
async def buyer(shop: Shop) -> Person:
    return await shop.person(balance="100.00")


def lines(product: Any) -> dict[str, Any]:
    return {"lines": [{"productId": product.id, "quantity": 1}]}


async def money(door: Door, caller: Person) -> tuple[str, str]:
    """What a wallet shows: the balance, and what unpaid orders hold of it."""
    wallet = (await door.call("wallet.get", caller=caller)).ok
    return wallet["balance"], wallet["held"]


async def test_what_an_unpaid_order_holds_cannot_be_ordered_for(
    door: Door, shop: Shop, buyer: Person
) -> None:
    product = await shop.product("60.00", stock=5)
    first = (await door.call("orders.create", lines(product), caller=buyer)).ok
    assert await money(door, buyer) == ("100.00", "60.00")
    async with shop.unchanged():
        outcome = await door.call("orders.create", lines(product), caller=buyer)
    assert (outcome.code, outcome.status) == ("INSUFFICIENT_FUNDS", 402)
    assert outcome.failure.details == {
        "balance": "100.00",
        "held": "60.00",
        "required": "60.00",
        "missing": "20.00",
        "currency": "EUR",
    }
    await shop.deposit(buyer, "20.00")
    second = (await door.call("orders.create", lines(product), caller=buyer)).ok
    assert await money(door, buyer) == ("120.00", "120.00")
    await door.call("orders.pay", {"id": first["id"]}, caller=buyer, key=new_key())
    assert await money(door, buyer) == ("60.00", "60.00")
    await door.call("orders.cancel", {"id": second["id"]}, caller=buyer)
    assert await money(door, buyer) == ("60.00", "0.00")


@pytest.mark.parametrize("end", ["pay", "cancel", "reject", "expire", "cancelStatus"])
async def test_an_order_that_waits_for_approval_holds_its_total_until_it_ends(
    shop: Shop, manager: Person, end: str
) -> None:
    buyer = await shop.person(balance="20000.00")
    order = await shop.large_order(buyer)

    async def held() -> Decimal:
        return await shop.value("SELECT held FROM accounts WHERE user_id = $1", buyer.id)

    assert await held() == order.total
    if end == "pay":
        await approvals.approve(shop.request(manager), {"id": order.id})
        assert await held() == order.total
        await shop.pay(buyer, order.id)
    elif end == "cancel":
        await buying.cancel(shop.request(buyer), {"id": order.id})
    elif end == "reject":
        await approvals.reject(shop.request(manager), {"id": order.id})
    elif end == "expire":
        past = "UPDATE orders SET expires_at = now() - interval '1 s' WHERE id = $1"
        await shop.execute(past, order.id)
        await managing.expire.by_system(shop.request(), {"id": order.id})
    else:
        raw = {"id": order.id, "status": "CANCELLED"}
        await managing.update_status(shop.request(manager), raw)
    assert await held() == 0
    assert await shop.balance(buyer) == (20000 - order.total if end == "pay" else 20000)
