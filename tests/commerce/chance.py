"""Calls that chance makes, of whatever there is in a world."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any, TypeVar

from tests.commerce.state import Call, wire
from tests.commerce.steps import line
from tests.commerce.world import MANAGERS, USERS, WARES, World

T = TypeVar("T")
_BUYERS = (*USERS, "manager-1")
_AMOUNTS = ("0.01", "3.33", "19.99", "500.00")
_STATUSES = ("CONFIRMED", "SHIPPED", "DELIVERED", "CANCELLED")
#: What is done, the more often the more often it stands here.
_KINDS = (
    *("create",) * 6,
    *("pay",) * 4,
    *("status", "refund") * 3,
    *("cancel", "decide", "expire", "stock", "deposit") * 2,
    "price",
    "coupon",
    "end",
)
#: Only what is new is still open.
_RECENT = 10


def a_call(w: World, chance: Random) -> Call:
    """Some call of somebody's.

    `chance` decides alone: what there is to choose from depends on who won a race, and Hypothesis
    wants the same choices each time that it draws itself.
    """

    def pick(choices: Sequence[T]) -> T:
        return chance.choice(choices)

    def of(names: Any) -> str:
        return pick([*list(names)[-_RECENT:], "-"])

    kind, model, key = pick(_KINDS), w.model, w.new_name("key")
    keyed = pick((key, None))
    if kind == "create":
        wares = chance.sample(list(WARES), chance.randint(1, 3))
        values: dict[str, Any] = {"lines": [line(name, pick((1, 2, 3))) for name in wares]}
        if model.coupons and pick((True, False)):
            values["couponCode"] = of(model.coupons)
        return Call("orders.create", pick(_BUYERS), values, w.new_name("order"), keyed)
    if kind in ("deposit", "stock"):
        if kind == "deposit":
            values, who = {"amount": pick(_AMOUNTS)}, pick(_BUYERS)
            return Call("deposits.create", who, values, w.new_name("deposit"), key)
        values = {"id": pick(("rare", "scarce")), "delta": pick((-2, -1, 1, 2))}
        return Call("products.adjustStock", pick(MANAGERS), values, key=key)
    if kind == "price":
        return Call("products.update", "admin", {"id": "rare", "price": pick(("24.99", "7.77"))})
    if kind == "coupon":
        code = w.new_name("Coupon")
        how, value = pick((("PERCENT", "7.77"), ("PERCENT", "50.00"), ("FIXED", "19.98")))
        values = {"code": code, "kind": how, "value": value, "usageLimit": pick((1, 2, 5))}
        return Call("coupons.create", pick(MANAGERS), values, code.lower(), keyed)
    if kind == "end":
        name = of(model.coupons)
        if pick((True, False)):
            return Call("coupons.deactivate", pick(MANAGERS), {"id": name})
        end = wire(w.clock.now + timedelta(minutes=pick((1, 5, 60))))
        return Call("coupons.update", pick(MANAGERS), {"id": name, "endsAt": end})
    name = of(model.orders)
    owner = model.orders[name].buyer if name in model.orders else "buyer-1"
    return _of_an_order(kind, name, owner, key, keyed, pick)


def _of_an_order(kind: str, name: str, owner: str, key: str, keyed: str | None, pick: Any) -> Call:
    values: dict[str, Any] = {"id": name}
    if kind == "pay":
        return Call("orders.pay", owner, values, key=key)
    if kind == "cancel":
        return Call("orders.cancel", pick((owner, owner, "manager-2")), values, key=keyed)
    if kind == "decide":
        how = pick(("approvals.approve", "approvals.reject"))
        return Call(how, pick(MANAGERS), values, key=keyed)
    if kind == "expire":
        return Call("orders.expire", None, values)
    if kind == "status":
        status = {**values, "status": pick(_STATUSES)}
        return Call("orders.updateStatus", pick(MANAGERS), status, key=keyed)
    what: dict[str, Any] = pick(
        (
            {},
            {"restock": True},
            {"amount": pick(_AMOUNTS)},
            {"lines": [line(pick(list(WARES)), pick((1, 2)))], "restock": pick((True, False))},
        )
    )
    return Call("orders.refund", pick((*MANAGERS, "admin")), {**values, **what}, key=key)
