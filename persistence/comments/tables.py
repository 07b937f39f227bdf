"""The table of comments on posts."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence.database.columns import (
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)


class CommentStatus(StrEnum):
    """Whether a comment shows its text. A comment without one keeps its place for its replies."""

    VISIBLE = "VISIBLE"
    REMOVED = "REMOVED"
    DELETED = "DELETED"


class CommentTable(SQLModel, table=True):
    """A comment on a post, or a reply to one."""

    __tablename__ = named("comments")
    __table_args__ = (
        checked("status IN ('VISIBLE', 'REMOVED', 'DELETED')", "status"),
        checked("char_length(content) <= 5000", "content_length"),
        checked("(content = '') = (status = 'DELETED')", "content"),
        checked("(author_id IS NULL) = (status = 'DELETED')", "author_id"),
        checked("(removed_reason IS NOT NULL) = (status = 'REMOVED')", "removed_reason"),
        checked("char_length(removed_reason) BETWEEN 1 AND 500", "removed_reason_length"),
        sa.Index(
            "comments_post_id_created_at_id_idx",
            *("post_id", "created_at", "id"),
            postgresql_where=sa.text("parent_id IS NULL"),
        ),
        sa.Index("comments_post_id_status_idx", "post_id", "status"),
        sa.Index("comments_parent_id_created_at_id_idx", "parent_id", "created_at", "id"),
    )

    id: str = identifier()
    post_id: str = reference("posts.id", index=False)
    #: Null once its author deleted it.
    author_id: str | None = reference("users.id", nullable=True)
    parent_id: str | None = reference("comments.id", index=False, nullable=True)
    content: str = column(sa.Text)
    status: str = column(sa.Text, "'VISIBLE'")
    removed_reason: str | None = column(sa.Text, nullable=True)
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()


comments = table_of(CommentTable)
#: A condition on comments, written out so that PostgreSQL plans it with the index.
is_visible = comments.c.status == sa.literal_column(f"'{CommentStatus.VISIBLE}'")
