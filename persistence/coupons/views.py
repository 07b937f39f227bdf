"""Coupons as managers see them."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.coupons.tables import (
    CouponKind,
    CouponTable,
    RedemptionStatus,
    code_order,
    coupons,
    lower_code,
    redemptions,
)
from persistence.database.listing import Listing, ascending, descending
from persistence.database.statements import given
from persistence.database.views import sees_all, view
from persistence.search.texts import by_text


class Coupon(Struct, frozen=True, rename="camel"):
    """A code that takes a discount off an order."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    code: Annotated[
        str, Meta(description="The code that buyers give, in upper or lower case; unique.")
    ]
    kind: Annotated[CouponKind, Meta(description="Whether the value is a percentage or an amount.")]
    value: Annotated[
        Decimal,
        Meta(
            description="The discount: percent of the subtotal, or an amount.",
            extra_json_schema={"x-percent": True},
        ),
    ]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    description: Annotated[str | None, Meta(description="A note for the shop's staff.")]
    starts_at: Annotated[datetime | None, Meta(description="The coupon is valid from this time.")]
    ends_at: Annotated[
        datetime | None, Meta(description="The coupon is valid until just before this time.")
    ]
    minimum_order: Annotated[
        Decimal | None, Meta(description="The least subtotal that the coupon is valid for.")
    ]
    usage_limit: Annotated[int | None, Meta(description="How many orders may redeem it.")]
    per_user_limit: Annotated[
        int | None, Meta(description="How many orders of one user may redeem it.")
    ]
    redeemed: Annotated[
        int,
        Meta(
            description="How many orders redeem it: those waiting for payment, and those that were "
            "paid, except paid ones that the shop cancelled."
        ),
    ]
    is_active: Annotated[bool, Meta(description="False once the coupon was deactivated.")]
    version: Annotated[int, Meta(description="Counts the changes of this coupon.")]
    created_at: Annotated[datetime, Meta(description="When the coupon was made.")]
    updated_at: Annotated[datetime, Meta(description="When the coupon last changed.")]


counts = redemptions.c.status.in_(
    [sa.literal_column(f"'{status}'") for status in (RedemptionStatus.HELD, RedemptionStatus.USED)]
)
_redeemed = (
    sa.select(sa.func.count())
    .where(redemptions.c.coupon_id == coupons.c.id, counts)
    .correlate(coupons)
    .scalar_subquery()
)


COUPON = view(Coupon, CouponTable, redeemed=_redeemed, visible=sees_all)
by_code = lower_code == sa.func.lower(given("code", coupons.c.code))
COUPONS = Listing(
    COUPON,
    always=COUPON.visible,
    sorts={
        "-createdAt": descending(COUPON, "created_at"),
        "createdAt": ascending(COUPON, "created_at"),
        "code": by_text(code_order),
        "-code": by_text(code_order, descending=True),
    },
    filters={
        "code": by_code,
        "isActive": coupons.c.is_active == given("isActive", coupons.c.is_active),
    },
)
