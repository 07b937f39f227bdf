"""Coupons and refunds, to the cent."""

from datetime import timedelta

from tests.commerce.state import wire
from tests.commerce.steps import coupon, funded, line, must, order, paid, refund, situation, spelled
from tests.commerce.world import World

_SECOND = timedelta(seconds=1)


@situation
async def coupon_of_little_use(w: World) -> None:
    """Every reason for which a coupon takes nothing off."""
    day = timedelta(days=1)
    unstarted = await coupon(w, startsAt=wire(w.clock.now + day))
    minimum = await coupon(w, minimumOrder="25.00")
    idle = await coupon(w)
    await must(w, "OK", "coupons.deactivate", "manager-2", id=idle.lower())
    nothing = await coupon(w, kind="FIXED", value="5.00")
    ended = await coupon(w, endsAt=wire(w.clock.now + _SECOND))
    w.wait(_SECOND)
    await funded(w, "buyer-1", 10_000)
    for code, product, wanted in (
        ("no-such-code", "lamp", "COUPON_INVALID"),
        (unstarted, "lamp", "COUPON_INVALID"),
        (minimum, "lamp", "COUPON_INVALID"),
        (idle, "lamp", "COUPON_INVALID"),
        (nothing, "pin", "COUPON_INVALID"),
        (ended, "lamp", "COUPON_EXPIRED"),
    ):
        lines, subtotal = [line(product)], "0.01" if product == "pin" else "19.99"
        await must(w, wanted, "orders.create", "buyer-1", lines=lines, couponCode=code)
        await must(w, wanted, "orders.quote", "buyer-1", lines=lines, couponCode=code)
        await must(w, wanted, "coupons.check", "buyer-1", code=code, subtotal=subtotal)


@situation
async def coupon_to_the_cent(w: World) -> None:
    """Percentages of odd sums, quoted, checked and placed, in whatever case."""
    for value, pieces in (("0.50", 3), ("33.33", 7), ("12.50", 2), ("100.00", 2)):
        code = await coupon(w, value=value)
        lines = [line("bolt", pieces), line("pin", 2), line("lamp", pieces)]
        await must(w, "OK", "orders.quote", "buyer-1", lines=lines, couponCode=code.lower())
        await must(w, "OK", "coupons.check", "buyer-1", code=code.upper(), subtotal="12.34")
        name = await paid(w, *lines, coupon=code)
        await must(w, "OK", "coupons.get", "manager-1", id=code.lower())
        if value != "100.00":  # of a cent, no piece has one
            await refund(w, name, lines=[line("bolt", 1), line("lamp", 1)])
            await refund(w, name, lines=[line("pin", 1), line("lamp", pieces - 1)])
        if w.model.orders[name].paid != "REFUNDED":
            await refund(w, name)


@situation
async def coupon_used_up(w: World) -> None:
    """By all, and by one: given up unpaid, or cancelled by the shop, it frees a place."""
    for limit in ("usageLimit", "perUserLimit"):
        code = await coupon(w, "PERCENT", "10.00", **{limit: 1})
        lines = [line("lamp")]
        first = await order(w, coupon=code)
        await must(w, "COUPON_EXHAUSTED", "orders.create", "buyer-1", lines=lines, couponCode=code)
        await must(w, "OK", "orders.cancel", "buyer-1", id=first)
        given_back = await paid(w, coupon=code)
        who = "manager-1"
        await must(w, "OK", "orders.updateStatus", who, id=given_back, status="CANCELLED")
        second = await paid(w, coupon=code)
        await must(w, "OK", "orders.cancel", "buyer-1", id=second)
        await must(w, "COUPON_EXHAUSTED", "orders.quote", "buyer-1", lines=lines, couponCode=code)
        await must(w, "COUPON_EXHAUSTED", "coupons.check", "buyer-1", code=code, subtotal="5.00")
        if limit == "perUserLimit":
            await order(w, buyer="buyer-2", coupon=code)


