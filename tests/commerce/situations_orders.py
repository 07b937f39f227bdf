"""The ways of an order, and what leads off them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from tests.commerce.state import HOLD
from tests.commerce.steps import (
    Situation,
    confirmed,
    coupon,
    for_one_chair,
    funded,
    large,
    line,
    must,
    order,
    paid,
    refund,
    situation,
    spelled,
)
from tests.commerce.world import World

_SECOND = timedelta(seconds=1)


@situation
async def lives_long(w: World) -> None:
    """Placed, paid, confirmed, shipped, delivered."""
    name = await confirmed(w)
    await must(
        w, "OK", "orders.updateStatus", "manager-1", id=name, status="SHIPPED", trackingCode="T-1"
    )
    await must(w, "OK", "orders.updateStatus", "admin", id=name, status="DELIVERED")
    await must(w, "OK", "orders.get", "buyer-1", id=name)


@situation
async def approved_late_and_paid(w: World) -> None:
    """Approving begins the hold again: it expires by that, and not by the wait before."""
    name = await large(w)
    w.wait(HOLD)
    await must(w, "OK", "approvals.approve", "manager-1", id=name)
    w.wait(HOLD - _SECOND)
    await w.expire_due()
    await must(w, "OK", "orders.pay", "buyer-2", key=w.new_name("key"), id=name)
    await must(w, "OK", "orders.updateStatus", "manager-2", id=name, status="CANCELLED")


@situation
async def rejected(w: World) -> None:
    """A large order rejected."""
    await must(w, "OK", "approvals.reject", "manager-1", id=await large(w), note="Too much")


def _ended(make: Callable[[World], Awaitable[str]], operation: str) -> Situation:
    async def enter(w: World) -> None:
        name = await make(w)
        if operation == "orders.cancel":
            await must(w, "OK", operation, w.model.orders[name].buyer, id=name)
        else:
            await must(w, "OK", operation, "manager-2", id=name, status="CANCELLED")

    enter.__name__ = f"{make.__name__}_ended_by_{operation}"
    return enter


for _make in (order, large, paid, confirmed):
    for _operation in ("orders.cancel", "orders.updateStatus"):
        situation(_ended(_make, _operation))


@situation
async def expires(w: World) -> None:
    """Held to the last second, and not longer; large ones wait longer."""
    code = await coupon(w)
    early, late = await order(w, coupon=code), await large(w)
    w.wait(HOLD - _SECOND)
    await must(w, "ORDER_STATUS_INVALID", "orders.expire", None, id=early)
    w.wait(_SECOND)
    await w.expire_due()
    await must(w, "ORDER_STATUS_INVALID", "orders.cancel", w.model.orders[early].buyer, id=early)
    await must(w, "ORDER_STATUS_INVALID", "orders.expire", None, id=early)
    w.wait(timedelta(hours=2) - HOLD)
    await w.expire_due()
    await must(w, "ORDER_STATUS_INVALID", "orders.cancel", w.model.orders[late].buyer, id=late)


@situation
async def paid_after_its_time(w: World) -> None:
    """The row decides, not the clock: nobody expired it yet."""
    name = await order(w)
    w.wait(HOLD)
    await must(w, "OK", "orders.pay", "buyer-1", key=w.new_name("key"), id=name)
    await must(w, "ORDER_STATUS_INVALID", "orders.expire", None, id=name)


@situation
async def wrong_status(w: World) -> None:
    """What an order in some status does not allow."""
    name = await order(w)
    for status in ("SHIPPED", "PAID", "PENDING"):
        await must(
            w, "ORDER_STATUS_INVALID", "orders.updateStatus", "manager-1", id=name, status=status
        )
    await must(w, "ORDER_STATUS_INVALID", "approvals.approve", "manager-1", id=name)
    await must(w, "ORDER_STATUS_INVALID", "approvals.reject", "manager-1", id=name)
    await must(w, "OK", "orders.cancel", "manager-1", id=name, reason="No longer wanted")
    await must(w, "ORDER_STATUS_INVALID", "orders.cancel", "buyer-1", id=name)
    key = w.new_name("key")
    await must(w, "ORDER_STATUS_INVALID", "orders.pay", "buyer-1", key=key, id=name)


@situation
async def given_back(w: World) -> None:
    """What was refunded wholly is not sent, but can be cancelled still."""
    for name, to in ((await paid(w), "CONFIRMED"), (await confirmed(w), "SHIPPED")):
        await refund(w, name)
        await must(
            w, "ORDER_STATUS_INVALID", "orders.updateStatus", "manager-1", id=name, status=to
        )
        await must(w, "OK", "orders.cancel", "manager-1", id=name)


@situation
async def others(w: World) -> None:
    """What is somebody else's is not there for users, and not a manager's to pay."""
    name = await order(w)
    for operation in ("orders.get", "orders.cancel"):
        await must(w, "ORDER_NOT_FOUND", operation, "buyer-2", id=name)
    await must(w, "ORDER_NOT_FOUND", "orders.pay", "buyer-2", key=w.new_name("key"), id=name)
    await must(w, "FORBIDDEN", "orders.pay", "manager-1", key=w.new_name("key"), id=name)
    await must(w, "FORBIDDEN", "orders.updateStatus", "buyer-1", id=name, status="CANCELLED")
    await must(w, "FORBIDDEN", "approvals.approve", "buyer-1", id=name)
    await must(w, "FORBIDDEN", "orders.refund", "buyer-1", key=w.new_name("key"), id=name)


@situation
async def changed_meanwhile(w: World) -> None:
    """If-Match names an edition that is gone, then the one there is."""
    name = await order(w)
    await must(w, "OK", "orders.pay", "buyer-1", key=w.new_name("key"), id=name)
    await w.agree()
    for edition, wanted in ((1, "PRECONDITION_FAILED"), (2, "OK")):
        await must(
            w, wanted, "orders.updateStatus", "manager-1", edition=edition, id=name,
            status="CONFIRMED",
        )  # fmt: skip
    await w.agree()
    for edition, wanted in ((2, "PRECONDITION_FAILED"), (3, "OK")):
        await must(w, wanted, "orders.cancel", "buyer-1", edition=edition, id=name)


@situation
async def own_approval(w: World) -> None:
    """A manager buys much, and may not wave it through."""
    name = await large(w, buyer="manager-1")
    await must(w, "SELF_APPROVAL", "approvals.approve", "manager-1", id=name)
    await must(w, "SELF_APPROVAL", "approvals.reject", "manager-1", id=name)
    await must(w, "OK", "approvals.reject", "admin", id=name)


@situation
async def not_enough_pieces(w: World) -> None:
    """One more than there is."""
    await funded(w, "buyer-1", 500_000)
    pieces = w.model.products["scarce"].stock + 1
    lines = [line("lamp"), line("scarce", pieces)]
    await must(w, "OUT_OF_STOCK", "orders.create", "buyer-1", lines=lines)


@situation
async def not_enough_money(w: World) -> None:
    """Too little for two, and too little beside what an unpaid order holds."""
    await for_one_chair(w)
    one, two = [line("chair")], [line("chair", 2)]
    await must(w, "INSUFFICIENT_FUNDS", "orders.create", "poor", lines=two)
    first = await order(w, *one, buyer="poor")
    await must(w, "INSUFFICIENT_FUNDS", "orders.create", "poor", lines=one)
    await must(w, "OK", "orders.cancel", "poor", id=first)
    second = await order(w, *one, buyer="poor")
    await must(w, "OK", "orders.pay", "poor", key=w.new_name("key"), id=second)
    await must(w, "INSUFFICIENT_FUNDS", "orders.create", "poor", lines=one)
    await must(w, "OK", "orders.cancel", "poor", id=second)


@situation
async def archived_and_repriced(w: World) -> None:
    """Orders keep their price; what is archived is not sold."""
    name = await order(w, line("bolt", 3))
    price = spelled(w.model.products["bolt"].price + 7)
    await must(w, "OK", "products.update", "manager-1", id="bolt", price=price)
    await must(w, "OK", "products.archive", "admin", id="bolt")
    lines = [line("bolt")]
    await must(w, "PRODUCT_NOT_FOUND", "orders.create", "buyer-1", lines=lines)
    await must(w, "PRODUCT_NOT_FOUND", "orders.quote", "buyer-1", lines=lines)
    await must(w, "OK", "orders.pay", "buyer-1", key=w.new_name("key"), id=name)
    await must(w, "OK", "products.update", "admin", id="bolt", isActive=True, price="3.33")


@situation
async def stock_counted_anew(w: World) -> None:
    """Set with the expected stock, and not with another one; nothing is taken that is not there."""
    key, stock = w.new_name, w.model.products["scarce"].stock
    adjust, who = "products.adjustStock", "manager-1"
    await must(
        w, "STOCK_CHANGED", adjust, who, key=key("key"), id="scarce", stock=9, expected=stock + 1
    )
    await must(w, "OK", adjust, who, key=key("key"), id="scarce", stock=8, expected=stock)
    await must(w, "OUT_OF_STOCK", adjust, who, key=key("key"), id="scarce", delta=-9)
    await must(w, "OK", adjust, "admin", key=key("key"), id="scarce", delta=1)
    await must(w, "FORBIDDEN", adjust, "buyer-1", key=key("key"), id="scarce", delta=1)
