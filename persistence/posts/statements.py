"""Statements that lock and change posts, count what readers do, and score posts."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from persistence.comments.tables import comments, is_visible
from persistence.database.columns import Uuid, UuidArray
from persistence.database.statements import Query, among, given, insert, nothing, value
from persistence.posts.tables import post_likes, post_scores, post_views, posts
from persistence.posts.views import POST, post_visible
from persistence.search.reindexing import TextTable

#: The ids of those posts that the viewer may see.
VISIBLE_POSTS = Query(sa.select(posts.c.id).where(among(posts.c.id), post_visible), value)

_this = posts.c.id == given("id", posts.c.id)
_seen = POST.select().where(_this, POST.visible)
# FOR NO KEY UPDATE: others may like and comment on a post that is being edited.
LOCK_POST = Query(_seen.with_for_update(key_share=True, of=posts), POST.row)
# FOR UPDATE waits for likes and comments that are being written, so that none is left behind.
LOCK_POST_TO_DELETE = Query(_seen.with_for_update(of=posts), POST.row)
# FOR KEY SHARE: the post stays until a comment or like on it is written. Deleting a
# post also locks it before its comments, so that the two cannot deadlock.
LOCK_TO_ANSWER = Query(
    sa.select(posts.c.is_published)
    .where(_this, post_visible)
    .with_for_update(read=True, key_share=True),
    value,
)
#: The columns that are made of a post's texts.
MADE_OF_TEXTS = ("words", "title_key")
POST_TEXTS = TextTable(posts, texts=["title", "tags", "content"], made=[*MADE_OF_TEXTS])
#: The columns that an update may set.
CHANGING = (
    "title",
    "content",
    "category",
    "tags",
    "is_published",
    "published_at",
    "unpublished_reason",
    *MADE_OF_TEXTS,
    "text_version",
)
INSERT_POST = insert(
    posts,
    "id",
    "author_id",
    "title",
    "content",
    "category",
    "tags",
    "is_published",
    "published_at",
    "created_at",
    *MADE_OF_TEXTS,
    "text_version",
)
INSERT_VIEWS = insert(post_views, "post_id")
INSERT_SCORE = insert(post_scores, "post_id")
UPDATE_POST = Query(
    sa.update(posts)
    .where(_this)
    .values(
        version=posts.c.version + 1,
        **{name: given(f"new_{name}", posts.c[name]) for name in CHANGING},
    ),
    nothing,
)
#: Delete all that belongs to posts, then the posts. Values: ids.
DELETE_POSTS = tuple(
    Query(sa.delete(table).where(among(key)), nothing)
    for table, key in (
        (comments, comments.c.post_id),
        (post_likes, post_likes.c.post_id),
        (post_views, post_views.c.post_id),
        (post_scores, post_scores.c.post_id),
        (posts, posts.c.id),
    )
)

_like = (
    post_likes.c.post_id == given("post_id", post_likes.c.post_id),
    post_likes.c.user_id == given("user_id", post_likes.c.user_id),
)
#: Answers nothing when the user likes the post already.
LIKE = Query(
    postgresql.insert(post_likes)
    .values(
        {name: given(name, post_likes.c[name]) for name in ("post_id", "user_id", "created_at")}
    )
    .on_conflict_do_nothing()
    .returning(post_likes.c.post_id),
    value,
)
UNLIKE = Query(sa.delete(post_likes).where(*_like).returning(post_likes.c.post_id), value)
#: Answers the posts that the user liked.
DELETE_LIKES_OF = Query(
    sa.delete(post_likes)
    .where(post_likes.c.user_id == given("user_id", post_likes.c.user_id))
    .returning(post_likes.c.post_id),
    value,
)
#: Which of these posts a user likes.
LIKED = Query(
    sa.select(post_likes.c.post_id).where(
        among(post_likes.c.post_id), post_likes.c.user_id == given("user_id", post_likes.c.user_id)
    ),
    value,
)

#: All posts that a user likes.
LIKED_BY = Query(
    sa.select(post_likes.c.post_id)
    .where(post_likes.c.user_id == given("user_id", post_likes.c.user_id))
    .order_by(post_likes.c.created_at, post_likes.c.post_id),
    value,
)

_counted = (
    sa.func.unnest(
        sa.bindparam("ids", type_=UuidArray), sa.bindparam("counts", type_=sa.ARRAY(sa.Integer))
    )
    .table_valued(sa.column("id", Uuid), sa.column("count", sa.Integer))
    .render_derived(name="counted")
)
# Locked by id, so that two processes cannot deadlock. A deleted post has no row any more.
_locked = (
    sa.select(post_views.c.post_id)
    .where(among(post_views.c.post_id))
    .order_by(post_views.c.post_id)
    .with_for_update()
    .cte("locked")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
#: Values: ids and counts, side by side. Adds the counts to the posts' views.
ADD_VIEWS = Query(
    sa.update(post_views)
    .where(post_views.c.post_id == _locked.c.post_id, _counted.c.id == _locked.c.post_id)
    .values(views=post_views.c.views + _counted.c.count),
    nothing,
)


def _counts(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.Subquery:
    return (
        sa.select(table.c.post_id, sa.func.count().label("count"))
        .where(*conditions)
        .group_by(table.c.post_id)
        .subquery()
    )


_likes, _comments = _counts(post_likes), _counts(comments, is_visible)
_score = (
    post_views.c.views
    + 2 * sa.func.coalesce(_likes.c.count, 0)
    + 3 * sa.func.coalesce(_comments.c.count, 0)
)
_scored = (
    sa.select(post_views.c.post_id, _score.label("score"))
    .select_from(
        post_views.outerjoin(_likes, _likes.c.post_id == post_views.c.post_id).outerjoin(
            _comments, _comments.c.post_id == post_views.c.post_id
        )
    )
    .subquery("scored")
)
#: Score every post anew: views + 2 × likes + 3 × comments. Writes only scores that changed.
REFRESH_SCORES = Query(
    sa.update(post_scores)
    .where(post_scores.c.post_id == _scored.c.post_id, post_scores.c.score != _scored.c.score)
    .values(score=_scored.c.score),
    nothing,
)

_of_author = posts.c.author_id == given("user_id", posts.c.author_id)
#: The posts of an author, locked; with ``drafts`` only those that are not published. Answers pairs
#: of an id, and whether the post is published.
LOCK_POSTS_OF = Query(
    sa.select(posts.c.id, posts.c.is_published)
    .where(
        _of_author,
        sa.or_(sa.not_(sa.bindparam("drafts", type_=sa.Boolean)), sa.not_(posts.c.is_published)),
    )
    .order_by(posts.c.id)
    .with_for_update(),
    lambda id, is_published: (id, is_published),
)
