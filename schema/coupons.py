"""Coupons: codes that take something off an order."""

from typing import Any

import strawberry

from schema.building.connections import Connection
from schema.building.fields import Info, field, write_options
from schema.building.reads import read
from schema.building.types import enum, mirror
from schema.node import Node
from services.coupons import managing as coupons
from services.coupons.managing import Coupon as CouponView
from services.coupons.managing import CouponKind
from services.coupons.managing import CouponOffer as CouponOfferView

enum(
    CouponKind,
    PERCENT="Takes a percentage off the subtotal.",
    FIXED="Takes an amount off, as far as the subtotal goes.",
)


@mirror(CouponView)
class Coupon(Node):
    pass


@mirror(CouponOfferView)
class CouponOffer:
    pass


@strawberry.type
class Query:
    list_coupons = read(coupons.list_, "coupons", Connection[Coupon])
    coupon = read(coupons.get, "coupon", Coupon)
    check_coupon = read(coupons.check, "checkCoupon", CouponOffer)


@strawberry.type
class Mutation:
    @field(coupons.create, "createCoupon", Coupon)
    async def create_coupon(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await coupons.create(info.context.request, raw, **options)

    @field(coupons.update, "updateCoupon", Coupon)
    async def update_coupon(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await coupons.update(info.context.request, raw, **options)

    @field(coupons.deactivate, "deactivateCoupon", Coupon)
    async def deactivate_coupon(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await coupons.deactivate(info.context.request, raw, **options)