@situation
async def coupon_changed(w: World) -> None:
    """Free until it is redeemed; then it can only end."""
    code, other = await coupon(w), await coupon(w)
    name, end = code.lower(), w.clock.now + timedelta(days=3)
    update, who = "coupons.update", "manager-2"
    await must(w, "OK", update, who, id=name, value="20.00", endsAt=wire(end))
    await must(w, "COUPON_CODE_TAKEN", update, who, id=name, code=other.upper())
    await must(
        w, "COUPON_CODE_TAKEN", "coupons.create", who, code=other, kind="FIXED", value="1.00"
    )
    ended = await order(w, coupon=code)
    await must(w, "OK", "orders.cancel", "buyer-1", id=ended)
    later = wire(end + timedelta(days=1))
    await must(w, "COUPON_FROZEN", update, who, id=name, value="21.00")
    await must(w, "COUPON_FROZEN", update, who, id=name, endsAt=later)
    await w.agree()
    edition = w.model.coupons[name].edition
    earlier = wire(end - timedelta(days=1))
    await must(w, "PRECONDITION_FAILED", update, who, edition=edition - 1, id=name, endsAt=earlier)
    await must(w, "OK", update, who, edition=edition, id=name, endsAt=earlier)
    await w.agree()
    await must(w, "PRECONDITION_FAILED", "coupons.deactivate", who, edition=edition, id=name)
    await must(w, "OK", "coupons.deactivate", who, id=name)


@situation
async def refunded_in_parts(w: World) -> None:
    """Pieces, an amount, then the rest; the guard knows what was refunded."""
    code = await coupon(w, kind="FIXED", value="10.01")
    name = await paid(w, line("bolt", 3), line("lamp", 2), line("pin", 1), coupon=code)
    await refund(w, name, lines=[line("bolt", 1), line("lamp", 1)], restock=True)
    await refund(w, name, amount="0.01")
    await refund(w, name, "REFUND_CHANGED", amount="0.01", expectedRefunded="0.00")
    so_far = spelled(w.model.orders[name].refunded)
    await refund(w, name, lines=[line("bolt", 1)], expectedRefunded=so_far)
    await refund(w, name, "REFUND_EXCEEDS_PAYMENT", amount="99.00")
    await refund(w, name, "REFUND_EXCEEDS_PAYMENT", lines=[line("bolt", 2)])
    await refund(w, name, "VALIDATION_FAILED", lines=[line("chair", 1)])
    await refund(w, name, restock=True)
    await refund(w, name, "ORDER_STATUS_INVALID", amount="0.01")
    await must(w, "OK", "orders.cancel", "buyer-1", id=name)


@situation
async def a_cent_to_share(w: World) -> None:
    """Two lines that cost the same, and a cent off: one of them is worth a cent more."""
    code = await coupon(w, kind="FIXED", value="0.01")
    name = await paid(w, line("bolt", 1), line("pin", 333), coupon=code)
    for product, pieces in (("pin", 100), ("bolt", 1), ("pin", 233)):
        await refund(w, name, lines=[line(product, pieces)])


@situation
async def refunded_and_cancelled(w: World) -> None:
    """Cancelling gives back what is left, and takes back what did not come back yet."""
    name = await paid(w, line("bolt", 3), line("lamp", 2))
    await refund(w, name, lines=[line("bolt", 2)], restock=True)
    await refund(w, name, lines=[line("lamp", 1)])
    await must(w, "OK", "orders.cancel", "buyer-1", id=name)
    await refund(w, name, "ORDER_STATUS_INVALID")


@situation
async def refunded_at_once(w: World) -> None:
    """All of it, with nothing said."""
    await refund(w, await paid(w, line("bolt", 2)), reason="Broken")


@situation
async def refunded_nothing(w: World) -> None:
    """Pieces that are worth less than a cent; an unpaid order."""
    code = await coupon(w, value="100.00")
    name = await paid(w, line("bolt", 2), coupon=code)
    await refund(w, name, "VALIDATION_FAILED", lines=[line("bolt", 1)])
    await refund(w, await order(w), "ORDER_STATUS_INVALID")
