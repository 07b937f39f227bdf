"""Errors of deposits."""

from services.errors.base import TandemError


class DepositNotFound(TandemError):
    """The deposit does not exist, or the caller may not see it."""

    code, status = "DEPOSIT_NOT_FOUND", 404
    title = "There is no such deposit."
    hint = "Check the id."


class SignatureInvalid(TandemError):
    """The payment provider has not signed the event, or not at this time."""

    code, status = "SIGNATURE_INVALID", 401
    title = "The signature is not valid."
    hint = "Sign the body as it is sent, with the shared secret and the time of sending."
