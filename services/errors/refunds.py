"""Errors of refunds."""

from services.errors.base import TandemError


class RefundExceedsPayment(TandemError):
    """More would be given back than is left of the payment."""

    code, status = "REFUND_EXCEEDS_PAYMENT", 422
    title = "That is more than is left of the payment."
    hint = "Refund less; details say what is refundable, the fields which lines ask for too much."


class RefundChanged(TandemError):
    """More or less was refunded by now than the caller expected."""

    code, status = "REFUND_CHANGED", 409
    title = "Something else was refunded than you expected."
    hint = "Look at the order's refunds and decide anew; details say what was refunded."
