"""Jobs by their id, and the request that wanted them

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES = {
    "jobs_job_id_idx": "CREATE UNIQUE INDEX jobs_job_id_idx ON jobs ((dedupe_key::uuid))",
    "jobs_created_job_id_idx": (
        "CREATE INDEX jobs_created_job_id_idx ON jobs (created, (dedupe_key::uuid))"
    ),
    "jobs_status_created_job_id_idx": (
        "CREATE INDEX jobs_status_created_job_id_idx ON jobs (status, created, (dedupe_key::uuid))"
    ),
}


def upgrade() -> None:
    for statement in INDEXES.values():
        op.execute(statement)
    # What is queued already says it in its payload alone.
    op.execute(
        "UPDATE jobs SET headers = jsonb_build_object("
        "'requestId', convert_from(payload, 'UTF8')::jsonb -> 'requestId') "
        "WHERE headers IS NULL AND dedupe_key IS NOT NULL"
    )


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
