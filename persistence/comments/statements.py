"""Statements that read, lock and change comments."""

from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from persistence.comments.tables import CommentStatus, CommentTable, comments
from persistence.comments.views import COMMENT, Comment
from persistence.database.rows import row_plan
from persistence.database.statements import Query, among, given, insert, nothing, value
from persistence.posts.tables import posts
from persistence.posts.views import post_visible


class Parent(Struct, frozen=True):
    """The comment that a reply answers."""

    id: str
    post_id: str
    parent_id: str | None
    status: CommentStatus


class LockedComment(NamedTuple):
    """A locked comment, and whether everybody may see it: its post is published."""

    comment: Comment
    is_public: bool


_with_post = comments.join(posts, posts.c.id == comments.c.post_id)
#: The ids of those comments that the viewer may see.
VISIBLE_COMMENTS = Query(
    sa.select(comments.c.id).select_from(_with_post).where(among(comments.c.id), post_visible),
    value,
)
_parent = row_plan(Parent, CommentTable)
#: The lock keeps the parent in its place until the reply is there.
LOCK_PARENT = Query(
    sa.select(*_parent.selected)
    .where(comments.c.id == given("parent_id", comments.c.id))
    .with_for_update(read=True, key_share=True),
    _parent.row,
)
_this = comments.c.id == given("id", comments.c.id)
#: The lock waits for replies that are being written.
LOCK_COMMENT = Query(
    COMMENT.select()
    .add_columns(posts.c.is_published)
    .where(_this, COMMENT.visible)
    .with_for_update(of=comments),
    lambda *columns: LockedComment(COMMENT.row(*columns[:-1]), columns[-1]),
)
INSERT_COMMENT = insert(
    comments, "id", "post_id", "author_id", "parent_id", "content", "created_at"
)
EDIT_COMMENT = Query(
    sa.update(comments)
    .where(_this)
    .values(content=given("new_content", comments.c.content), version=comments.c.version + 1),
    nothing,
)
#: Remove a comment, or restore it: the text stays, and the status says whether it is shown.
MOVE_COMMENT = Query(
    sa.update(comments)
    .where(_this)
    .values(
        status=given("new_status", comments.c.status),
        removed_reason=given("new_reason", comments.c.removed_reason),
        version=comments.c.version + 1,
    ),
    nothing,
)
_replies = comments.alias("replies")
_answered = sa.exists().where(_replies.c.parent_id == comments.c.id)
#: The rest of a comment with replies that its author deleted.
_EMPTIED = {
    "status": CommentStatus.DELETED.value,
    "content": "",
    "author_id": sa.null(),
    "removed_reason": sa.null(),
    "version": comments.c.version + 1,
}
ANSWERED = Query(
    sa.select(sa.exists().where(_replies.c.parent_id == given("id", _replies.c.parent_id))), value
)
EMPTY_COMMENT = Query(sa.update(comments).where(_this).values(_EMPTIED), nothing)
DELETE_COMMENT = Query(sa.delete(comments).where(_this), nothing)

_of_author = comments.c.author_id == given("user_id", comments.c.author_id)
#: All comments of an author, locked so that none gets a new reply. Answers their posts.
LOCK_COMMENTS_OF = Query(
    sa.select(comments.c.post_id).where(_of_author).order_by(comments.c.id).with_for_update(),
    value,
)
EMPTY_ANSWERED_OF = Query(
    sa.update(comments).where(_of_author, _answered).values(_EMPTIED), nothing
)
DELETE_UNANSWERED_OF = Query(sa.delete(comments).where(_of_author, sa.not_(_answered)), nothing)
#: The title of a comment's post, for a mail to the comment's author.
POST_TITLE = Query(
    sa.select(posts.c.title).where(posts.c.id == given("post_id", posts.c.id)), value
)
