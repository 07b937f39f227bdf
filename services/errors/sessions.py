"""Errors of sessions."""

from services.errors.base import TandemError


class SessionNotFound(TandemError):
    """The session does not exist, has ended, or is somebody else's."""

    code, status = "SESSION_NOT_FOUND", 404
    title = "There is no such session."
    hint = "Check the id; the session may have ended."
