"""Statements that read, lock and change coupons and redemptions."""

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from msgspec import Struct

from persistence.coupons.tables import CouponTable, coupons, redemptions
from persistence.coupons.views import by_code, counts
from persistence.database.rows import row_plan
from persistence.database.statements import Query, given, insert, nothing, value


class CouponTerms(Struct, frozen=True):
    """The terms of a coupon that an order checks."""

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
    """How often a coupon counts as redeemed; each number stops at the limit that it is for."""

    by_all: int
    by_user: int


_of_coupon = redemptions.c.coupon_id == given("coupon_id", redemptions.c.coupon_id)

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
#: The columns that an update may set.
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
#: Whether the coupon was ever redeemed, released redemptions included.
EVER_REDEEMED = Query(sa.select(sa.exists().where(_of_coupon)), value)

_terms = row_plan(CouponTerms, CouponTable)
_terms_of_code = sa.select(*_terms.selected).where(by_code)
TERMS = Query(_terms_of_code, _terms.row)
LOCK_TERMS = Query(_terms_of_code.with_for_update(), _terms.row)


def _counted(most: str, *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    # Counting stops at the limit: nobody needs to know how far a coupon is beyond it.
    limit = sa.bindparam(most, type_=sa.BigInteger())
    rows = sa.select(sa.literal_column("1")).where(_of_coupon, counts, *conditions).limit(limit)
    return sa.select(sa.func.count()).select_from(rows.subquery()).scalar_subquery()


#: The count is exact under the coupon's lock, in a statement after the one that locks.
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
