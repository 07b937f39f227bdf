"""Errors of orders."""

from services.errors.base import TandemError


class OrderNotFound(TandemError):
    """No such order, or not for this caller's eyes."""

    code, status = "ORDER_NOT_FOUND", 404
    title = "There is no such order."
    hint = "Check the id."


class OrderStatusInvalid(TandemError):
    """The order's status does not allow this."""

    code, status = "ORDER_STATUS_INVALID", 422
    title = "The order's status does not allow this."
    hint = "See nextStatuses for where the order may go."
