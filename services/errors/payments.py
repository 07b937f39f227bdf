"""Errors of payments."""

from services.errors.base import TandemError


class PaymentNotFound(TandemError):
    """The payment does not exist, or the caller may not see it."""

    code, status = "PAYMENT_NOT_FOUND", 404
    title = "There is no such payment."
    hint = "Check the id."
