"""What an account that is deleted leaves: its published posts and comments stay, or go with it."""

from persistence.comments.statements import (
    DELETE_UNANSWERED_OF,
    EMPTY_ANSWERED_OF,
    LOCK_COMMENTS_OF,
)
from persistence.database.transactions import Transaction
from persistence.events.statements import EMPTY_EVENTS, LOCK_HEAD
from persistence.posts.statements import DELETE_LIKES_OF, DELETE_POSTS, LOCK_POSTS_OF
from persistence.projects import DELETE_PROJECTS_OF
from persistence.uploads.statements import DELETE_UPLOADS_OF
from services.events import audience, types
from services.events.emitting import emit
from services.files.store import IMAGES, UPLOADS
from services.operation.context import Context
from services.settings.content import DeletedContent
from services.uploads.pictures import delete_later


async def remove_content(ctx: Context, tx: Transaction) -> None:
    """Remove the caller's uploads, projects, likes and drafts.

    The settings decide whether what they published goes as well.

    Content that stays is shown as a deleted user's. A comment with replies keeps its place without
    its text.
    """
    removes = ctx.settings.deleted_content is DeletedContent.REMOVE
    user_id = ctx.user_id
    await tx.write(DELETE_PROJECTS_OF, user_id=user_id)
    uploads = await tx.all(DELETE_UPLOADS_OF, owner_id=user_id)
    # The pictures of uploads that were used belong to what shows them.
    unused = [IMAGES + id for id, used in uploads if not used]
    await delete_later(ctx, tx, [UPLOADS + id for id, _ in uploads], unused)
    posts = await tx.all(LOCK_POSTS_OF, user_id=user_id, drafts=not removes)
    gone = [id for id, _ in posts]
    for query in DELETE_POSTS if gone else ():
        await tx.write(query, ids=gone)
    for post_id, is_public in posts:
        hears = audience.of_deleted_post(user_id, is_public=is_public)
        emit(ctx, types.POST_DELETED, None, hears, subject=post_id)
    changed = await tx.all(DELETE_LIKES_OF, user_id=user_id)
    if removes:
        # Locked by id, and against new replies.
        changed += await tx.all(LOCK_COMMENTS_OF, user_id=user_id)
        await tx.write(EMPTY_ANSWERED_OF, user_id=user_id)
        await tx.write(DELETE_UNANSWERED_OF, user_id=user_id)
    ctx.invalidate("post", *gone, *changed)


async def forget_person(tx: Transaction, user_id: str) -> None:
    """Remove what events tell of a person; their positions in the log stay.

    The head of the log is locked first, so that no event of theirs is between the outbox and the
    log. Events of transactions that end later lose their data when they get their position.
    """
    await tx.one(LOCK_HEAD)
    for query in EMPTY_EVENTS:
        await tx.write(query, user_id=user_id)
