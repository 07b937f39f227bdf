"""Steps that operations of comments share, inside their transaction."""

from typing import Any

from persistence.comments.statements import LOCK_COMMENT
from persistence.comments.views import COMMENT, Comment
from persistence.database.transactions import Transaction
from services.errors.comments import CommentNotFound
from services.operation.context import Context


def seen_by(ctx: Context) -> dict[str, Any]:
    """The viewer's values for the posts that comments are about.

    The permission to see all comments shows those on drafts only beside that to see all posts.
    """
    values = ctx.viewer_values
    caller = ctx.caller
    values["sees_all"] &= caller is not None and caller.may_read_all("posts")
    return values


def record(ctx: Context, comment_id: str, post_id: str, *changed: str) -> None:
    """Note the comment for the audit row, and outdate its post, which counts its comments."""
    ctx.record("comment", comment_id, *changed)
    ctx.invalidate("post", post_id)


async def lock_comment(ctx: Context, tx: Transaction, comment_id: str) -> Comment:
    """Lock and load the comment; raises `CommentNotFound` when the caller may not see it."""
    comment = await tx.one(LOCK_COMMENT, id=comment_id, **seen_by(ctx))
    if comment is None:
        raise CommentNotFound
    ctx.refresh_now()
    record(ctx, comment.id, comment.post_id)
    return comment


async def load_comment(tx: Transaction, comment_id: str) -> Comment:
    """Load the comment as it is stored now."""
    [comment] = await tx.all(COMMENT.stored, ids=[comment_id])
    return comment
