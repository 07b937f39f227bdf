"""Coupons, and what orders redeem of them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct
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
    table_of,
)
from persistence.database.listing import Listing, ascending, descending
from persistence.database.statements import Query, given, insert, nothing, value
from persistence.database.views import sees_all, view


class CouponKind(StrEnum):
    """What a coupon's value means."""

    PERCENT = "PERCENT"
    FIXED = "FIXED"


class RedemptionStatus(StrEnum):
    """What became of a redemption: held by an order that is to be paid, used, or let go again."""

    HELD = "HELD"
    USED = "USED"
    RELEASED = "RELEASED"


class CouponTable(SQLModel, table=True):
    """A code that takes something off an order."""

    __tablename__ = named("coupons")
    __table_args__ = (
        checked("code ~ '^[A-Za-z0-9_-]{3,40}$'", "code"),
        checked("kind IN ('PERCENT', 'FIXED')", "kind"),
        checked("value > 0 AND value <= 999999999.99", "value"),
        checked("kind <> 'PERCENT' OR value <= 100", "percent"),
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
    """What an order redeems of a coupon. Those held and used count towards its limits."""

    __tablename__ = named("coupon_redemptions")
    __table_args__ = (
        checked("status IN ('HELD', 'USED', 'RELEASED')", "status"),
        checked("amount > 0", "amount"),
        # One index counts a coupon's redemptions and a user's of them, and finds whether any is.
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


class Coupon(Struct, frozen=True, rename="camel"):
    """A code that takes something off an order."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    code: Annotated[str, Meta(description="What buyers give, in whatever case; unique.")]
    kind: Annotated[CouponKind, Meta(description="What the value means.")]
    value: Annotated[Decimal, Meta(description="Percent of the subtotal, or an amount.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    description: Annotated[str | None, Meta(description="What it is for, for the shop's people.")]
    starts_at: Annotated[datetime | None, Meta(description="From when on it works.")]
    ends_at: Annotated[datetime | None, Meta(description="Until when it works; not at that time.")]
    minimum_order: Annotated[Decimal | None, Meta(description="Least subtotal that it takes.")]
    usage_limit: Annotated[int | None, Meta(description="How many orders may redeem it.")]
    per_user_limit: Annotated[
        int | None, Meta(description="How many orders of one user may redeem it.")
    ]
    redeemed: Annotated[
        int, Meta(description="How many orders count: those to be paid and those once paid.")
    ]
    is_active: Annotated[bool, Meta(description="False once it was taken out of use.")]
    version: Annotated[int, Meta(description="Counts the changes of this coupon.")]
    created_at: Annotated[datetime, Meta(description="When the coupon was made.")]
    updated_at: Annotated[datetime, Meta(description="When the coupon last changed.")]


class CouponTerms(Struct, frozen=True):
    """What an order needs to know of a coupon."""

    id: str
    code: str
    kind: str
    value: Decimal
    currency: str
    starts_at: datetime | None
    ends_at: datetime | None
    minimum_order: Decimal | None
    usage_limit: int | None
    per_user_limit: int | None
    is_active: bool


class Redeemed(Struct, frozen=True):
    """How often a coupon counts as redeemed, each number only up to the limit it is for."""

    by_all: int
    by_user: int


coupons = table_of(CouponTable)
redemptions = table_of(CouponRedemptionTable)
_code = sa.func.lower(coupons.c.code)
sa.Index("coupons_code_key", _code, unique=True)

_of_coupon = redemptions.c.coupon_id == given("coupon_id", redemptions.c.coupon_id)
_counts = redemptions.c.status.in_(
    [sa.literal_column(f"'{status}'") for status in (RedemptionStatus.HELD, RedemptionStatus.USED)]
)
_redeemed = (
    sa.select(sa.func.count())
    .where(redemptions.c.coupon_id == coupons.c.id, _counts)
    .correlate(coupons)
    .scalar_subquery()
)


COUPON = view(Coupon, CouponTable, redeemed=_redeemed, visible=sees_all)
_by_code = _code == sa.func.lower(given("code", coupons.c.code))
COUPONS = Listing(
    COUPON,
    always=COUPON.visible,
    sorts={
        "-createdAt": descending(COUPON, "created_at"),
        "createdAt": ascending(COUPON, "created_at"),
    },
    filters={
        "code": _by_code,
        "isActive": coupons.c.is_active == given("isActive", coupons.c.is_active),
    },
)

INSERT_COUPON = insert(
    coupons,
    "id",
    "code",
    "kind",
    "value",
    "currency",
    "description",
    "starts_at",
    "ends_at",
    "minimum_order",
    "usage_limit",
    "per_user_limit",
    "created_at",
)
LOCK_COUPON = Query(
    sa.select(coupons.c.id)
    .where(coupons.c.id == given("coupon_id", coupons.c.id))
    .with_for_update(),
    value,
)
#: What an update may set, by the names of columns.
CHANGING = (
    "code",
    "kind",
    "value",
    "description",
    "starts_at",
    "ends_at",
    "minimum_order",
    "usage_limit",
    "per_user_limit",
    "is_active",
)
UPDATE_COUPON = Query(
    sa.update(coupons)
    .where(coupons.c.id == given("coupon_id", coupons.c.id))
    .values(
        version=coupons.c.version + 1,
        **{name: given(f"new_{name}", coupons.c[name]) for name in CHANGING},
    ),
    nothing,
)
#: Was it ever redeemed, whatever became of that?
EVER_REDEEMED = Query(sa.select(sa.exists().where(_of_coupon)), value)

_terms = sa.select(*(coupons.c[name] for name in CouponTerms.__struct_fields__)).where(_by_code)
TERMS = Query(_terms, CouponTerms)
LOCK_TERMS = Query(_terms.with_for_update(), CouponTerms)


def _counted(most: str, *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    # Nobody asks how far beyond its limit a coupon is: counting ends there.
    limit = sa.bindparam(most, type_=sa.BigInteger())
    rows = sa.select(sa.literal_column("1")).where(_of_coupon, _counts, *conditions).limit(limit)
    return sa.select(sa.func.count()).select_from(rows.subquery()).scalar_subquery()


#: Exact under the coupon's lock, when it is a statement of its own after the one that locks.
COUNT_REDEEMED = Query(
    sa.select(
        _counted("most"),
        _counted("most_of_user", redemptions.c.user_id == given("user_id", redemptions.c.user_id)),
    ),
    Redeemed,
)
INSERT_REDEMPTION = insert(
    redemptions, "order_id", "coupon_id", "user_id", "status", "amount", "currency", "created_at"
)
MOVE_REDEMPTION = Query(
    sa.update(redemptions)
    .where(redemptions.c.order_id == given("redeemed_by", redemptions.c.order_id))
    .values(status=given("to_status", redemptions.c.status)),
    nothing,
)
