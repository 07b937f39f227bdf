"""Steps that operations of posts share, inside their transaction."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from persistence.database.statements import Query
from persistence.database.transactions import Transaction
from persistence.posts.statements import LOCK_POST, UPDATE_POST
from persistence.posts.views import POST, Post
from services.errors.posts import PostNotFound
from services.events import audience, types
from services.events.emitting import emit
from services.operation.context import Context
from services.posts.texts import text_columns

#: The event by whether a post was published before, and is now.
_EVENTS = {(False, True): types.POST_PUBLISHED, (True, False): types.POST_UNPUBLISHED}


async def lock_post(
    ctx: Context, tx: Transaction, post_id: str, lock: Query[Post] = LOCK_POST
) -> Post:
    """Lock and load the post; raises `PostNotFound` when the caller may not see it."""
    post = await tx.one(lock, id=post_id, **ctx.viewer_values)
    if post is None:
        raise PostNotFound
    ctx.refresh_now()
    ctx.record("post", post.id)
    return post


def published(ctx: Context, post: Post) -> dict[str, Any]:
    """The values of a post that is published now; the first time of publication stays."""
    return {
        "is_published": True,
        "published_at": post.published_at or ctx.now,
        "unpublished_reason": None,
    }


async def write_changes(
    ctx: Context, tx: Transaction, post: Post, changed: Mapping[str, Any]
) -> Post:
    """Update the post if anything changed, and tell of it; returns the stored post."""
    if changed:
        after = {**structs.asdict(post), **changed}
        after |= text_columns(after["title"], after["tags"], after["content"])
        new = {f"new_{name}": value for name, value in after.items()}
        await tx.write(UPDATE_POST, id=post.id, **new)
    stored = await load_post(tx, post.id)
    if changed:
        was, now = post.is_published, stored.is_published
        told = _EVENTS.get((was, now), types.POST_UPDATED)
        emit(ctx, told, stored, audience.of_post(stored, was_published=was))
    return stored


async def load_post(tx: Transaction, post_id: str) -> Post:
    """Load the post as it is stored now."""
    [post] = await tx.all(POST.stored, ids=[post_id])
    return post
