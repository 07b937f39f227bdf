"""Steps of coupons that the operations of orders share: the discount, and the redemption."""

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
    """Load the coupon with this code, in any case; raises `CouponInvalid`."""
    terms = await reader.one(TERMS, code=code)
    if terms is None:
        raise CouponInvalid(details={"reason": "UNKNOWN"})
    return terms


async def lock_terms(ctx: Context, tx: Transaction, code: str) -> CouponTerms:
    """Lock and load the coupon with this code; raises `CouponInvalid`.

    The lock keeps the count of redemptions exact until COMMIT. It is taken before the locks of
    stock and wallets. Only placing an order takes it: paying and ending an order change the
    redemption alone.
    """
    terms = await tx.one(LOCK_TERMS, code=code)
    if terms is None:
        raise CouponInvalid(details={"reason": "UNKNOWN"})
    ctx.refresh_now()
    return terms


async def discount(ctx: Context, reader: Reader, terms: CouponTerms, subtotal: Decimal) -> Decimal:
    """The discount that the coupon gives the caller now; at least one minor unit.

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
    currency = money.currency(terms.currency)
    amount = compute_discount(CouponKind(terms.kind), terms.value, subtotal, currency)
    if amount <= 0:
        raise CouponInvalid(details={"reason": "NOTHING_OFF"})
    return amount


def compute_discount(
    kind: CouponKind, value: Decimal, subtotal: Decimal, currency: money.Currency
) -> Decimal:
    """The discount of a percentage or an amount; one minor unit is always left to pay."""
    percent = kind is CouponKind.PERCENT
    amount = currency.rounded(subtotal * value / 100) if percent else value
    return min(amount, subtotal - currency.unit)


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
    """Redeem the coupon for a new order: the redemption is held until the order is paid or ends."""
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
    """Mark the order's redemption as used: a refund does not change it."""
    await _move_redemption(tx, order, RedemptionStatus.USED)


async def release_coupon(tx: Transaction, order: Order) -> None:
    """Release the redemption of an order, so that it no longer counts towards the limits.

    The order ends unpaid, or the shop cancels it after its payment.
    """
    await _move_redemption(tx, order, RedemptionStatus.RELEASED)


async def _move_redemption(tx: Transaction, order: Order, to: RedemptionStatus) -> None:
    # The coupon row is not touched, so that payments with one coupon do not wait for each other.
    if order.coupon_id is not None:
        await tx.write(MOVE_REDEMPTION, redeemed_by=order.id, to_status=to)
