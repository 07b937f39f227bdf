"""What a coupon takes off, for whatever prices orders."""

from decimal import Decimal

from persistence.coupons import COUNT_REDEEMED, TERMS, CouponKind, CouponTerms
from persistence.database import Reader
from services.core import money
from services.core.context import Context
from services.core.errors_coupons import CouponExhausted, CouponExpired, CouponInvalid


async def terms_of(reader: Reader, code: str) -> CouponTerms:
    """The coupon of a code, in whatever case; raises `CouponInvalid`."""
    terms = await reader.one(TERMS, code=code)
    if terms is None:
        raise CouponInvalid(details={"reason": "UNKNOWN"})
    return terms


async def discount(ctx: Context, reader: Reader, terms: CouponTerms, subtotal: Decimal) -> Decimal:
    """What the coupon takes off a subtotal for the caller now, at least a cent.

    Raises `CouponInvalid`, `CouponExpired` or `CouponExhausted`.
    """
    _refuse_time(ctx, terms)
    await _refuse_limits(ctx, reader, terms)
    if terms.minimum_order is not None and subtotal < terms.minimum_order:
        raise CouponInvalid(
            details={
                "reason": "MINIMUM_NOT_REACHED",
                "minimumOrder": str(terms.minimum_order),
                "missing": str(terms.minimum_order - subtotal),
                "currency": terms.currency,
            }
        )
    off = taken_off(CouponKind(terms.kind), terms.value, subtotal)
    if off <= 0:
        raise CouponInvalid(details={"reason": "NOTHING_OFF"})
    return off


def taken_off(kind: CouponKind, value: Decimal, subtotal: Decimal) -> Decimal:
    """What a percentage or an amount takes off; a cent is always left, as nobody pays nothing."""
    off = money.cents(subtotal * value / 100) if kind is CouponKind.PERCENT else value
    return min(off, subtotal - money.CENT)


def _refuse_time(ctx: Context, terms: CouponTerms) -> None:
    if not terms.is_active:
        raise CouponInvalid(details={"reason": "INACTIVE"})
    if terms.starts_at is not None and ctx.now < terms.starts_at:
        raise CouponInvalid(details={"reason": "NOT_STARTED"})
    if terms.ends_at is not None and ctx.now >= terms.ends_at:
        raise CouponExpired


async def _refuse_limits(ctx: Context, reader: Reader, terms: CouponTerms) -> None:
    most, most_of_user = terms.usage_limit, terms.per_user_limit
    if most is None and most_of_user is None:
        return
    redeemed = await reader.one(
        COUNT_REDEEMED,
        coupon_id=terms.id,
        user_id=ctx.user_id,
        most=most or 0,
        most_of_user=most_of_user or 0,
    )
    if redeemed is None:
        raise CouponInvalid
    if most is not None and redeemed.by_all >= most:
        raise CouponExhausted(details={"limit": "ALL"})
    if most_of_user is not None and redeemed.by_user >= most_of_user:
        raise CouponExhausted(details={"limit": "USER"})
