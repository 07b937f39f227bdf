"""What commerce must do, as a model of plain values: what is due when somebody calls.

It is written from the design, not from the code, so that the two can disagree. An operation is a
function that says which values an answer must hold, or the errors of which one must be answered;
where several refusals hold, the order between them is the shop's.
"""

from collections.abc import Callable
from typing import Any

from tests.commerce import coupons, orders, refunds, wares
from tests.commerce.state import MANAGERS, Call, Due, Refused, State

#: Who else but everybody signed in may call what.
_ONLY = {
    "orders.updateStatus": MANAGERS,
    "orders.refund": MANAGERS,
    "approvals.approve": MANAGERS,
    "approvals.reject": MANAGERS,
    "products.adjustStock": MANAGERS,
    "products.update": MANAGERS,
    "coupons.create": MANAGERS,
    "coupons.get": MANAGERS,
    "coupons.update": MANAGERS,
    "coupons.deactivate": MANAGERS,
    "products.archive": ("admin",),
    "orders.expire": (None,),
    "deposits.settle": (None,),
}
_KEY_REQUIRED = ("orders.pay", "orders.refund", "deposits.create", "products.adjustStock")


_OPERATIONS: dict[str, Callable[[State, Call], dict[str, Any]]] = {
    "orders.quote": orders.quote,
    "orders.create": orders.create,
    "orders.get": orders.get,
    "orders.pay": orders.pay,
    "orders.cancel": orders.cancel,
    "orders.updateStatus": orders.update_status,
    "orders.refund": refunds.refund,
    "orders.expire": orders.expire,
    "approvals.approve": orders.decide,
    "approvals.reject": orders.decide,
    "deposits.create": wares.deposit,
    "deposits.get": wares.get_deposit,
    "deposits.settle": wares.settle,
    "products.adjustStock": wares.adjust_stock,
    "products.update": wares.update_product,
    "products.archive": wares.archive,
    "coupons.create": coupons.create_coupon,
    "coupons.get": coupons.get_coupon,
    "coupons.update": coupons.update_coupon,
    "coupons.deactivate": coupons.deactivate,
    "coupons.check": coupons.check,
}


def act(shop: State, call: Call) -> Due:
    """Do what the call asks for, if it may be done, and say what is due."""
    if call.operation in _ONLY and call.actor not in _ONLY[call.operation]:
        return Due(frozenset({"FORBIDDEN"}))
    if call.operation in _KEY_REQUIRED and call.key is None:
        return Due(frozenset({"IDEMPOTENCY_KEY_REQUIRED"}))
    place, asked = (call.actor, call.operation, call.key or ""), (call.values, call.edition)
    if call.key and place in shop.keys:
        before, due = shop.keys[place]
        return due if before == asked else Due(frozenset({"IDEMPOTENCY_KEY_REUSED"}))
    try:
        due = Due(frozenset({"OK"}), _OPERATIONS[call.operation](shop, call))
    except Refused as refused:
        due = refused.due
    if call.key:
        shop.keys[place] = (asked, due)
    return due
