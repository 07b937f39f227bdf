"""Credit notes of refunds; what was given back before gets its own

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# In the order of the refunds, as the numbers will be.
ENQUEUE = """
WITH given_back AS (
    SELECT id, gen_random_uuid()::text AS job_id FROM refunds ORDER BY created_at, id
), job AS (
    INSERT INTO jobs (priority, status, entrypoint, dedupe_key, payload)
    SELECT 0, 'queued', 'invoices.credit', job_id, convert_to(json_build_object(
        'id', job_id, 'requestId', 'migration-' || job_id,
        'data', json_build_object('refundId', id))::text, 'UTF8')
    FROM given_back
    RETURNING id, priority, entrypoint
)
INSERT INTO job_log (job_id, status, priority, entrypoint)
SELECT id, 'queued', priority, entrypoint FROM job
"""


def upgrade() -> None:
    op.add_column("invoices", sa.Column("refund_id", sa.UUID(as_uuid=False), nullable=True))
    op.create_foreign_key(
        op.f("invoices_refund_id_fkey"), "invoices", "refunds", ["refund_id"], ["id"]
    )
    op.create_unique_constraint(op.f("invoices_refund_id_key"), "invoices", ["refund_id"])
    op.create_check_constraint(
        op.f("invoices_refund_check"),
        "invoices",
        "(kind = 'CREDIT_NOTE') = (refund_id IS NOT NULL)",
    )
    op.execute(ENQUEUE)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE entrypoint = 'invoices.credit'")
    # Without its refund a credit note means nothing, and append-only rows go with their trigger off.
    op.execute("ALTER TABLE invoices DISABLE TRIGGER invoices_refuse")
    op.execute("ALTER TABLE invoice_pdfs DISABLE TRIGGER invoice_pdfs_refuse")
    op.execute(
        "DELETE FROM invoice_pdfs WHERE invoice_id IN (SELECT id FROM invoices WHERE kind = 'CREDIT_NOTE')"
    )
    op.execute("DELETE FROM invoices WHERE kind = 'CREDIT_NOTE'")
    op.execute("DELETE FROM invoice_counters WHERE kind = 'CREDIT_NOTE'")
    op.execute("ALTER TABLE invoices ENABLE TRIGGER invoices_refuse")
    op.execute("ALTER TABLE invoice_pdfs ENABLE TRIGGER invoice_pdfs_refuse")
    op.drop_constraint("invoices_refund_check", "invoices")
    op.drop_constraint("invoices_refund_id_key", "invoices")
    op.drop_constraint("invoices_refund_id_fkey", "invoices")
    op.drop_column("invoices", "refund_id")
