"""Keys used again and left out, unknown ids, and deposits."""

from datetime import timedelta
from typing import Any

from tests.commerce.steps import Situation, funded, line, must, situation
from tests.commerce.world import World

#: For each operation with a key: who calls it, something it refuses, and something else.
_UNKNOWN: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "orders.pay": ("buyer-1", "ORDER_NOT_FOUND", {"id": "-"}, {"id": "lamp"}),
    "orders.cancel": ("buyer-1", "ORDER_NOT_FOUND", {"id": "-"}, {"id": "-", "reason": "No"}),
    "orders.updateStatus": (
        "manager-1",
        "ORDER_NOT_FOUND",
        {"id": "-", "status": "SHIPPED"},
        {"id": "-", "status": "CONFIRMED"},
    ),
    "orders.refund": ("manager-1", "ORDER_NOT_FOUND", {"id": "-"}, {"id": "-", "amount": "1.00"}),
    "approvals.approve": ("manager-1", "ORDER_NOT_FOUND", {"id": "-"}, {"id": "-", "note": "No"}),
    "approvals.reject": ("manager-1", "ORDER_NOT_FOUND", {"id": "-"}, {"id": "-", "note": "No"}),
    "products.adjustStock": (
        "manager-1",
        "PRODUCT_NOT_FOUND",
        {"id": "-", "delta": 1},
        {"id": "scarce", "delta": 1},
    ),
    "coupons.update": (
        "manager-1",
        "COUPON_NOT_FOUND",
        {"id": "-", "value": "1.00"},
        {"id": "-", "value": "2.00"},
    ),
    "coupons.deactivate": ("manager-1", "COUPON_NOT_FOUND", {"id": "-"}, {"id": "lamp"}),
    "orders.create": (
        "buyer-1",
        "PRODUCT_NOT_FOUND",
        {"lines": [line("-")]},
        {"lines": [line("pin")]},
    ),
}


def _reused(operation: str) -> Situation:
    async def enter(w: World) -> None:
        actor, code, first, other = _UNKNOWN[operation]
        key = w.new_name("key")
        await must(w, code, operation, actor, key=key, **first)
        await must(w, code, operation, actor, key=key, **first)
        await must(w, "IDEMPOTENCY_KEY_REUSED", operation, actor, key=key, **other)

    enter.__name__ = f"key_reused_for_{operation}"
    return enter


for _operation in _UNKNOWN:
    situation(_reused(_operation))


@situation
async def made_once(w: World) -> None:
    """The same key makes the same thing once."""
    await funded(w, "buyer-1", 10_000)
    name, key = w.new_name("order"), w.new_name("key")
    for _ in range(2):
        await must(w, "OK", "orders.create", "buyer-1", makes=name, key=key, lines=[line("lamp")])
    for _ in range(2):
        await must(w, "OK", "orders.pay", "buyer-1", key=key, id=name)
    for _ in range(2):
        await must(w, "OK", "orders.refund", "admin", key=key, id=name, amount="0.50")
    name, key = w.new_name("deposit"), w.new_name("key")
    for _ in range(2):
        await must(w, "OK", "deposits.create", "poor", makes=name, key=key, amount="0.01")
    await must(w, "IDEMPOTENCY_KEY_REUSED", "deposits.create", "poor", key=key, amount="0.02")
    code, key = w.new_name("Coupon"), w.new_name("key")
    terms = {"code": code, "kind": "FIXED", "value": "1.00"}
    for _ in range(2):
        await must(w, "OK", "coupons.create", "admin", makes=code.lower(), key=key, **terms)
    terms["value"] = "2.00"
    await must(w, "IDEMPOTENCY_KEY_REUSED", "coupons.create", "admin", key=key, **terms)


@situation
async def without_a_key(w: World) -> None:
    """Money and stock do not move without one."""
    need = "IDEMPOTENCY_KEY_REQUIRED"
    await must(w, need, "orders.pay", "buyer-1", id="-")
    await must(w, need, "orders.refund", "manager-1", id="-")
    await must(w, need, "products.adjustStock", "manager-1", id="lamp", delta=1)
    await must(w, need, "deposits.create", "buyer-1", amount="5.00")


@situation
async def unknown(w: World) -> None:
    """What there is not."""
    await must(w, "ORDER_NOT_FOUND", "orders.get", "manager-1", id="-")
    await must(w, "ORDER_NOT_FOUND", "orders.expire", None, id="-")
    await must(w, "DEPOSIT_NOT_FOUND", "deposits.get", "buyer-1", id="-")
    await must(w, "DEPOSIT_NOT_FOUND", "deposits.settle", None, id="-")
    await must(w, "COUPON_NOT_FOUND", "coupons.get", "manager-1", id="-")
    await must(w, "PRODUCT_NOT_FOUND", "products.update", "manager-1", id="-", price="1.00")
    await must(w, "PRODUCT_NOT_FOUND", "products.archive", "admin", id="-")


@situation
async def declined(w: World) -> None:
    """An answer, not an error."""
    for amount in ("9000.01", "9000.02"):
        name, key = w.new_name("deposit"), w.new_name("key")
        await must(w, "OK", "deposits.create", "buyer-3", makes=name, key=key, amount=amount)
        await must(w, "OK", "deposits.get", "buyer-3", id=name)
        await must(w, "DEPOSIT_NOT_FOUND", "deposits.get", "manager-1", id=name)


@situation
async def decided_late(w: World) -> None:
    """The provider answers late, tells by an event, by two, or never; the first decision counts."""
    names: list[str] = []
    for amount in ("9000.03", "9000.04", "9000.05", "9000.06"):
        names.append(w.new_name("deposit"))
        key = w.new_name("key")
        await must(w, "OK", "deposits.create", "buyer-3", makes=names[-1], key=key, amount=amount)
    await w.charge(names[1])
    w.wait(timedelta(seconds=3))
    for name in (names[1], names[2], names[2], names[0]):
        await w.charge(name)
        await must(w, "OK", "deposits.get", "buyer-3", id=name)
    await must(w, "OK", "deposits.settle", None, id=names[3], failureCode="CARD_DECLINED")
    await must(w, "OK", "deposits.settle", None, id=names[3])
    await must(w, "OK", "deposits.settle", None, id=names[0], failureCode="CARD_DECLINED")
