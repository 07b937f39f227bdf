"""Errors of coupons."""

from services.errors.base import TandemError


class CouponNotFound(TandemError):
    """No such coupon."""

    code, status = "COUPON_NOT_FOUND", 404
    title = "There is no such coupon."
    hint = "Check the id."


class CouponCodeTaken(TandemError):
    """Another coupon has this code, in whatever case."""

    code, status = "COUPON_CODE_TAKEN", 409
    title = "Another coupon has this code."
    hint = "Choose another code; upper and lower case are the same."


class CouponFrozen(TandemError):
    """The coupon was redeemed: it can only be ended."""

    code, status = "COUPON_FROZEN", 422
    title = "The coupon was redeemed and can only be ended."
    hint = "Let it end earlier or deactivate it, and make another one; the fields say what stays."


class CouponInvalid(TandemError):
    """The coupon cannot be redeemed for this, or not now; ``details.reason`` says why."""

    code, status = "COUPON_INVALID", 422
    title = "The coupon cannot be redeemed."
    hint = (
        "See details.reason: UNKNOWN, INACTIVE, NOT_STARTED, MINIMUM_NOT_REACHED (order for more) "
        "or NOTHING_OFF (it would take nothing off this order)."
    )


class CouponExpired(TandemError):
    """The coupon has ended."""

    code, status = "COUPON_EXPIRED", 422
    title = "The coupon has ended."
    hint = "Go on without it, or with another one."


class CouponExhausted(TandemError):
    """The coupon was redeemed as often as it may be, by all or by this user."""

    code, status = "COUPON_EXHAUSTED", 422
    title = "The coupon was redeemed as often as it may be."
    hint = "Go on without it; details.limit says whose limit was reached: ALL or USER."
