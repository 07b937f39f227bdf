"""Uploads, and pictures in several sizes

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    uuid = sa.UUID(as_uuid=False)
    op.create_table(
        "uploads",
        sa.Column("id", uuid, nullable=False),
        sa.Column("owner_id", uuid, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", instant, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("used_at", instant, nullable=True),
        sa.CheckConstraint(
            "purpose IN ('PRODUCT_IMAGE', 'AVATAR')", name=op.f("uploads_purpose_check")
        ),
        sa.CheckConstraint(
            "char_length(filename) BETWEEN 1 AND 200", name=op.f("uploads_filename_check")
        ),
        sa.CheckConstraint("size BETWEEN 1 AND 10485760", name=op.f("uploads_size_check")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("uploads_sha256_check")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("uploads_owner_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("uploads_pkey")),
    )
    op.create_index(
        "uploads_owner_id_created_at_id_idx", "uploads", ["owner_id", "created_at", "id"]
    )
    op.create_index("uploads_expires_at_idx", "uploads", ["expires_at"])
    for table in ("products", "profiles"):
        # A constant default: PostgreSQL writes no row anew.
        op.add_column(
            table,
            sa.Column(
                "image_variants",
                postgresql.JSONB(),
                server_default=sa.text("'[]'"),
                nullable=False,
            ),
        )
        # NOT VALID: the rows that exist have the default, and are not read again under a lock.
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_image_variants_check "
            "CHECK (jsonb_typeof(image_variants) = 'array') NOT VALID"
        )
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_image_variants_check")


def downgrade() -> None:
    for table in ("products", "profiles"):
        op.drop_column(table, "image_variants")
    op.drop_table("uploads")
