"""Errors of payments."""

from services.errors.base import TandemError


class PaymentNotFound(TandemError):
    """No such payment, or not for this caller's eyes."""

    code, status = "PAYMENT_NOT_FOUND", 404
    title = "There is no such payment."
    hint = "Check the id."
