"""Operations of those who comment: write, change and delete comments."""

from typing import Annotated

from pydantic import Field

from persistence.comments.statements import (
    ANSWERED,
    DELETE_COMMENT,
    EDIT_COMMENT,
    EMPTY_COMMENT,
    INSERT_COMMENT,
    LOCK_PARENT,
)
from persistence.comments.tables import CommentStatus
from persistence.comments.views import Comment
from persistence.database.transactions import Transaction
from persistence.posts.statements import LOCK_TO_ANSWER
from services.access.permissions import Permission
from services.comments import steps
from services.comments.reading import CommentId
from services.done import Done
from services.errors.comments import CommentNotFound, CommentStatusInvalid, CommentTooDeep
from services.errors.posts import PostNotFound
from services.events import audience, types
from services.events.emitting import emit
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, Lines, PathId, Reference
from services.operation.operation import operation
from services.operation.patches import ABSENT, Patch
from services.quota.quota import Policy

Content = Annotated[Lines, Field(min_length=1, max_length=5000)]


class CreateComment(Input):
    """A new comment on a post, or a reply to a comment on it."""

    id: PathId = Field(description="The post's id.")
    content: Content = Field(
        description="The text. It is plain text, and is shown as it was written.",
        examples=["Well put, thank you."],
    )
    parent_id: Reference | None = Field(
        None, description="Id of the comment that it replies to; a reply takes no replies."
    )


class UpdateComment(Patch):
    """The new text of a comment."""

    id: PathId = Field(description="The comment's id.")
    content: Content = Field(
        ABSENT,
        description="The text. It is plain text, and is shown as it was written.",
        examples=["Well put, thank you."],
    )


@operation(
    "comments.create",
    who=Permission.COMMENTS_WRITE_OWN,
    input=CreateComment,
    result=Comment,
    errors=[PostNotFound, CommentNotFound, CommentTooDeep],
    writes=True,
    emits=(types.COMMENT_CREATED,),
    key=Key.OPTIONAL,
    cost=2,
    quota=Policy.CONTENT,
)
async def create(ctx: Context, tx: Transaction, input: CreateComment) -> Comment:
    """Comment on a post, or reply to a comment on it."""
    is_public = await tx.one(LOCK_TO_ANSWER, id=input.id, **steps.seen_by(ctx))
    if is_public is None:
        raise PostNotFound
    if input.parent_id is not None:
        parent = await tx.one(LOCK_PARENT, parent_id=input.parent_id)
        if parent is None or parent.post_id != input.id:
            raise CommentNotFound
        if parent.parent_id is not None:
            raise CommentTooDeep
        if parent.status != CommentStatus.VISIBLE:
            raise CommentNotFound("The comment was removed or deleted.")
    comment_id = ctx.new_id()
    steps.record(ctx, comment_id, input.id, "content", *(["parentId"] if input.parent_id else []))
    await tx.write(
        INSERT_COMMENT,
        id=comment_id,
        post_id=input.id,
        author_id=ctx.user_id,
        parent_id=input.parent_id,
        content=input.content,
        created_at=ctx.now,
    )
    return await steps.load_and_tell(
        ctx, tx, types.COMMENT_CREATED, comment_id, is_public=is_public
    )


@operation(
    "comments.update",
    who=Permission.COMMENTS_WRITE_OWN,
    input=UpdateComment,
    result=Comment,
    errors=[CommentNotFound, CommentStatusInvalid],
    writes=True,
    emits=(types.COMMENT_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def update(ctx: Context, tx: Transaction, input: UpdateComment) -> Comment:
    """Change the text of a comment of the caller's."""
    comment, is_public = await steps.lock_comment(ctx, tx, input.id)
    _require_author(ctx, comment)
    ctx.match(comment)
    if comment.status != CommentStatus.VISIBLE:
        raise CommentStatusInvalid("A moderator removed the comment.")
    if input.content == comment.content:
        return await steps.load_comment(tx, comment.id)
    steps.record(ctx, comment.id, comment.post_id, "content")
    await tx.write(EDIT_COMMENT, id=comment.id, new_content=input.content)
    return await steps.load_and_tell(
        ctx, tx, types.COMMENT_UPDATED, comment.id, is_public=is_public
    )


@operation(
    "comments.delete",
    who=Permission.COMMENTS_WRITE_OWN,
    input=CommentId,
    result=Done,
    errors=[CommentNotFound],
    writes=True,
    emits=(types.COMMENT_DELETED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def delete(ctx: Context, tx: Transaction, input: CommentId) -> Done:
    """Delete a comment of the caller's for good.

    A comment that has replies keeps its place without its text and its author.
    """
    comment, is_public = await steps.lock_comment(ctx, tx, input.id)
    _require_author(ctx, comment)
    ctx.match(comment)
    # The comment's lock keeps new replies away.
    answered = await tx.one(ANSWERED, id=comment.id)
    await tx.write(EMPTY_COMMENT if answered else DELETE_COMMENT, id=comment.id)
    hears = audience.of_comment(comment.author_id, is_public=is_public)
    # The author took the text back, so nobody gets it once more.
    emit(ctx, types.COMMENT_DELETED, None, hears, subject=comment.id)
    return Done()


def _require_author(ctx: Context, comment: Comment) -> None:
    """Raise `Forbidden` for somebody else's comment, and for one that its author deleted."""
    ctx.require_ownership(comment.author_id or "")
