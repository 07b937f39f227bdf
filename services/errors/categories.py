"""Errors of categories."""

from services.errors.base import TandemError


class CategoryNotFound(TandemError):
    """No such category, or not for this caller's eyes."""

    code, status = "CATEGORY_NOT_FOUND", 404
    title = "There is no such category."
    hint = "Check the id."


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
