"""The coupon that an order redeems

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("coupon_id", sa.UUID(as_uuid=False), nullable=True))
    op.add_column("orders", sa.Column("coupon_code", sa.Text(), nullable=True))
    op.create_foreign_key(op.f("orders_coupon_id_fkey"), "orders", "coupons", ["coupon_id"], ["id"])
    op.create_check_constraint(
        op.f("orders_coupon_check"), "orders", "(coupon_id IS NULL) = (coupon_code IS NULL)"
    )
    op.create_index(
        "orders_coupon_id_idx",
        "orders",
        ["coupon_id"],
        postgresql_where=sa.text("coupon_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("orders_coupon_id_idx", "orders")
    op.drop_constraint(op.f("orders_coupon_check"), "orders")
    op.drop_constraint(op.f("orders_coupon_id_fkey"), "orders")
    op.drop_column("orders", "coupon_code")
    op.drop_column("orders", "coupon_id")
