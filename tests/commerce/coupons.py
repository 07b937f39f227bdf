"""Coupons: what they take off, how often, and what may still be changed of them."""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

from tests.commerce.state import (
    Call,
    Coupon,
    Refused,
    State,
    amounts,
    cents,
    matched,
    moment,
    text,
    wire,
)


def coupon_of(shop: State, call: Call) -> Coupon:
    """The coupon, for those who look after them."""
    if call.values["id"] not in shop.coupons:
        raise Refused("COUPON_NOT_FOUND")
    return shop.coupons[call.values["id"]]


def refusals(shop: State, coupon: Coupon, code: str, user: str | None, subtotal: int) -> set[str]:
    """Every error that holds."""
    name, found = code.lower(), set[str]()
    early = coupon.starts is not None and shop.now < coupon.starts
    small = subtotal < coupon.minimum or coupon.taken_off(subtotal) <= 0
    if not coupon.active or early or small:
        found.add("COUPON_INVALID")
    if coupon.ends is not None and shop.now >= coupon.ends:
        found.add("COUPON_EXPIRED")
    most, most_of_user = coupon.limit, coupon.limit_of_user
    if most is not None and shop.redeemed(name) >= most:
        found.add("COUPON_EXHAUSTED")
    if most_of_user is not None and shop.redeemed(name, user) >= most_of_user:
        found.add("COUPON_EXHAUSTED")
    return found


def check(shop: State, call: Call) -> dict[str, Any]:
    """What it would take off."""
    code, subtotal = call.values["code"], cents(call.values["subtotal"])
    coupon = shop.coupons.get(code.lower())
    if coupon is None:
        raise Refused("COUPON_INVALID")
    if codes := refusals(shop, coupon, code, call.actor, subtotal):
        raise Refused(*codes)
    off = coupon.taken_off(subtotal)
    return amounts(subtotal=subtotal, discount=off, total=subtotal - off)


def create_coupon(shop: State, call: Call) -> dict[str, Any]:
    """Codes are unique whatever the case; a coupon's name is its code in lower case."""
    name = call.values["code"].lower()
    if name in shop.coupons:
        raise Refused("COUPON_CODE_TAKEN")
    coupon = Coupon(call.values["kind"], cents(call.values["value"]))
    shop.coupons[name] = coupon
    change(coupon, call.values)
    return shown_coupon(shop, name)


def change(coupon: Coupon, values: Mapping[str, Any]) -> None:
    """Take the terms that are given."""
    readers: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "value": ("value", cents),
        "startsAt": ("starts", moment),
        "endsAt": ("ends", moment),
        "minimumOrder": ("minimum", cents),
        "usageLimit": ("limit", int),
        "perUserLimit": ("limit_of_user", int),
        "isActive": ("active", bool),
    }
    for given, (name, read) in readers.items():
        if given in values:
            setattr(coupon, name, read(values[given]))


def update_coupon(shop: State, call: Call) -> dict[str, Any]:
    """Frozen once redeemed, but that it may end, and end earlier."""
    name, coupon = call.values["id"], coupon_of(shop, call)
    matched(call, coupon)
    after = copy(coupon)
    change(after, call.values)
    codes: set[str] = set()
    used = any(order.coupon == name for order in shop.orders.values())
    if used and not only_ends(coupon, after):
        codes.add("COUPON_FROZEN")
    code = call.values.get("code", name).lower()
    if code != name:
        assert code in shop.coupons, "the model does not rename coupons"
        codes.add("COUPON_CODE_TAKEN")
        if used:
            codes.add("COUPON_FROZEN")
    if codes:
        raise Refused(*codes)
    if after != coupon:
        after.edition += 1
        shop.coupons[name] = after
    return shown_coupon(shop, name)


def deactivate(shop: State, call: Call) -> dict[str, Any]:
    """Out of use; orders keep what it takes off."""
    coupon = coupon_of(shop, call)
    matched(call, coupon)
    if coupon.active:
        coupon.active, coupon.edition = False, coupon.edition + 1
    return shown_coupon(shop, call.values["id"])


def get_coupon(shop: State, call: Call) -> dict[str, Any]:
    """What there is of it."""
    coupon_of(shop, call)
    return shown_coupon(shop, call.values["id"])


def shown_coupon(shop: State, name: str) -> dict[str, Any]:
    """A coupon as it is answered."""
    coupon = shop.coupons[name]
    return {
        "kind": coupon.kind,
        "value": text(coupon.value),
        "isActive": coupon.active,
        "endsAt": coupon.ends and wire(coupon.ends),
        "redeemed": shop.redeemed(name),
    }


def only_ends(before: Coupon, after: Coupon) -> bool:
    """Does it just end, or end earlier?"""
    earlier = after.ends is not None and (before.ends is None or after.ends < before.ends)
    ends = after.ends == before.ends or earlier
    stops = after.active == before.active or not after.active
    rest = ("value", "starts", "minimum", "limit", "limit_of_user")
    return ends and stops and all(getattr(before, n) == getattr(after, n) for n in rest)
