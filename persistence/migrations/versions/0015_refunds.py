"""Refunds: what was given back of which payment, and for which pieces

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Until now refunds were whole: of an order that was cancelled, with all of its pieces. The id of
# its transfer, which nobody sees, is the refund's own.
BEFORE = (
    """
    INSERT INTO refunds (id, order_id, payment_id, transfer_id, amount, currency, reason,
        restocked, actor_id, created_at)
    SELECT transfers.id, payments.order_id, payments.id, transfers.id, payments.amount,
        payments.currency, note, true, actor_id, transfers.created_at
    FROM transfers
    JOIN payments ON payments.transfer_id = reverses_id
    LEFT JOIN order_history
        ON order_history.order_id = payments.order_id AND to_status = 'CANCELLED'
    WHERE transfers.kind = 'REFUND'
    """,
    """
    INSERT INTO refund_lines (refund_id, position, product_id, quantity, amount)
    SELECT refunds.id, position, product_id, quantity, total
    FROM refunds JOIN order_lines USING (order_id)
    """,
)


def upgrade() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("payment_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("transfer_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("amount", sa.Numeric(20, 2), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("restocked", sa.Boolean(), nullable=False),
        sa.Column("actor_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("amount > 0", name=op.f("refunds_amount_check")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("refunds_order_id_fkey")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("refunds_payment_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("refunds_transfer_id_fkey")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("refunds_actor_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("refunds_pkey")),
        sa.UniqueConstraint("transfer_id", name=op.f("refunds_transfer_id_key")),
    )
    op.create_index(
        "refunds_order_id_created_at_id_idx", "refunds", ["order_id", "created_at", "id"]
    )
    op.create_index(op.f("refunds_payment_id_idx"), "refunds", ["payment_id"])
    op.create_index(op.f("refunds_actor_id_idx"), "refunds", ["actor_id"])
    op.create_table(
        "refund_lines",
        sa.Column("refund_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(20, 2), nullable=False),
        sa.CheckConstraint(
            "quantity BETWEEN 1 AND 10000", name=op.f("refund_lines_quantity_check")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("refund_lines_amount_check")),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refunds.id"], name=op.f("refund_lines_refund_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("refund_lines_product_id_fkey")
        ),
        sa.PrimaryKeyConstraint("refund_id", "position", name=op.f("refund_lines_pkey")),
    )
    op.create_index(op.f("refund_lines_product_id_idx"), "refund_lines", ["product_id"])
    for statement in BEFORE:
        op.execute(statement)
    for table in ("refunds", "refund_lines"):
        op.execute(
            f"CREATE TRIGGER {table}_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()"
        )


def downgrade() -> None:
    op.drop_table("refund_lines")
    op.drop_table("refunds")
