"""Operations of moderators: remove comments with a reason, and restore them."""

from pydantic import Field

from persistence.comments.statements import MOVE_COMMENT
from persistence.comments.tables import CommentStatus
from persistence.comments.views import Comment
from persistence.database.transactions import Transaction
from services.access.permissions import Permission
from services.comments import steps
from services.comments.reading import CommentId
from services.errors.comments import CommentNotFound, CommentStatusInvalid
from services.events import types
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.operation import operation
from services.posts.moderating import Reason


class RemoveComment(CommentId):
    """Why the comment is removed."""

    reason: Reason = Field(
        description="Why, in words for everybody who reads on.", examples=["It insults somebody."]
    )


@operation(
    "comments.remove",
    who=Permission.COMMENTS_MODERATE_ALL,
    input=RemoveComment,
    result=Comment,
    errors=[CommentNotFound, CommentStatusInvalid],
    writes=True,
    emits=(types.COMMENT_REMOVED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def remove(ctx: Context, tx: Transaction, input: RemoveComment) -> Comment:
    """Hide the text of a comment, show the reason in its place, and mail it to the author.

    The comment keeps its place, and its replies stay.
    """
    comment, is_public = await steps.lock_comment(ctx, tx, input.id)
    ctx.match(comment)
    if comment.status != CommentStatus.VISIBLE:
        raise CommentStatusInvalid(f"The comment is {comment.status}.")
    await enqueue(ctx, tx, "mail.commentRemoved", {"commentId": comment.id})
    await _move(ctx, tx, comment, CommentStatus.REMOVED, input.reason)
    return await steps.load_and_tell(
        ctx, tx, types.COMMENT_REMOVED, comment.id, is_public=is_public
    )


@operation(
    "comments.restore",
    who=Permission.COMMENTS_MODERATE_ALL,
    input=CommentId,
    result=Comment,
    errors=[CommentNotFound, CommentStatusInvalid],
    writes=True,
    emits=(types.COMMENT_RESTORED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def restore(ctx: Context, tx: Transaction, input: CommentId) -> Comment:
    """Show the text of a comment again that a moderator removed."""
    comment, is_public = await steps.lock_comment(ctx, tx, input.id)
    ctx.match(comment)
    if comment.status != CommentStatus.REMOVED:
        raise CommentStatusInvalid(f"The comment is {comment.status}.")
    await _move(ctx, tx, comment, CommentStatus.VISIBLE, None)
    return await steps.load_and_tell(
        ctx, tx, types.COMMENT_RESTORED, comment.id, is_public=is_public
    )


async def _move(
    ctx: Context, tx: Transaction, comment: Comment, status: CommentStatus, reason: str | None
) -> None:
    steps.record(ctx, comment.id, comment.post_id, "removedReason", "status")
    await tx.write(MOVE_COMMENT, id=comment.id, new_status=status, new_reason=reason)
