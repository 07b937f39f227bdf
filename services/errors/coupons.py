"""Errors of coupons."""

from services.errors.base import TandemError


class CouponNotFound(TandemError):
    code, status = "COUPON_NOT_FOUND", 404
    title = "There is no such coupon."
    hint = "Check the id."


class CouponCodeTaken(TandemError):
    code, status = "COUPON_CODE_TAKEN", 409
    title = "Another coupon has this code."
    hint = "Choose another code; upper and lower case are the same."


class CouponFrozen(TandemError):
    code, status = "COUPON_FROZEN", 422
    title = "The coupon was redeemed and can only be ended."
    hint = "End it earlier or deactivate it, and make another one; the fields say what stays."


class CouponInvalid(TandemError):
    """The coupon cannot be redeemed for this order, or not now; ``details.reason`` says why."""

    code, status = "COUPON_INVALID", 422
    title = "The coupon cannot be redeemed."
    hint = (
        "See details.reason: UNKNOWN, INACTIVE, NOT_STARTED, MINIMUM_NOT_REACHED (order for more) "
        "or NOTHING_OFF (it would take nothing off this order)."
    )


class CouponExpired(TandemError):
    code, status = "COUPON_EXPIRED", 422
    title = "The coupon has ended."
    hint = "Order without it, or with another coupon."


class CouponExhausted(TandemError):
    """All buyers together, or this one, have redeemed the coupon as often as allowed."""

    code, status = "COUPON_EXHAUSTED", 422
    title = "The coupon was redeemed as often as it may be."
    hint = "Order without it; details.limit says whose limit is reached: ALL or USER."
