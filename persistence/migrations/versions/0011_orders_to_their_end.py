"""Every status an order may have, its times, its discount and its refunds

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_INSTANTS = ("expires_at", "approved_at", "shipped_at", "delivered_at")
_CHECKS = {
    "status": "status IN ('PENDING', 'AWAITING_APPROVAL', 'PAID', 'CONFIRMED', 'SHIPPED', "
    "'DELIVERED', 'CANCELLED', 'REJECTED', 'EXPIRED')",
    "payment_status": "payment_status IN ('UNPAID', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED')",
    "discount": "discount >= 0 AND total = subtotal - discount",
    "refunded": "CASE payment_status WHEN 'REFUNDED' THEN refunded = total "
    "WHEN 'PARTIALLY_REFUNDED' THEN refunded > 0 AND refunded < total "
    "ELSE refunded = 0 END",
    "expires_at": "(status IN ('PENDING', 'AWAITING_APPROVAL')) = (expires_at IS NOT NULL)",
}
_BEFORE = {
    "status": "status IN ('PENDING', 'PAID', 'CANCELLED')",
    "payment_status": "payment_status IN ('UNPAID', 'PAID', 'REFUNDED')",
}


def upgrade() -> None:
    for name in ("discount", "refunded"):
        op.add_column(
            "orders",
            sa.Column(name, sa.Numeric(20, 2), nullable=False, server_default=sa.text("0")),
        )
    op.add_column("orders", sa.Column("tracking_code", sa.Text(), nullable=True))
    for name in _INSTANTS:
        op.add_column("orders", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE orders SET refunded = total WHERE payment_status = 'REFUNDED'")
    # Whoever ordered before holds expired gets the time that everybody has from now on.
    op.execute(
        "UPDATE orders SET expires_at = now() + interval '15 minutes' WHERE status = 'PENDING'"
    )
    for name in _BEFORE:
        op.drop_constraint(op.f(f"orders_{name}_check"), "orders")
    for name, rule in _CHECKS.items():
        op.create_check_constraint(op.f(f"orders_{name}_check"), "orders", rule)
    op.create_index("orders_created_at_id_idx", "orders", ["created_at", "id"])
    op.create_index("orders_status_created_at_id_idx", "orders", ["status", "created_at", "id"])
    op.create_index(
        "orders_expires_at_id_idx",
        "orders",
        ["expires_at", "id"],
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )


def downgrade() -> None:
    for name in ("expires_at_id", "status_created_at_id", "created_at_id"):
        op.drop_index(f"orders_{name}_idx", "orders")
    for name in _CHECKS:
        op.drop_constraint(op.f(f"orders_{name}_check"), "orders")
    # What the older shop does not know is what it knew most like it.
    op.execute(
        "UPDATE orders SET cancelled_at = coalesce(cancelled_at, updated_at), status = 'CANCELLED' "
        "WHERE status IN ('REJECTED', 'EXPIRED')"
    )
    op.execute("UPDATE orders SET status = 'PENDING' WHERE status = 'AWAITING_APPROVAL'")
    op.execute(
        "UPDATE orders SET status = 'PAID' WHERE status IN ('CONFIRMED', 'SHIPPED', 'DELIVERED')"
    )
    op.execute(
        "UPDATE orders SET payment_status = 'PAID' WHERE payment_status = 'PARTIALLY_REFUNDED'"
    )
    for name, rule in _BEFORE.items():
        op.create_check_constraint(op.f(f"orders_{name}_check"), "orders", rule)
    for name in (*reversed(_INSTANTS), "tracking_code", "refunded", "discount"):
        op.drop_column("orders", name)
