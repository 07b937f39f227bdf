"""Indexes for what lists of users are searched and sorted by

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = {
    "users_created_at_id_idx": ["created_at", "id"],
    "users_role_created_at_id_idx": ["role", "created_at", "id"],
    "users_is_active_created_at_id_idx": ["is_active", "created_at", "id"],
    "users_username_id_idx": [sa.text('(lower(username) COLLATE "C")'), "id"],
    "users_email_idx": [sa.text('(lower(email) COLLATE "C")')],
    "users_full_name_idx": [sa.text('(lower(full_name) COLLATE "C")')],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, "users", columns)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "users")
