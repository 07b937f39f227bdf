"""Errors of invoices."""

from services.errors.base import TandemError


class InvoiceNotFound(TandemError):
    """The invoice does not exist, or the caller may not see it."""

    code, status = "INVOICE_NOT_FOUND", 404
    title = "There is no such invoice."
    hint = "Check the id; an order's invoiceId is null until its invoice is written."


class InvoiceNotReady(TandemError):
    """The invoice exists, but its PDF does not yet."""

    code, status = "INVOICE_NOT_READY", 409
    title = "The invoice's PDF is still being made."
    hint = "Send the request again in a few seconds."
