"""Errors of sessions."""

from services.errors.base import TandemError


class SessionNotFound(TandemError):
    """No such session, or not the caller's, or ended."""

    code, status = "SESSION_NOT_FOUND", 404
    title = "There is no such session."
    hint = "Check the id; the session may have ended."
