"""Situations that every example is put into, and the steps that lead there.

Each situation leads to a transition or to an error that chance alone would seldom find.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tests.commerce.state import Call
from tests.commerce.world import World

Situation = Callable[[World], Coroutine[Any, Any, None]]
SITUATIONS: dict[str, Situation] = {}
#: What is paid in besides, so that it is not done each time.
_PLENTY = 5_000_000


def situation(enter: Situation) -> Situation:
    """One of the situations."""
    SITUATIONS[enter.__name__] = enter
    return enter


def line(product: str, quantity: int = 1) -> dict[str, Any]:
    """A line of an order or a refund."""
    return {"productId": product, "quantity": quantity}


async def must(w: World, wanted: str, operation: str, actor: str | None, /, **more: Any) -> None:
    """Make a call that must end so; the model says so too, or the situation is none."""
    code = await w.call(operation, actor, **more)
    if code != wanted:
        w.fail(f"the situation wanted {wanted} of {operation}, it was {code}")


async def funded(w: World, buyer: str, cents: int) -> None:
    """See that somebody can order for so much; the poor for no more than that."""
    missing = cents - w.model.free(buyer)
    if missing > 0:
        amount = spelled(missing if buyer == "poor" else missing + _PLENTY)
        name, key = w.new_name("deposit"), w.new_name("key")
        await must(w, "OK", "deposits.create", buyer, makes=name, key=key, amount=amount)


async def for_one_chair(w: World) -> None:
    """The poor can buy one chair, and not two."""
    price = w.model.products["chair"].price
    while w.model.free("poor") >= 2 * price:
        pieces = min(w.model.free("poor") // price - 1, 50)
        await paid(w, line("chair", pieces), buyer="poor")
    await funded(w, "poor", price)


def spelled(cents: int) -> str:
    """An amount as it is on the wire."""
    return f"{cents // 100}.{cents % 100:02}"


async def order(
    w: World, *lines: dict[str, Any], buyer: str = "buyer-1", coupon: str | None = None
) -> str:
    """Place an order; its name."""
    name = w.new_name("order")
    lines = lines or (line("lamp"),)
    await funded(
        w, buyer, sum(w.model.products[i["productId"]].price * i["quantity"] for i in lines)
    )
    more = {"couponCode": coupon} if coupon else {}
    await must(w, "OK", "orders.create", buyer, makes=name, lines=list(lines), **more)
    return name


async def large(w: World, buyer: str = "buyer-2") -> str:
    """An order that waits for approval."""
    return await order(w, line("house"), buyer=buyer)


async def paid(w: World, *lines: dict[str, Any], **more: Any) -> str:
    """A paid order."""
    name = await order(w, *lines, **more)
    buyer = w.model.orders[name].buyer
    await must(w, "OK", "orders.pay", buyer, key=w.new_name("key"), id=name)
    return name


async def confirmed(w: World) -> str:
    """An order that is being packed."""
    name = await paid(w)
    await must(w, "OK", "orders.updateStatus", "manager-1", id=name, status="CONFIRMED")
    return name


async def coupon(w: World, /, kind: str = "PERCENT", value: str = "12.50", **terms: Any) -> str:
    """A coupon; its code."""
    code = w.new_name("Coupon")
    await must(
        w, "OK", "coupons.create", "manager-1", makes=code.lower(), code=code, kind=kind,
        value=value, **terms,
    )  # fmt: skip
    return code


async def refund(w: World, name: str, wanted: str = "OK", **what: Any) -> None:
    """Refund something of an order."""
    key = w.new_name("key")
    await must(w, wanted, "orders.refund", "manager-2", key=key, id=name, **what)


async def at_once(w: World, *calls: Call, wanted: Sequence[str] = ()) -> list[str]:
    """Make calls at one moment, that must end so, whichever is which; answers their codes."""
    codes = await w.together(*calls)
    if wanted and sorted(codes) != sorted(wanted):
        w.fail(f"the situation wanted {wanted}, it was {codes}")
    return codes
