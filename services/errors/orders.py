"""Errors of orders."""

from services.errors.base import TandemError


class OrderNotFound(TandemError):
    """The order does not exist, or the caller may not see it."""

    code, status = "ORDER_NOT_FOUND", 404
    title = "There is no such order."
    hint = "Check the id."


class OrderStatusInvalid(TandemError):
    code, status = "ORDER_STATUS_INVALID", 422
    title = "The order's status does not allow this."
    hint = "See `nextStatuses` of the order for the statuses that may follow."
