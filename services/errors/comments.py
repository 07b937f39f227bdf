"""Errors of comments."""

from services.errors.base import TandemError


class CommentNotFound(TandemError):
    """The comment does not exist, or the caller may not see its post."""

    code, status = "COMMENT_NOT_FOUND", 404
    title = "There is no such comment."
    hint = "Check the id; a comment that was removed or deleted takes no replies."


class CommentTooDeep(TandemError):
    code, status = "COMMENT_TOO_DEEP", 422
    title = "A reply cannot be answered."
    hint = "Reply to the comment that it answers: send its id as parentId."


class CommentStatusInvalid(TandemError):
    code, status = "COMMENT_STATUS_INVALID", 422
    title = "The comment's status does not allow this."
    hint = "A visible comment can be changed or removed, a removed one restored."
