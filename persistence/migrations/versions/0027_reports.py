"""Indexes that reports read transfers, payments and refunds by, in the order of time

Revision ID: 0027
Revises: 0026
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_INDEXES = {
    "transfers": (["created_at", "id"], ["kind", "created_at", "id"]),
    "payments": (["created_at"],),
    "refunds": (["created_at"],),
}


def upgrade() -> None:
    for table, indexes in _INDEXES.items():
        for columns in indexes:
            op.create_index(f"{table}_{'_'.join(columns)}_idx", table, columns)


def downgrade() -> None:
    for table, indexes in _INDEXES.items():
        for columns in indexes:
            op.drop_index(f"{table}_{'_'.join(columns)}_idx", table)
