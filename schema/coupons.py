"""Coupons: codes that take something off an order."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, write
from schema.building.types import enum, mirror
from schema.node import Node
from services.coupons import managing

enum(
    managing.CouponKind,
    PERCENT="Takes a percentage off the subtotal.",
    FIXED="Takes an amount off, as far as the subtotal goes.",
)


@mirror(managing.Coupon)
class Coupon(Node):
    pass


@mirror(managing.CouponOffer)
class CouponOffer:
    pass


@strawberry.type
class Query:
    list_coupons = read(managing.list_, "coupons", Connection[Coupon])
    coupon = read(managing.get, "coupon", Coupon)
    check_coupon = read(managing.check, "checkCoupon", CouponOffer)


@strawberry.type
class Mutation:
    create_coupon = write(managing.create, "createCoupon", Coupon)
    update_coupon = write(managing.update, "updateCoupon", Coupon)
    deactivate_coupon = write(managing.deactivate, "deactivateCoupon", Coupon)
