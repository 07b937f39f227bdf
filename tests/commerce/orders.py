"""Orders: placed, paid, moved on, given up."""

from fractions import Fraction
from typing import Any

from tests.commerce.coupons import refusals
from tests.commerce.state import (
    APPROVAL,
    APPROVAL_ABOVE,
    HOLD,
    MANAGERS,
    Call,
    Line,
    Order,
    Refused,
    State,
    amounts,
    matched,
    text,
    wire,
)

#: Who moves an order from where to where; orders.create begins at None.
STEPS: dict[tuple[str, str | None], tuple[str, ...]] = {
    ("orders.create", None): ("PENDING", "AWAITING_APPROVAL"),
    ("approvals.approve", "AWAITING_APPROVAL"): ("PENDING",),
    ("approvals.reject", "AWAITING_APPROVAL"): ("REJECTED",),
    ("orders.pay", "PENDING"): ("PAID",),
    ("orders.updateStatus", "PENDING"): ("CANCELLED",),
    ("orders.updateStatus", "AWAITING_APPROVAL"): ("CANCELLED",),
    ("orders.updateStatus", "PAID"): ("CONFIRMED", "CANCELLED"),
    ("orders.updateStatus", "CONFIRMED"): ("SHIPPED", "CANCELLED"),
    ("orders.updateStatus", "SHIPPED"): ("DELIVERED",),
    ("orders.cancel", "PENDING"): ("CANCELLED",),
    ("orders.cancel", "AWAITING_APPROVAL"): ("CANCELLED",),
    ("orders.cancel", "PAID"): ("CANCELLED",),
    ("orders.cancel", "CONFIRMED"): ("CANCELLED",),
    ("orders.expire", "PENDING"): ("EXPIRED",),
    ("orders.expire", "AWAITING_APPROVAL"): ("EXPIRED",),
}


def order_of(shop: State, call: Call) -> Order:
    """The order, if the caller may see it."""
    order = shop.orders.get(call.values["id"])
    if order is None or call.actor not in (order.buyer, *MANAGERS, None):
        raise Refused("ORDER_NOT_FOUND")
    return order


def step(shop: State, call: Call, order: Order, to: str) -> None:
    """Move it, and write that into its history; it waits for nobody then."""
    before = order.status
    order.status, order.expires = to, None
    order.edition += 1
    order.history.append(f"{before} {to}")
    shop.moved.append((call.operation, before, to))


def sendable(order: Order, to: str) -> bool:
    """Nothing that was refunded wholly is sent any more."""
    return order.paid != "REFUNDED" or to not in ("CONFIRMED", "SHIPPED")


def may_step(call: Call, order: Order, to: str) -> None:
    """Refuse a step that is not this operation's."""
    if to not in STEPS.get((call.operation, order.status), ()) or not sendable(order, to):
        raise Refused("ORDER_STATUS_INVALID", status=order.status)


def priced(shop: State, call: Call, *, placing: bool) -> tuple[list[Line], int, int]:
    """Lines, subtotal and discount; every refusal that holds may be the answer."""
    codes: set[str] = set()
    code = call.values.get("couponCode")
    coupon = shop.coupons.get((code or "").lower())
    if code is not None and coupon is None:
        codes.add("COUPON_INVALID")
    lines: list[Line] = []
    for line in call.values["lines"]:
        product = shop.products.get(line["productId"])
        if product is None or not product.active:
            codes.add("PRODUCT_NOT_FOUND")
            continue
        if placing and line["quantity"] > product.stock:
            codes.add("OUT_OF_STOCK")
        lines.append(Line(line["productId"], line["quantity"], product.price))
    subtotal, discount = sum(line.total for line in lines), 0
    if coupon is not None and "PRODUCT_NOT_FOUND" not in codes:
        codes |= refusals(shop, coupon, code or "", call.actor, subtotal)
        discount = coupon.taken_off(subtotal)
    if placing and not codes:
        buyer, total = call.actor or "", subtotal - discount
        missing, held = total - shop.free(buyer), shop.held(buyer)
        if missing > 0:
            raise Refused("INSUFFICIENT_FUNDS", missing=text(missing), held=text(held))
    if codes:
        raise Refused(*codes)
    return lines, subtotal, discount


def quote(shop: State, call: Call) -> dict[str, Any]:
    """What it would cost."""
    _, subtotal, discount = priced(shop, call, placing=False)
    total = subtotal - discount
    return {
        **amounts(subtotal=subtotal, discount=discount, total=total, tax=tax(total)),
        "needsApproval": total > APPROVAL_ABOVE,
    }


