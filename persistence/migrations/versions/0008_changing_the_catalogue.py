"""Notes of stock movements, and limits of categories that managers write now

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CHECKS = (
    ("stock_movements", "note", "char_length(note) BETWEEN 1 AND 500"),
    ("categories", "slug_length", "char_length(slug) <= 100"),
    ("categories", "description", "char_length(description) <= 2000"),
)


def upgrade() -> None:
    op.add_column("stock_movements", sa.Column("note", sa.Text))
    for table, name, rule in CHECKS:
        op.create_check_constraint(op.f(f"{table}_{name}_check"), table, rule)


def downgrade() -> None:
    for table, name, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"{table}_{name}_check"), table)
    op.drop_column("stock_movements", "note")
