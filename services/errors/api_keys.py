"""Errors of API keys."""

from services.errors.base import TandemError


class ApiKeyNotFound(TandemError):
    """No such API key, or not the caller's, or revoked."""

    code, status = "API_KEY_NOT_FOUND", 404
    title = "There is no such API key."
    hint = "Check the id; the key may have been revoked."
