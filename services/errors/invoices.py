"""Errors of invoices."""

from services.errors.base import TandemError


class InvoiceNotFound(TandemError):
    """No such invoice, or not for this caller's eyes."""

    code, status = "INVOICE_NOT_FOUND", 404
    title = "There is no such invoice."
    hint = "Check the id; an order's invoiceId is null until its invoice is written."


class InvoiceNotReady(TandemError):
    """The invoice is written, its PDF is still being made."""

    code, status = "INVOICE_NOT_READY", 409
    title = "The invoice's PDF is still being made."
    hint = "Try again in a few seconds."
