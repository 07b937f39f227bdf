"""Errors of deposits."""

from services.errors.base import TandemError


class DepositNotFound(TandemError):
    """No such deposit, or not for this caller's eyes."""

    code, status = "DEPOSIT_NOT_FOUND", 404
    title = "There is no such deposit."
    hint = "Check the id."


class SignatureInvalid(TandemError):
    """An event of the provider's that is not signed by it, or not now."""

    code, status = "SIGNATURE_INVALID", 401
    title = "The signature is not valid."
    hint = "Sign the body as it is sent with the shared secret, at the time of sending."
