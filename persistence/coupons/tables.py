"""The tables of coupons and of their redemptions."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence.database.columns import (
    Money,
    checked,
    column,
    currency,
    identifier,
    instant,
    named,
    reference,
    scaled,
    table_of,
)
from persistence.search.texts import lowered


class CouponKind(StrEnum):
    """How a coupon's value is read: in percent, or as an amount."""

    PERCENT = "PERCENT"
    FIXED = "FIXED"


class RedemptionStatus(StrEnum):
    """The state of a redemption: held by an unpaid order, used by a paid one, or released.

    It is released when the order ends unpaid, or when the shop cancels the paid order.
    """

    HELD = "HELD"
    USED = "USED"
    RELEASED = "RELEASED"


class CouponTable(SQLModel, table=True):
    """A code that takes a discount off an order."""

    __tablename__ = named("coupons")
    __table_args__ = (
        checked("code ~ '^[A-Za-z0-9_-]{3,40}$'", "code"),
        checked("kind IN ('PERCENT', 'FIXED')", "kind"),
        checked("value > 0 AND value <= 999999999.99", "value"),
        checked("kind <> 'PERCENT' OR value <= 100", "percent"),
        scaled("value", "minimum_order"),
        checked("char_length(description) BETWEEN 1 AND 500", "description"),
        checked("ends_at > starts_at", "ends_at"),
        checked("minimum_order > 0 AND minimum_order <= 999999999.99", "minimum_order"),
        checked("usage_limit BETWEEN 1 AND 1000000", "usage_limit"),
        checked("per_user_limit BETWEEN 1 AND 1000000", "per_user_limit"),
        sa.Index("coupons_created_at_id_idx", "created_at", "id"),
        sa.Index("coupons_is_active_created_at_id_idx", "is_active", "created_at", "id"),
    )

    id: str = identifier()
    code: str = column(sa.Text)
    kind: str = column(sa.Text)
    value: Decimal = column(Money)
    currency: str = currency()
    description: str | None = column(sa.Text, nullable=True)
    starts_at: datetime | None = instant(None, nullable=True)
    ends_at: datetime | None = instant(None, nullable=True)
    minimum_order: Decimal | None = column(Money, nullable=True)
    usage_limit: int | None = column(sa.Integer, nullable=True)
    per_user_limit: int | None = column(sa.Integer, nullable=True)
    is_active: bool = column(sa.Boolean, "true")
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()


class CouponRedemptionTable(SQLModel, table=True):
    """An order's use of a coupon. Held and used redemptions count towards the coupon's limits."""

    __tablename__ = named("coupon_redemptions")
    __table_args__ = (
        checked("status IN ('HELD', 'USED', 'RELEASED')", "status"),
        checked("amount > 0", "amount"),
        scaled("amount"),
        # One index counts a coupon's redemptions, also those of one user, and finds whether any
        # exist.
        sa.Index(
            "coupon_redemptions_coupon_id_status_user_id_idx", "coupon_id", "status", "user_id"
        ),
    )

    order_id: str = reference("orders.id", primary_key=True, index=False)
    coupon_id: str = reference("coupons.id", index=False)
    user_id: str = reference("users.id")
    status: str = column(sa.Text)
    amount: Decimal = column(Money)
    currency: str = currency()
    created_at: datetime = instant()
    updated_at: datetime = instant()


coupons = table_of(CouponTable)
redemptions = table_of(CouponRedemptionTable)
lower_code = sa.func.lower(coupons.c.code)
sa.Index("coupons_code_key", lower_code, unique=True)
#: Codes are ASCII, so that this is their sort key.
code_order = lowered(coupons.c.code)
sa.Index("coupons_code_id_idx", code_order, coupons.c.id)
