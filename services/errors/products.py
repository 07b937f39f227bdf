"""The errors of writing categories and products, a part of the catalogue in errors.py.

TandemError
├── SlugTaken 409 · CategoryInUse 409
└── StockChanged 409
"""

from services.errors.common import TandemError


class SlugTaken(TandemError):
    """Another category has this slug."""

    code, status = "SLUG_TAKEN", 409
    title = "Another category has this slug."
    hint = "Choose another slug."


class CategoryInUse(TandemError):
    """Products are in the category, archived ones as well."""

    code, status = "CATEGORY_IN_USE", 409
    title = "The category still has products."
    hint = "Move its products to another category first, archived ones as well."


class StockChanged(TandemError):
    """The stock is not what the caller expected."""

    code, status = "STOCK_CHANGED", 409
    title = "The stock is another one by now."
    hint = "Decide anew with the stock in the details."
