"""What a coupon takes off, and what becomes of it, for whatever prices and places orders."""

from decimal import Decimal

from persistence.coupons.statements import (
    COUNT_REDEEMED,
    INSERT_REDEMPTION,
    LOCK_TERMS,
    MOVE_REDEMPTION,
    TERMS,
    CouponTerms,
)
from persistence.coupons.tables import CouponKind, RedemptionStatus
from persistence.database.transactions import Reader, Transaction
from persistence.orders.views import Order
from services import money
from services.errors.coupons import CouponExhausted, CouponExpired, CouponInvalid
from services.operation.context import Context


async def load_terms(reader: Reader, code: str) -> CouponTerms:
    """The coupon of a code, in whatever case; raises `CouponInvalid`."""
    terms = await reader.one(TERMS, code=code)
    if terms is None:
        raise CouponInvalid(details={"reason": "UNKNOWN"})
    return terms


async def lock_terms(ctx: Context, tx: Transaction, code: str) -> CouponTerms:
    """The same under the coupon's lock, which makes counting exact until the end of `tx`.

    The lock comes before those of stock and wallets. Only placing an order takes it: paying and
    giving up change the redemption alone.
    """
    terms = await tx.one(LOCK_TERMS, code=code)
    if terms is None:
        raise CouponInvalid(details={"reason": "UNKNOWN"})
    ctx.refresh_now()
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
    off = compute_discount(CouponKind(terms.kind), terms.value, subtotal)
    if off <= 0:
        raise CouponInvalid(details={"reason": "NOTHING_OFF"})
    return off


def compute_discount(kind: CouponKind, value: Decimal, subtotal: Decimal) -> Decimal:
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
    [redeemed] = await reader.all(
        COUNT_REDEEMED,
        coupon_id=terms.id,
        user_id=ctx.user_id,
        most=most or 0,
        most_of_user=most_of_user or 0,
    )
    if most is not None and redeemed.by_all >= most:
        raise CouponExhausted(details={"limit": "ALL"})
    if most_of_user is not None and redeemed.by_user >= most_of_user:
        raise CouponExhausted(details={"limit": "USER"})


async def hold_coupon(
    ctx: Context, tx: Transaction, terms: CouponTerms, order_id: str, amount: Decimal
) -> None:
    """Redeem the coupon for an order that is to be paid."""
    await tx.write(
        INSERT_REDEMPTION,
        order_id=order_id,
        coupon_id=terms.id,
        user_id=ctx.user_id,
        status=RedemptionStatus.HELD,
        amount=amount,
        currency=terms.currency,
        created_at=ctx.now,
    )


async def use_coupon(tx: Transaction, order: Order) -> None:
    """Count what the order redeems for good: it was paid, and stays used if it is refunded."""
    await _move_redemption(tx, order, RedemptionStatus.USED)


async def release_coupon(tx: Transaction, order: Order) -> None:
    """Let somebody else redeem what an order held that will never be paid."""
    await _move_redemption(tx, order, RedemptionStatus.RELEASED)


async def _move_redemption(tx: Transaction, order: Order, to: RedemptionStatus) -> None:
    # The coupon itself is left alone: payments with one coupon must not wait for each other.
    if order.coupon_id is not None:
        await tx.write(MOVE_REDEMPTION, redeemed_by=order.id, to_status=to)
