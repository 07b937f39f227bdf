"""Posts as they are shown, and their lists."""

from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlalchemy.dialects.postgresql import array

from persistence.comments.tables import comments, is_visible
from persistence.database.columns import TextArray
from persistence.database.listing import Listing, Sort, ascending, descending
from persistence.database.statements import given
from persistence.database.views import reads_own, sees_all, view, viewer
from persistence.posts.tables import (
    PostCategory,
    PostTable,
    folded_tags,
    post_likes,
    post_scores,
    post_views,
    posts,
    title_order,
)
from persistence.search.texts import Searched, by_text


class Post(Struct, frozen=True, rename="camel"):
    """A text that a user writes for everybody."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    author_id: Annotated[str, Meta(description="The user who wrote it.")]
    title: Annotated[str, Meta(description="What the post is called.")]
    content: Annotated[str, Meta(description="The text, as it was written.")]
    category: Annotated[PostCategory, Meta(description="The subject of the post.")]
    tags: Annotated[list[str], Meta(description="Words that lists can be filtered by.")]
    is_published: Annotated[
        bool, Meta(description="False for a draft, which only its author, moderators and up see.")
    ]
    published_at: Annotated[
        datetime | None, Meta(description="When the post was first published; null until then.")
    ]
    unpublished_reason: Annotated[
        str | None, Meta(description="Why a moderator unpublished the post; else null.")
    ]
    views: Annotated[
        int, Meta(description="How often it was read; one reader counts once in half an hour.")
    ]
    likes: Annotated[int, Meta(description="How many users like it.")]
    comment_count: Annotated[
        int, Meta(description="How many comments and replies it has, without removed ones.")
    ]
    version: Annotated[int, Meta(description="Counts the changes of this post.")]
    created_at: Annotated[datetime, Meta(description="When the post was made.")]
    updated_at: Annotated[datetime, Meta(description="When the post last changed.")]


def _count(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return (
        sa.select(sa.func.count())
        .where(table.c.post_id == posts.c.id, *conditions)
        .correlate(posts)
        .scalar_subquery()
    )


_views = (
    sa.select(post_views.c.views)
    .where(post_views.c.post_id == posts.c.id)
    .correlate(posts)
    .scalar_subquery()
)
_counts = {
    "views": _views,
    "likes": _count(post_likes),
    "comment_count": _count(comments, is_visible),
}
#: Who may see a post, and the comments on it. A draft is its author's, and moderators see it.
post_visible = sa.or_(
    posts.c.is_published, sa.and_(posts.c.author_id == viewer, reads_own), sees_all
)

POST = view(Post, PostTable, visible=post_visible, **_counts)

_searched = Searched(posts.c.words, posts.c.text_version)
_folded_tag = sa.func.tandem_folded(
    sa.cast(array([sa.bindparam("tag", type_=sa.Text)]), TextArray), type_=TextArray
)
_SORTS = {
    "-createdAt": descending(POST, "created_at"),
    "createdAt": ascending(POST, "created_at"),
    "-updatedAt": descending(POST, "updated_at"),
    "updatedAt": ascending(POST, "updated_at"),
    "title": by_text(title_order),
    "-title": by_text(title_order, descending=True),
    "relevance": _searched.relevance,
}
POSTS = Listing(
    POST,
    always=posts.c.is_published,
    sorts=_SORTS,
    filters={
        "category": posts.c.category == given("category", posts.c.category),
        "author": posts.c.author_id == given("author", posts.c.author_id),
        "tag": folded_tags.contains(_folded_tag),
        "search": _searched.found,
    },
    first=frozenset({"search"}),
)
OWN_POSTS = Listing(
    POST,
    always=posts.c.author_id == viewer,
    sorts=_SORTS,
    filters={
        "isPublished": posts.c.is_published == given("isPublished", posts.c.is_published),
        "search": _searched.found,
    },
    first=frozenset({"search"}),
)
#: The published posts of many authors.
POSTS_OF_AUTHORS = Listing(
    POST,
    always=posts.c.is_published,
    parent=posts.c.author_id,
    sorts={"-createdAt": descending(POST, "created_at")},
)
_SCORED: Any = posts.join(post_scores, post_scores.c.post_id == posts.c.id)
POPULAR_POSTS = Listing(
    view(Post, PostTable, source=_SCORED, visible=posts.c.is_published, **_counts),
    always=posts.c.is_published,
    sorts={"popularity": Sort(post_scores.c.score, True, None, int)},
)
