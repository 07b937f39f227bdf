"""Events of the payment provider, and what lists of deposits need

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("deposit_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("amount", sa.Numeric(20, 2), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "char_length(id) BETWEEN 1 AND 255", name=op.f("provider_events_id_check")
        ),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["deposits.id"], name=op.f("provider_events_deposit_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("provider_events_pkey")),
    )
    op.create_index("provider_events_deposit_id_idx", "provider_events", ["deposit_id"])
    op.create_index(
        "provider_events_settled_key",
        "provider_events",
        ["deposit_id"],
        unique=True,
        postgresql_where=sa.text("settled"),
    )
    op.execute(
        "CREATE TRIGGER provider_events_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()"
    )
    op.drop_index("deposits_user_id_idx", "deposits")
    op.create_index(
        "deposits_user_id_created_at_id_idx", "deposits", ["user_id", "created_at", "id"]
    )
    op.create_index("deposits_user_id_status_idx", "deposits", ["user_id", "status"])


def downgrade() -> None:
    op.drop_index("deposits_user_id_status_idx", "deposits")
    op.drop_index("deposits_user_id_created_at_id_idx", "deposits")
    op.create_index("deposits_user_id_idx", "deposits", ["user_id"])
    op.drop_table("provider_events")
