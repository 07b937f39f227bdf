"""The tables of posts, and of what readers do with them.

No counter is a column of the post: likes are rows, and views and scores have rows of their own. So
readers neither wait for an author who edits, nor move the post's version.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import SQLModel

from persistence.database.columns import (
    SortableText,
    TextArray,
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)
from persistence.search.texts import sort_order

#: Lists show published posts only.
_PUBLISHED = sa.text("is_published")


class PostCategory(StrEnum):
    """The subject of a post."""

    TECHNOLOGY = "TECHNOLOGY"
    LIFESTYLE = "LIFESTYLE"
    BUSINESS = "BUSINESS"
    HEALTH = "HEALTH"
    EDUCATION = "EDUCATION"


class PostTable(SQLModel, table=True):
    """A text that a user writes for everybody."""

    __tablename__ = named("posts")
    __table_args__ = (
        checked("char_length(title) BETWEEN 5 AND 200", "title"),
        checked("char_length(content) BETWEEN 10 AND 100000", "content"),
        checked(
            "category IN ('TECHNOLOGY', 'LIFESTYLE', 'BUSINESS', 'HEALTH', 'EDUCATION')",
            "category",
        ),
        checked("cardinality(tags) <= 10", "tags"),
        checked("NOT is_published OR published_at IS NOT NULL", "published_at"),
        checked(
            "unpublished_reason IS NULL OR "
            "(NOT is_published AND char_length(unpublished_reason) BETWEEN 1 AND 500)",
            "unpublished_reason",
        ),
        sa.Index("posts_author_id_created_at_id_idx", "author_id", "created_at", "id"),
        sa.Index(
            "posts_author_id_is_published_created_at_id_idx",
            *("author_id", "is_published", "created_at", "id"),
        ),
        sa.Index("posts_created_at_id_idx", "created_at", "id", postgresql_where=_PUBLISHED),
        sa.Index("posts_updated_at_id_idx", "updated_at", "id", postgresql_where=_PUBLISHED),
        sa.Index(
            "posts_category_created_at_id_idx",
            *("category", "created_at", "id"),
            postgresql_where=_PUBLISHED,
        ),
        sa.Index("posts_words_idx", "words", postgresql_using="gin"),
        sa.Index("posts_text_version_idx", "text_version"),
    )

    id: str = identifier()
    author_id: str = reference("users.id", index=False)
    title: str = column(SortableText)
    content: str = column(sa.Text)
    category: str = column(sa.Text)
    tags: list[str] = column(TextArray, "'{}'")
    is_published: bool = column(sa.Boolean, "false")
    published_at: datetime | None = instant(None, nullable=True)
    unpublished_reason: str | None = column(sa.Text, nullable=True)
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()
    words: Any = column(TSVECTOR, nullable=True)
    title_key: str | None = column(SortableText, nullable=True)
    text_version: int = column(sa.SmallInteger, "0")


class PostLikeTable(SQLModel, table=True):
    """A user who likes a post."""

    __tablename__ = named("post_likes")

    post_id: str = reference("posts.id", primary_key=True, index=False)
    user_id: str = reference("users.id", primary_key=True)
    created_at: datetime = instant()


class PostViewsTable(SQLModel, table=True):
    """How often a post was read. The row is made with the post."""

    __tablename__ = named("post_views")
    __table_args__ = (checked("views >= 0", "views"),)

    post_id: str = reference("posts.id", primary_key=True, index=False)
    views: int = column(sa.Integer, "0")
    updated_at: datetime = instant()


class PostScoreTable(SQLModel, table=True):
    """How popular a post is, as a job counted it lately. The row is made with the post."""

    __tablename__ = named("post_scores")
    __table_args__ = (sa.Index("post_scores_score_post_id_idx", "score", "post_id"),)

    post_id: str = reference("posts.id", primary_key=True, index=False)
    score: int = column(sa.BigInteger, "0")


posts = table_of(PostTable)
post_likes = table_of(PostLikeTable)
post_views = table_of(PostViewsTable)
post_scores = table_of(PostScoreTable)
title_order = sort_order(posts.c.title_key, posts.c.title, posts.c.text_version)
sa.Index("posts_title_order_id_idx", title_order, posts.c.id, postgresql_where=_PUBLISHED)
#: The tags in one case, as lists look for them.
folded_tags = sa.func.tandem_folded(posts.c.tags, type_=TextArray)
sa.Index("posts_tags_idx", folded_tags, postgresql_using="gin")
