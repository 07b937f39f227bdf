"""Errors of signing in and mailed tokens."""

from services.errors.base import TandemError


class InvalidCredentials(TandemError):
    """The account is unknown or the password wrong; the answer does not tell which."""

    code, status = "INVALID_CREDENTIALS", 401
    title = "Email or password is wrong."
    hint = "Check both and sign in again."


class AccountDisabled(TandemError):
    """An admin has disabled the account."""

    code, status = "ACCOUNT_DISABLED", 403
    title = "This account is disabled."
    hint = "Ask an admin to enable it."


class RefreshTokenInvalid(TandemError):
    """The refresh token is unknown, spent, expired or revoked."""

    code, status = "REFRESH_TOKEN_INVALID", 401
    title = "The refresh token is not valid."
    hint = "Sign in again."


class RefreshTokenUsed(TandemError):
    """The client itself spent the refresh token a moment ago, in another call."""

    code, status = "REFRESH_TOKEN_USED", 409
    title = "The refresh token was used a moment ago."
    hint = "Use the tokens that the other call was answered."


class TokenInvalid(TandemError):
    """The mailed token is unknown, expired, spent or void."""

    code, status = "TOKEN_INVALID", 422
    title = "The token is not valid, or not any more."
    hint = "Ask for another mail, and use its token once and before it expires."
