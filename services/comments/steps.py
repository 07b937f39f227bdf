"""Steps that operations of comments share, inside their transaction."""

from typing import Any

from persistence.comments.statements import LOCK_COMMENT, LockedComment
from persistence.comments.views import COMMENT, Comment
from persistence.database.transactions import Transaction
from services.errors.comments import CommentNotFound
from services.events import audience
from services.events.emitting import emit
from services.events.types import EventType
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


async def lock_comment(ctx: Context, tx: Transaction, comment_id: str) -> LockedComment:
    """Lock and load the comment; raises `CommentNotFound` when the caller may not see it."""
    locked = await tx.one(LOCK_COMMENT, id=comment_id, **seen_by(ctx))
    if locked is None:
        raise CommentNotFound
    ctx.refresh_now()
    record(ctx, locked.comment.id, locked.comment.post_id)
    return locked


async def load_and_tell(
    ctx: Context, tx: Transaction, told: EventType, comment_id: str, *, is_public: bool
) -> Comment:
    """Load the comment as it is stored now, and emit it; ``is_public`` is of its post."""
    comment = await load_comment(tx, comment_id)
    emit(ctx, told, comment, audience.of_comment(comment.author_id, is_public=is_public))
    return comment


async def load_comment(tx: Transaction, comment_id: str) -> Comment:
    """Load the comment as it is stored now."""
    [comment] = await tx.all(COMMENT.stored, ids=[comment_id])
    return comment
