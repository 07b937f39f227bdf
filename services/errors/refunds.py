"""Errors of refunds."""

from services.errors.base import TandemError


class RefundExceedsPayment(TandemError):
    code, status = "REFUND_EXCEEDS_PAYMENT", 422
    title = "That is more than is left of the payment."
    hint = "Refund less; details say what is refundable, and the fields say which lines exceed it."


class RefundChanged(TandemError):
    """The refunded amount differs from the one that the caller expects."""

    code, status = "REFUND_CHANGED", 409
    title = "Something else was refunded than you expected."
    hint = "Read the order's refunds and decide again; details say what was refunded."
