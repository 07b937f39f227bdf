"""Operations of moderators: unpublish posts with a reason, and restore them."""

from typing import Annotated

from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.posts.views import Post
from services.access.permissions import Permission
from services.errors.posts import PostNotFound, PostStatusInvalid
from services.events import types
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Lines
from services.operation.operation import operation
from services.posts import steps
from services.posts.reading import PostId

#: Why a moderator took something away, as its author reads it.
Reason = Annotated[Lines, Field(min_length=1, max_length=500)]


class UnpublishPost(PostId):
    """Why the post is unpublished."""

    reason: Reason = Field(
        description="Why, in words for the author.", examples=["It advertises a product."]
    )


@operation(
    "posts.unpublish",
    who=Permission.POSTS_MODERATE_ALL,
    input=UnpublishPost,
    result=Post,
    errors=[PostNotFound, PostStatusInvalid],
    writes=True,
    emits=(types.POST_UNPUBLISHED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def unpublish(ctx: Context, tx: Transaction, input: UnpublishPost) -> Post:
    """Make somebody's post a draft, and mail the reason to its author.

    The author can edit it, but only moderators and up publish it again.
    """
    post = await steps.lock_post(ctx, tx, input.id)
    ctx.match(post)
    if not post.is_published:
        raise PostStatusInvalid("The post is not published.")
    ctx.record("post", post.id, "isPublished", "unpublishedReason")
    await enqueue(ctx, tx, "mail.postUnpublished", {"postId": post.id})
    changed = {"is_published": False, "unpublished_reason": input.reason}
    return await steps.write_changes(ctx, tx, post, changed)


@operation(
    "posts.restore",
    who=Permission.POSTS_MODERATE_ALL,
    input=PostId,
    result=Post,
    errors=[PostNotFound, PostStatusInvalid],
    writes=True,
    emits=(types.POST_PUBLISHED,),
    key=Key.OPTIONAL,
    conditional=True,
)
async def restore(ctx: Context, tx: Transaction, input: PostId) -> Post:
    """Publish a post again that a moderator unpublished."""
    post = await steps.lock_post(ctx, tx, input.id)
    ctx.match(post)
    if post.unpublished_reason is None:
        raise PostStatusInvalid("No moderator unpublished the post.")
    ctx.record("post", post.id, "isPublished", "unpublishedReason")
    return await steps.write_changes(ctx, tx, post, steps.published(ctx, post))