def create(shop: State, call: Call) -> dict[str, Any]:
    """Hold stock, coupon and money."""
    lines, subtotal, discount = priced(shop, call, placing=True)
    large = subtotal - discount > APPROVAL_ABOVE
    code = call.values.get("couponCode")
    order = Order(
        buyer=call.actor or "",
        lines=lines,
        subtotal=subtotal,
        discount=discount,
        status="AWAITING_APPROVAL" if large else "PENDING",
        expires=shop.now + (APPROVAL if large else HOLD),
        coupon=code and code.lower(),
        redemption=code and "HELD",
    )
    order.history.append(f"None {order.status}")
    shop.orders[call.makes] = order
    for line in lines:
        shop.products[line.product].held += line.quantity
    shop.moved.append((call.operation, "None", order.status))
    if code:
        shop.moved.append(("redemption", "None", "HELD"))
    return shown(order)


def get(shop: State, call: Call) -> dict[str, Any]:
    """What there is of it."""
    return shown(order_of(shop, call))


def pay(shop: State, call: Call) -> dict[str, Any]:
    """Sell what is held. The row decides whether it expired, not the clock.

    The wallet has the money, as the order held it.
    """
    order = order_of(shop, call)
    if order.buyer != call.actor:
        raise Refused("FORBIDDEN")
    may_step(call, order, "PAID")
    shop.wallets[order.buyer] -= order.total
    for line in order.lines:
        shop.products[line.product].held -= line.quantity
        shop.products[line.product].on_hand -= line.quantity
    redeem(shop, order, "USED")
    paid(shop, order, "PAID")
    step(shop, call, order, "PAID")
    return {**amounts(amount=order.total), "orderId": call.values["id"], "status": "COMPLETED"}


def give_back(shop: State, order: Order, amount: int) -> None:
    """From the shop to the buyer."""
    shop.wallets[order.buyer] += amount
    order.refunded += amount
    paid(shop, order, "REFUNDED" if order.refunded == order.total else "PARTIALLY_REFUNDED")


def paid(shop: State, order: Order, to: str) -> None:
    """Say what has been paid."""
    shop.moved.append(("payment", order.paid, to))
    order.paid = to


def redeem(shop: State, order: Order, to: str) -> None:
    """What becomes of the coupon that an order holds."""
    if order.coupon is not None:
        shop.moved.append(("redemption", str(order.redemption), to))
        order.redemption = to


def give_up(shop: State, call: Call, order: Order, to: str) -> None:
    """End it unpaid: what it holds is free."""
    for line in order.lines:
        shop.products[line.product].held -= line.quantity
    redeem(shop, order, "RELEASED")
    step(shop, call, order, to)


def cancel(shop: State, call: Call) -> dict[str, Any]:
    """Free what is held, or give back what was paid and take back what was sold."""
    order = order_of(shop, call)
    matched(call, order)
    may_step(call, order, "CANCELLED")
    if order.paid == "UNPAID":
        give_up(shop, call, order, "CANCELLED")
        return shown(order)
    for line in order.lines:
        shop.products[line.product].on_hand += line.quantity - line.returned
    if order.refunded < order.total:
        give_back(shop, order, order.total - order.refunded)
    if order.buyer != call.actor:
        redeem(shop, order, "RELEASED")
    step(shop, call, order, "CANCELLED")
    return shown(order)


def update_status(shop: State, call: Call) -> dict[str, Any]:
    """Confirm, ship, deliver or cancel."""
    if call.values["status"] == "CANCELLED":
        return cancel(shop, call)
    order = order_of(shop, call)
    matched(call, order)
    may_step(call, order, call.values["status"])
    step(shop, call, order, call.values["status"])
    return shown(order)


def expire(shop: State, call: Call) -> dict[str, Any]:
    """Give up what waited too long."""
    order = order_of(shop, call)
    may_step(call, order, "EXPIRED")
    if order.expires is None or order.expires > shop.now:
        raise Refused("ORDER_STATUS_INVALID")
    give_up(shop, call, order, "EXPIRED")
    return shown(order)


def decide(shop: State, call: Call) -> dict[str, Any]:
    """Approve, which begins the hold again, or reject."""
    order = order_of(shop, call)
    if order.buyer == call.actor:
        raise Refused("SELF_APPROVAL")
    if call.operation == "approvals.reject":
        may_step(call, order, "REJECTED")
        give_up(shop, call, order, "REJECTED")
    else:
        may_step(call, order, "PENDING")
        step(shop, call, order, "PENDING")
        order.expires = shop.now + HOLD
    return shown(order)


def shown(order: Order) -> dict[str, Any]:
    """An order as it is answered."""
    further = [
        to
        for (_, before), after in STEPS.items()
        if before == order.status
        for to in after
        if sendable(order, to)
    ]
    return {
        **amounts(
            subtotal=order.subtotal,
            discount=order.discount,
            total=order.total,
            refunded=order.refunded,
            tax=tax(order.total),
        ),
        "status": order.status,
        "paymentStatus": order.paid,
        "nextStatuses": sorted(set(further)),
        "expiresAt": order.expires and wire(order.expires),
    }


def tax(total: int) -> int:
    """The 19 % that are within a price, rounded half up."""
    return int(Fraction(total * 19, 119) + Fraction(1, 2))
