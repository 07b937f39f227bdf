"""Posts, comments, likes, views and scores

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TOUCHED = ("posts", "post_views", "comments")
_TITLE_ORDER = '(COALESCE(CASE WHEN text_version > 0 THEN title_key END, lower(title COLLATE "C")))'
#: The texts of posts, and the columns that are made of them.
_TEXTS = (("changed_text", "title, content, tags"), ("made_text", "words, title_key"))
_INSTANT = sa.DateTime(timezone=True)
_UUID = sa.UUID(as_uuid=False)
_NOW = sa.text("now()")
_PUBLISHED = sa.text("is_published")


def upgrade() -> None:
    _add_posts()
    op.create_table(
        "post_likes",
        sa.Column("post_id", _UUID, nullable=False),
        sa.Column("user_id", _UUID, nullable=False),
        sa.Column("created_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("post_likes_post_id_fkey")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("post_likes_user_id_fkey")),
        sa.PrimaryKeyConstraint("post_id", "user_id", name=op.f("post_likes_pkey")),
    )
    op.create_index("post_likes_user_id_idx", "post_likes", ["user_id"])
    op.create_table(
        "post_views",
        sa.Column("post_id", _UUID, nullable=False),
        sa.Column("views", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.CheckConstraint("views >= 0", name=op.f("post_views_views_check")),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("post_views_post_id_fkey")),
        sa.PrimaryKeyConstraint("post_id", name=op.f("post_views_pkey")),
    )
    op.create_table(
        "post_scores",
        sa.Column("post_id", _UUID, nullable=False),
        sa.Column("score", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("post_scores_post_id_fkey")),
        sa.PrimaryKeyConstraint("post_id", name=op.f("post_scores_pkey")),
    )
    op.create_index("post_scores_score_post_id_idx", "post_scores", ["score", "post_id"])
    _add_comments()
    for table in TOUCHED:
        op.execute(
            f"CREATE TRIGGER {table}_touch BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tandem_touch()"
        )
    for name, columns in _TEXTS:
        op.execute(
            f"CREATE TRIGGER posts_{name} BEFORE UPDATE OF {columns} ON posts "
            f"FOR EACH ROW EXECUTE FUNCTION tandem_{name}()"
        )


def _add_posts() -> None:
    op.create_table(
        "posts",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("author_id", _UUID, nullable=False),
        sa.Column("title", sa.Text(collation="C"), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("tags", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_published", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("published_at", _INSTANT, nullable=True),
        sa.Column("unpublished_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("updated_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("words", TSVECTOR(), nullable=True),
        sa.Column("title_key", sa.Text(collation="C"), nullable=True),
        sa.Column("text_version", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("char_length(title) BETWEEN 5 AND 200", name=op.f("posts_title_check")),
        sa.CheckConstraint(
            "char_length(content) BETWEEN 10 AND 100000", name=op.f("posts_content_check")
        ),
        sa.CheckConstraint(
            "category IN ('TECHNOLOGY', 'LIFESTYLE', 'BUSINESS', 'HEALTH', 'EDUCATION')",
            name=op.f("posts_category_check"),
        ),
        sa.CheckConstraint("cardinality(tags) <= 10", name=op.f("posts_tags_check")),
        sa.CheckConstraint(
            "NOT is_published OR published_at IS NOT NULL", name=op.f("posts_published_at_check")
        ),
        sa.CheckConstraint(
            "unpublished_reason IS NULL OR "
            "(NOT is_published AND char_length(unpublished_reason) BETWEEN 1 AND 500)",
            name=op.f("posts_unpublished_reason_check"),
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("posts_author_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("posts_pkey")),
    )
    for columns in (
        ["author_id", "created_at", "id"],
        ["author_id", "is_published", "created_at", "id"],
    ):
        op.create_index(f"posts_{'_'.join(columns)}_idx", "posts", columns)
    for columns in (
        ["created_at", "id"],
        ["updated_at", "id"],
        ["category", "created_at", "id"],
    ):
        name = f"posts_{'_'.join(columns)}_idx"
        op.create_index(name, "posts", columns, postgresql_where=_PUBLISHED)
    op.create_index("posts_words_idx", "posts", ["words"], postgresql_using="gin")
    op.create_index("posts_text_version_idx", "posts", ["text_version"])
    op.create_index(
        "posts_title_order_id_idx",
        "posts",
        [sa.text(_TITLE_ORDER), "id"],
        postgresql_where=_PUBLISHED,
    )
    op.create_index(
        "posts_tags_idx", "posts", [sa.text("tandem_folded(tags)")], postgresql_using="gin"
    )


def _add_comments() -> None:
    op.create_table(
        "comments",
        sa.Column("id", _UUID, nullable=False),
        sa.Column("post_id", _UUID, nullable=False),
        sa.Column("author_id", _UUID, nullable=True),
        sa.Column("parent_id", _UUID, nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'VISIBLE'"), nullable=False),
        sa.Column("removed_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.Column("updated_at", _INSTANT, server_default=_NOW, nullable=False),
        sa.CheckConstraint(
            "status IN ('VISIBLE', 'REMOVED', 'DELETED')", name=op.f("comments_status_check")
        ),
        sa.CheckConstraint(
            "char_length(content) <= 5000", name=op.f("comments_content_length_check")
        ),
        sa.CheckConstraint(
            "(content = '') = (status = 'DELETED')", name=op.f("comments_content_check")
        ),
        sa.CheckConstraint(
            "(author_id IS NULL) = (status = 'DELETED')", name=op.f("comments_author_id_check")
        ),
        sa.CheckConstraint(
            "(removed_reason IS NOT NULL) = (status = 'REMOVED')",
            name=op.f("comments_removed_reason_check"),
        ),
        sa.CheckConstraint(
            "char_length(removed_reason) BETWEEN 1 AND 500",
            name=op.f("comments_removed_reason_length_check"),
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("comments_post_id_fkey")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("comments_author_id_fkey")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["comments.id"], name=op.f("comments_parent_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("comments_pkey")),
    )
    op.create_index(
        "comments_post_id_created_at_id_idx",
        "comments",
        ["post_id", "created_at", "id"],
        postgresql_where=sa.text("parent_id IS NULL"),
    )
    op.create_index("comments_post_id_status_idx", "comments", ["post_id", "status"])
    op.create_index("comments_author_id_idx", "comments", ["author_id"])
    op.create_index(
        "comments_parent_id_created_at_id_idx", "comments", ["parent_id", "created_at", "id"]
    )


def downgrade() -> None:
    for table in ("comments", "post_scores", "post_views", "post_likes", "posts"):
        op.drop_table(table)
