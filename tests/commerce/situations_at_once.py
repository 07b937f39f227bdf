"""Calls at one moment that are in each other's way."""

from datetime import timedelta

from tests.commerce.state import HOLD, Call
from tests.commerce.steps import (
    at_once,
    coupon,
    for_one_chair,
    funded,
    large,
    line,
    must,
    order,
    paid,
    situation,
)
from tests.commerce.world import USERS, World


@situation
async def last_piece(w: World) -> None:
    """Three buyers, one piece left."""
    stock = w.model.products["rare"].stock
    if stock != 1:
        change = {"delta": 1 - stock}
        await must(
            w, "OK", "products.adjustStock", "admin", key=w.new_name("key"), id="rare", **change
        )
    for buyer in USERS[:3]:
        await funded(w, buyer, 10_000)
    calls = [
        Call("orders.create", buyer, {"lines": [line("rare"), line("pin")]}, w.new_name("order"))
        for buyer in USERS[:3]
    ]
    await at_once(w, *calls, wanted=["OK", "OUT_OF_STOCK", "OUT_OF_STOCK"])


@situation
async def last_redemption(w: World) -> None:
    """Three buyers, and a coupon for one; then one gives up while another asks."""
    code = await coupon(w, usageLimit=1)
    calls: list[Call] = []
    # Whoever buys the same waits for it: that the coupon is waited for shows where they do not.
    for buyer, ware in zip(USERS[:3], ("lamp", "bolt", "chair"), strict=True):
        await funded(w, buyer, 20_000)
        values = {"lines": [line(ware)], "couponCode": code}
        calls.append(Call("orders.create", buyer, values, w.new_name("order")))
    codes = await at_once(w, *calls, wanted=["OK", "COUPON_EXHAUSTED", "COUPON_EXHAUSTED"])
    holder = calls[codes.index("OK")]
    await at_once(
        w,
        Call("orders.cancel", holder.actor, {"id": holder.makes}),
        Call("orders.create", "buyer-1", calls[0].values, w.new_name("order")),
        Call("coupons.update", "manager-1", {"id": code.lower(), "value": "99.00"}),
    )


@situation
async def paid_cancelled_and_expired(w: World) -> None:
    """The owner pays twice, cancels, and the time is over."""
    code = await coupon(w)
    name = await order(w, line("lamp", 2), line("pin", 1), coupon=code)
    w.wait(HOLD)
    keys = w.new_name("key"), w.new_name("key")
    await at_once(
        w,
        Call("orders.pay", "buyer-1", {"id": name}, key=keys[0]),
        Call("orders.pay", "buyer-1", {"id": name}, key=keys[1]),
        Call("orders.cancel", "buyer-1", {"id": name}),
        Call("orders.expire", None, {"id": name}),
    )


@situation
async def one_key_at_once(w: World) -> None:
    """The same payment three times, the same order twice."""
    name, key = await order(w), w.new_name("key")
    pay = Call("orders.pay", "buyer-1", {"id": name}, key=key)
    await at_once(w, pay, pay, pay, wanted=["OK", "OK", "OK"])
    name = w.new_name("order")
    await funded(w, "buyer-1", 10_000)
    place = Call("orders.create", "buyer-1", {"lines": [line("lamp")]}, name, key=key)
    await at_once(w, place, place, wanted=["OK", "OK"])


@situation
async def decided_at_once(w: World) -> None:
    """One approves, one rejects, the buyer cancels, the time is over."""
    name = await large(w)
    w.wait(timedelta(hours=2))
    await at_once(
        w,
        Call("approvals.approve", "manager-1", {"id": name}),
        Call("approvals.reject", "manager-2", {"id": name}),
        Call("orders.cancel", "buyer-2", {"id": name}),
        Call("orders.expire", None, {"id": name}),
    )


@situation
async def refunded_by_many(w: World) -> None:
    """Refunds and a cancellation of one order; with the guard one wins."""
    name = await paid(w, line("lamp", 2), line("bolt", 1))
    guarded = {"id": name, "amount": "30.00", "expectedRefunded": "0.00"}
    await at_once(
        w,
        Call("orders.refund", "manager-1", guarded, key=w.new_name("key")),
        Call("orders.refund", "manager-2", guarded, key=w.new_name("key")),
        Call(
            "orders.refund", "admin", {"id": name, "lines": [line("lamp")], "restock": True},
            key=w.new_name("key"),
        ),
        Call("orders.cancel", "buyer-1", {"id": name}),
    )  # fmt: skip


@situation
async def one_wallet_at_once(w: World) -> None:
    """Two orders that a wallet cannot both bear, one that is paid, and money that comes in."""
    held = await order(w, line("lamp"), buyer="poor")
    await for_one_chair(w)
    names = [w.new_name("order") for _ in range(2)]
    # No stock row puts the two in a sequence.
    wanted = [line("chair")], [line("chair"), line("pin")]
    await funded(w, "poor", w.model.products["chair"].price + 1)
    await at_once(
        w,
        *(
            Call("orders.create", "poor", {"lines": lines}, name)
            for lines, name in zip(wanted, names, strict=True)
        ),
        Call("orders.pay", "poor", {"id": held}, key=w.new_name("key")),
        Call(
            "deposits.create", "poor", {"amount": "149.50"}, w.new_name("deposit"),
            key=w.new_name("key"),
        ),
    )  # fmt: skip
    for name in (held, *names):
        if name in w.model.orders:
            await w.call("orders.cancel", "poor", id=name)


@situation
async def decided_twice_at_once(w: World) -> None:
    """The provider tells by two ways at one moment, and contradicts itself."""
    name = w.new_name("deposit")
    key = w.new_name("key")
    await must(w, "OK", "deposits.create", "buyer-3", makes=name, key=key, amount="9000.03")
    settle = Call("deposits.settle", None, {"id": name})
    fail = Call("deposits.settle", None, {"id": name, "failureCode": "CARD_DECLINED"})
    await at_once(w, settle, fail, settle)


@situation
async def one_edition_at_once(w: World) -> None:
    """Two managers who saw the same order: one is told that it changed."""
    name = await paid(w)
    await w.agree()
    edition = w.model.orders[name].edition
    move = {"id": name, "status": "CONFIRMED"}
    await at_once(
        w,
        Call("orders.updateStatus", "manager-1", move, edition=edition),
        Call("orders.updateStatus", "manager-2", move, edition=edition),
        wanted=["OK", "PRECONDITION_FAILED"],
    )
