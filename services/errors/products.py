"""Errors of products."""

from services.errors.base import TandemError


class ProductNotFound(TandemError):
    """The product does not exist, or the caller may not see it."""

    code, status = "PRODUCT_NOT_FOUND", 404
    title = "There is no such product."
    hint = "Check the id; the product may no longer be sold."


class OutOfStock(TandemError):
    code, status = "OUT_OF_STOCK", 422
    title = "There is not enough stock."
    hint = "Order fewer pieces, with a new `Idempotency-Key`; the fields say of which lines."


class StockChanged(TandemError):
    """The stock differs from the one that the caller expects."""

    code, status = "STOCK_CHANGED", 409
    title = "The stock is another one by now."
    hint = "Decide again with the stock in the details."
