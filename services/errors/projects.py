"""Errors of projects."""

from services.errors.base import TandemError


class ProjectNotFound(TandemError):
    code, status = "PROJECT_NOT_FOUND", 404
    title = "There is no such project, or it is another user's."
    hint = "Check the id."
