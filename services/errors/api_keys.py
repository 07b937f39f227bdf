"""Errors of API keys."""

from services.errors.base import TandemError


class ApiKeyNotFound(TandemError):
    """The API key does not exist, was revoked, or is somebody else's."""

    code, status = "API_KEY_NOT_FOUND", 404
    title = "There is no such API key."
    hint = "Check the id; the key may have been revoked."
