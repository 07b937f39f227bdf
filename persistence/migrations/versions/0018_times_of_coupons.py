"""Coupons' times outside 1900 to 2999 move to its ends, as the earliest ones could not be read

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


# A coupon ends after it starts, also when both times move. Null stays null.
MOVE = """
UPDATE coupons SET
    starts_at = CASE WHEN starts_at IS NOT NULL
        THEN least(greatest(starts_at, '1900-01-01T00:00Z'), '2999-12-30T00:00Z') END,
    ends_at = CASE WHEN ends_at IS NOT NULL
        THEN least(greatest(ends_at, '1900-01-02T00:00Z'), '2999-12-31T00:00Z') END
WHERE least(starts_at, ends_at) < '1900-01-01T00:00Z'
    OR greatest(starts_at, ends_at) >= '3000-01-01T00:00Z'
"""


def upgrade() -> None:
    op.execute(MOVE)


def downgrade() -> None:
    """The earlier times are not known any more, and mean the same to a buyer."""
