"""Operations of readers: like posts, and take a like back."""

from persistence.database.transactions import Transaction
from persistence.posts.statements import LIKE, LOCK_TO_ANSWER, UNLIKE
from persistence.posts.views import Post
from services.access.permissions import Permission
from services.done import Done
from services.errors.posts import PostNotFound
from services.events.types import none
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.operation import operation
from services.posts import steps
from services.posts.reading import PostId

_SILENT = none("A popular post has many likes a second; `likes` of the post counts them.")


@operation(
    "posts.like",
    who=Permission.POSTS_LIKE_OWN,
    input=PostId,
    result=Post,
    errors=[PostNotFound],
    writes=True,
    emits=_SILENT,
    key=Key.OPTIONAL,
)
async def like(ctx: Context, tx: Transaction, input: PostId) -> Post:
    """Like a post. Liking it again changes nothing."""
    await _hold_post(ctx, tx, input.id)
    liked = await tx.one(LIKE, post_id=input.id, user_id=ctx.user_id, created_at=ctx.now)
    ctx.record("post", input.id, *(["likes"] if liked else []))
    return await steps.load_post(tx, input.id)


@operation(
    "posts.unlike",
    who=Permission.POSTS_LIKE_OWN,
    input=PostId,
    result=Done,
    errors=[PostNotFound],
    writes=True,
    emits=_SILENT,
    key=Key.OPTIONAL,
)
async def unlike(ctx: Context, tx: Transaction, input: PostId) -> Done:
    """Take the caller's like of a post back. Without a like this changes nothing."""
    await _hold_post(ctx, tx, input.id)
    unliked = await tx.one(UNLIKE, post_id=input.id, user_id=ctx.user_id)
    ctx.record("post", input.id, *(["likes"] if unliked else []))
    return Done()


async def _hold_post(ctx: Context, tx: Transaction, post_id: str) -> None:
    """Keep the post until COMMIT; raises `PostNotFound` unless the caller may see it."""
    if await tx.one(LOCK_TO_ANSWER, id=post_id, **ctx.viewer_values) is None:
        raise PostNotFound
    ctx.record("post", post_id)
