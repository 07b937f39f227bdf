"""Invoices, their PDFs and the counters of their numbers; what was paid before gets its invoice

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

APPEND_ONLY = ("invoices", "invoice_pdfs")
# In the order of their payments, as the numbers will be.
ENQUEUE = """
WITH paid AS (
    SELECT id, gen_random_uuid()::text AS job_id FROM orders WHERE paid_at IS NOT NULL
    ORDER BY paid_at, id
), job AS (
    INSERT INTO jobs (priority, status, entrypoint, dedupe_key, payload)
    SELECT 0, 'queued', 'invoices.issue', job_id, convert_to(json_build_object(
        'id', job_id, 'requestId', 'migration-' || job_id,
        'data', json_build_object('orderId', id))::text, 'UTF8')
    FROM paid
    RETURNING id, priority, entrypoint
)
INSERT INTO job_log (job_id, status, priority, entrypoint)
SELECT id, 'queued', priority, entrypoint FROM job
"""


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "invoices",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("corrects_id", sa.UUID(as_uuid=False), nullable=True),
        sa.Column("snapshot", postgresql.JSONB(), nullable=False),
        sa.Column("issued_at", instant, nullable=False),
        sa.CheckConstraint("kind IN ('INVOICE', 'CREDIT_NOTE')", name=op.f("invoices_kind_check")),
        sa.CheckConstraint(
            "year BETWEEN 2000 AND 9999 AND sequence > 0", name=op.f("invoices_number_check")
        ),
        sa.CheckConstraint(
            "(kind = 'CREDIT_NOTE') = (corrects_id IS NOT NULL)",
            name=op.f("invoices_corrects_check"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("invoices_order_id_fkey")),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["invoices.id"], name=op.f("invoices_corrects_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("invoices_pkey")),
        sa.UniqueConstraint("number", name=op.f("invoices_number_key")),
        sa.UniqueConstraint(
            "kind", "year", "sequence", name=op.f("invoices_kind_year_sequence_key")
        ),
    )
    op.create_index("invoices_order_id_idx", "invoices", ["order_id"])
    op.create_index("invoices_corrects_id_idx", "invoices", ["corrects_id"])
    op.create_index(
        "invoices_one_of_order_idx",
        "invoices",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'INVOICE'"),
    )
    op.create_table(
        "invoice_pdfs",
        sa.Column("invoice_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", instant, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoices.id"], name=op.f("invoice_pdfs_invoice_id_fkey")
        ),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("invoice_pdfs_pkey")),
    )
    op.create_table(
        "invoice_counters",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("issued_at", instant, nullable=True),
        sa.CheckConstraint(
            "kind IN ('INVOICE', 'CREDIT_NOTE')", name=op.f("invoice_counters_kind_check")
        ),
        sa.PrimaryKeyConstraint("kind", name=op.f("invoice_counters_pkey")),
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION tandem_refuse()"
        )
    op.execute(ENQUEUE)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE entrypoint IN ('invoices.issue', 'invoices.render')")
    for table in ("invoice_counters", "invoice_pdfs", "invoices"):
        op.drop_table(table)
