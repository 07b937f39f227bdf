"""Errors of categories."""

from services.errors.base import TandemError


class CategoryNotFound(TandemError):
    """The category does not exist, or the caller may not see it."""

    code, status = "CATEGORY_NOT_FOUND", 404
    title = "There is no such category."
    hint = "Check the id."


class SlugTaken(TandemError):
    code, status = "SLUG_TAKEN", 409
    title = "Another category has this slug."
    hint = "Choose another slug."


class CategoryInUse(TandemError):
    """The category has products; archived ones count as well."""

    code, status = "CATEGORY_IN_USE", 409
    title = "The category still has products."
    hint = "Move its products to another category first, also the archived ones."
