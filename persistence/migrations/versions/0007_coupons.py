"""Coupons, and what orders redeem of them

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TOUCHED = ("coupons", "coupon_redemptions")


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    uuid = sa.UUID(as_uuid=False)
    money = sa.Numeric(20, 2)
    now = sa.text("now()")
    op.create_table(
        "coupons",
        sa.Column("id", uuid, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", money, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("starts_at", instant, nullable=True),
        sa.Column("ends_at", instant, nullable=True),
        sa.Column("minimum_order", money, nullable=True),
        sa.Column("usage_limit", sa.Integer(), nullable=True),
        sa.Column("per_user_limit", sa.Integer(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", instant, server_default=now, nullable=False),
        sa.Column("updated_at", instant, server_default=now, nullable=False),
        sa.CheckConstraint("code ~ '^[A-Za-z0-9_-]{3,40}$'", name=op.f("coupons_code_check")),
        sa.CheckConstraint("kind IN ('PERCENT', 'FIXED')", name=op.f("coupons_kind_check")),
        sa.CheckConstraint("value > 0 AND value <= 999999999.99", name=op.f("coupons_value_check")),
        sa.CheckConstraint("kind <> 'PERCENT' OR value <= 100", name=op.f("coupons_percent_check")),
        sa.CheckConstraint(
            "char_length(description) BETWEEN 1 AND 500", name=op.f("coupons_description_check")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("coupons_ends_at_check")),
        sa.CheckConstraint(
            "minimum_order > 0 AND minimum_order <= 999999999.99",
            name=op.f("coupons_minimum_order_check"),
        ),
        sa.CheckConstraint(
            "usage_limit BETWEEN 1 AND 1000000", name=op.f("coupons_usage_limit_check")
        ),
        sa.CheckConstraint(
            "per_user_limit BETWEEN 1 AND 1000000", name=op.f("coupons_per_user_limit_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("coupons_pkey")),
    )
    op.create_index("coupons_code_key", "coupons", [sa.text("lower(code)")], unique=True)
    op.create_index("coupons_created_at_id_idx", "coupons", ["created_at", "id"])
    op.create_index(
        "coupons_is_active_created_at_id_idx", "coupons", ["is_active", "created_at", "id"]
    )
    op.create_table(
        "coupon_redemptions",
        sa.Column("order_id", uuid, nullable=False),
        sa.Column("coupon_id", uuid, nullable=False),
        sa.Column("user_id", uuid, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount", money, nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("created_at", instant, server_default=now, nullable=False),
        sa.Column("updated_at", instant, server_default=now, nullable=False),
        sa.CheckConstraint(
            "status IN ('HELD', 'USED', 'RELEASED')", name=op.f("coupon_redemptions_status_check")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("coupon_redemptions_amount_check")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("coupon_redemptions_order_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["coupon_id"], ["coupons.id"], name=op.f("coupon_redemptions_coupon_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("coupon_redemptions_user_id_fkey")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("coupon_redemptions_pkey")),
    )
    op.create_index(
        "coupon_redemptions_coupon_id_status_user_id_idx",
        "coupon_redemptions",
        ["coupon_id", "status", "user_id"],
    )
    op.create_index("coupon_redemptions_user_id_idx", "coupon_redemptions", ["user_id"])
    for table in TOUCHED:
        op.execute(
            f"CREATE TRIGGER {table}_touch BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tandem_touch()"
        )


def downgrade() -> None:
    op.drop_table("coupon_redemptions")
    op.drop_table("coupons")
