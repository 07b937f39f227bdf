"""Errors of products."""

from services.errors.base import TandemError


class ProductNotFound(TandemError):
    """No such product, or not for this caller's eyes."""

    code, status = "PRODUCT_NOT_FOUND", 404
    title = "There is no such product."
    hint = "Check the id; the product may no longer be sold."


class OutOfStock(TandemError):
    """Fewer pieces are left than are wanted."""

    code, status = "OUT_OF_STOCK", 422
    title = "There is not enough stock."
    hint = "Ask for fewer pieces; the fields say which."


class StockChanged(TandemError):
    """The stock is not what the caller expected."""

    code, status = "STOCK_CHANGED", 409
    title = "The stock is another one by now."
    hint = "Decide anew with the stock in the details."
