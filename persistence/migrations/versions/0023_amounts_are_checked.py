"""The rules over amounts hold for all rows

Looking at the rows takes a transaction of its own, which lets others read and write.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

OPEN = sa.text("""
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE contype = 'c' AND NOT convalidated AND connamespace = 'public'::regnamespace
""")


def upgrade() -> None:
    for table, name in op.get_bind().execute(OPEN).all():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    pass
