"""Places where sessions began, as keyed hashes

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("place", sa.LargeBinary(), nullable=True))
    op.create_index(
        "sessions_user_id_place_created_at_idx",
        "sessions",
        ["user_id", "place", "created_at"],
        postgresql_where=sa.text("place IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("sessions_user_id_place_created_at_idx", "sessions")
    op.drop_column("sessions", "place")
