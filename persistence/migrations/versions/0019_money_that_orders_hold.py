"""Wallets hold the money of unpaid orders

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_WAITING = "('PENDING', 'AWAITING_APPROVAL')"
_RULES = (
    f"""
    CREATE FUNCTION tandem_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE accounts
        SET held = held + CASE WHEN NEW.status IN {_WAITING} THEN NEW.total ELSE -NEW.total END
        WHERE user_id = NEW.customer_id;
        RETURN NULL;
    END $$
    """,  # noqa: S608 - our own words
    """
    CREATE FUNCTION tandem_unfunded() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'wallet % cannot hold more than its balance', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'accounts_held_balance_check';
    END $$
    """,
    "CREATE TRIGGER orders_hold AFTER INSERT ON orders "
    f"FOR EACH ROW WHEN (NEW.status IN {_WAITING}) EXECUTE FUNCTION tandem_hold()",
    "CREATE TRIGGER orders_release AFTER UPDATE OF status ON orders "
    f"FOR EACH ROW WHEN ((OLD.status IN {_WAITING}) <> (NEW.status IN {_WAITING})) "
    "EXECUTE FUNCTION tandem_hold()",
)
# The new triggers lock the orders until COMMIT, so the sum misses no order. It may be above the
# balance, as nothing forbade that until now.
_FILL = f"""
UPDATE accounts SET held = waiting.amount
FROM (
    SELECT customer_id, sum(total) AS amount FROM orders WHERE status IN {_WAITING}
    GROUP BY customer_id
) AS waiting
WHERE user_id = waiting.customer_id
"""  # noqa: S608 - our own words
_KEEP = (
    "CREATE TRIGGER accounts_held BEFORE UPDATE OF held ON accounts "
    "FOR EACH ROW WHEN (NEW.held > OLD.held AND NEW.held > NEW.balance) "
    "EXECUTE FUNCTION tandem_unfunded()"
)


def upgrade() -> None:
    # Accounts are locked before orders, as placing and paying an order do.
    op.add_column(
        "accounts",
        sa.Column("held", sa.Numeric(20, 2), nullable=False, server_default=sa.text("0")),
    )
    op.create_check_constraint(
        op.f("accounts_held_check"), "accounts", "held >= 0 AND (kind = 'WALLET' OR held = 0)"
    )
    for statement in (*_RULES, _FILL, _KEEP):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER accounts_held ON accounts")
    op.execute("DROP TRIGGER orders_release ON orders")
    op.execute("DROP TRIGGER orders_hold ON orders")
    op.execute("DROP FUNCTION tandem_unfunded()")
    op.execute("DROP FUNCTION tandem_hold()")
    op.drop_constraint(op.f("accounts_held_check"), "accounts")
    op.drop_column("accounts", "held")
