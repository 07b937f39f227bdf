"""The audit log's chain of seals

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

UUID = postgresql.UUID(as_uuid=False)


def upgrade() -> None:
    op.add_column("audit_log", sa.Column("api_key_id", UUID, nullable=True))
    op.add_column("audit_log", sa.Column("proof", sa.LargeBinary(), nullable=True))
    op.create_table(
        "audit_unsealed",
        sa.Column("entry_id", UUID, nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("audit_unsealed_pkey")),
    )
    op.create_table(
        "audit_seals",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", UUID, nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column(
            "sealed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("position > 0", name=op.f("audit_seals_position_check")),
        sa.PrimaryKeyConstraint("position", name=op.f("audit_seals_pkey")),
        sa.UniqueConstraint("entry_id", name=op.f("audit_seals_entry_id_key")),
    )
    op.create_table(
        "audit_chain",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("audit_chain_single_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_chain_pkey")),
    )
    # Entries that are there already have no proof. They are sealed first, and how many there are
    # stands before the first seal.
    op.execute("INSERT INTO audit_unsealed (entry_id) SELECT id FROM audit_log")
    op.execute(
        "INSERT INTO audit_chain (id, position, hash) "
        "SELECT 1, 0, decode(lpad(to_hex(count(*)), 64, '0'), 'hex') FROM audit_log"
    )
    op.execute(
        "CREATE TRIGGER audit_seals_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals "
        "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_chain_refuse BEFORE DELETE OR TRUNCATE ON audit_chain "
        "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()"
    )


def downgrade() -> None:
    for table in ("audit_chain", "audit_seals", "audit_unsealed"):
        op.drop_table(table)
    op.drop_column("audit_log", "proof")
    op.drop_column("audit_log", "api_key_id")
