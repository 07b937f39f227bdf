"""Errors of signing in and mailed tokens."""

from services.errors.base import TandemError


class InvalidCredentials(TandemError):
    """Unknown account or wrong password; which of them is not told."""

    code, status = "INVALID_CREDENTIALS", 401
    title = "Email or password is wrong."
    hint = "Check both and try again."


class AccountDisabled(TandemError):
    """The account was closed by an admin."""

    code, status = "ACCOUNT_DISABLED", 403
    title = "This account is disabled."
    hint = "Ask an admin."


class RefreshTokenInvalid(TandemError):
    """The refresh token is unknown, spent, expired or revoked."""

    code, status = "REFRESH_TOKEN_INVALID", 401
    title = "The refresh token is not valid."
    hint = "Sign in again."


class RefreshTokenUsed(TandemError):
    """The refresh token was spent a moment ago, by the client itself."""

    code, status = "REFRESH_TOKEN_USED", 409
    title = "The refresh token was used a moment ago."
    hint = "Use the tokens that the other call got."


class TokenInvalid(TandemError):
    """The mailed token is unknown, expired, spent or void."""

    code, status = "TOKEN_INVALID", 422
    title = "The token is not valid, or not any more."
    hint = "Ask for another mail and use the token in it, once and in time."
