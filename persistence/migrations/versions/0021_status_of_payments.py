"""The status of payments

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "payments",
        sa.Column("status", sa.Text(), nullable=False, server_default=sa.text("'COMPLETED'")),
    )
    op.create_check_constraint(
        op.f("payments_status_check"),
        "payments",
        "status IN ('PENDING', 'COMPLETED', 'FAILED', 'REFUNDED')",
    )
    _refuse("UPDATE OF id, order_id, transfer_id, amount, currency, created_at")
    op.execute(
        "UPDATE payments SET status = 'REFUNDED' FROM orders "
        "WHERE orders.id = order_id AND payment_status = 'REFUNDED'"
    )


def downgrade() -> None:
    _refuse("UPDATE")
    op.drop_column("payments", "status")


def _refuse(update: str) -> None:
    op.execute("DROP TRIGGER payments_refuse ON payments")
    op.execute(
        f"CREATE TRIGGER payments_refuse BEFORE {update} OR DELETE OR TRUNCATE ON payments "
        "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()"
    )
