"""Comments as they are shown: whoever sees a post sees the comments on it."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.comments.tables import CommentStatus, CommentTable, comments, is_visible
from persistence.database.listing import Listing, ascending, descending
from persistence.database.views import view, viewer
from persistence.posts.tables import posts
from persistence.posts.views import post_visible


class Comment(Struct, frozen=True, rename="camel"):
    """A comment on a post, or a reply to a comment."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    post_id: Annotated[str, Meta(description="The post that it is about.")]
    author_id: Annotated[
        str | None, Meta(description="The user who wrote it; null once they deleted it.")
    ]
    parent_id: Annotated[
        str | None, Meta(description="The comment that it replies to; null for a post's own.")
    ]
    content: Annotated[
        str | None,
        Meta(description="The text, as it was written; null when it was removed or deleted."),
    ]
    status: Annotated[CommentStatus, Meta(description="Whether it shows its text.")]
    removed_reason: Annotated[
        str | None, Meta(description="Why a moderator removed it; else null.")
    ]
    reply_count: Annotated[int, Meta(description="How many replies it has, without removed ones.")]
    version: Annotated[int, Meta(description="Counts the changes of this comment.")]
    created_at: Annotated[datetime, Meta(description="When it was written.")]
    updated_at: Annotated[datetime, Meta(description="When it last changed.")]


_replies = comments.alias("replies")
_reply_count = (
    sa.select(sa.func.count())
    .where(
        _replies.c.parent_id == comments.c.id,
        _replies.c.status == sa.literal_column(f"'{CommentStatus.VISIBLE}'"),
    )
    .correlate(comments)
    .scalar_subquery()
)

COMMENT = view(
    Comment,
    CommentTable,
    content=sa.case((is_visible, comments.c.content), else_=sa.null()),
    reply_count=_reply_count,
    source=comments.join(posts, posts.c.id == comments.c.post_id),
    visible=post_visible,
)
#: A page reads comments of posts, or replies to comments, that were found visible before.
_SORTS = {
    "createdAt": ascending(COMMENT, "created_at"),
    "-createdAt": descending(COMMENT, "created_at"),
}
COMMENTS = Listing(
    COMMENT,
    always=comments.c.parent_id.is_(None),
    parent=comments.c.post_id,
    sorts=_SORTS,
)
REPLIES = Listing(COMMENT, parent=comments.c.parent_id, sorts=_SORTS)
#: An author's own comments with their texts, also of those that were removed.
OWN_COMMENTS = Listing(
    view(Comment, CommentTable, reply_count=_reply_count, visible=comments.c.author_id == viewer),
    always=comments.c.author_id == viewer,
    sorts={"-createdAt": descending(COMMENT, "created_at")},
)
