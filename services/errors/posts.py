"""Errors of posts."""

from services.errors.base import TandemError


class PostNotFound(TandemError):
    """The post does not exist, or it is a draft that the caller may not see."""

    code, status = "POST_NOT_FOUND", 404
    title = "There is no such post."
    hint = "Check the id."


class PostStatusInvalid(TandemError):
    """Whether the post is published, and whether a moderator unpublished it, rules this out."""

    code, status = "POST_STATUS_INVALID", 422
    title = "The post's status does not allow this."
    hint = "Read the post: isPublished and unpublishedReason say what can be done with it."
