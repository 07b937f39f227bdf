"""API keys, sessions that can be listed, and what deleting and verifying need

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


class Xid8(sa.types.UserDefinedType):
    """A transaction's number."""

    cache_ok = True

    def get_col_spec(self, **_):
        return "xid8"


FUNCTIONS = (
    """
    CREATE FUNCTION tandem_ended() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.changed_in := pg_current_xact_id();
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION tandem_standing() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE sessions SET revoked_at = now() WHERE user_id = NEW.id AND revoked_at IS NULL;
        UPDATE api_keys SET revoked_at = CASE WHEN NEW.is_active THEN NULL ELSE now() END
        WHERE user_id = NEW.id AND revoked_at IS NULL;
        RETURN NULL;
    END $$
    """,
)
TRIGGERS = (
    "CREATE TRIGGER sessions_ended BEFORE UPDATE OF revoked_at ON sessions FOR EACH ROW EXECUTE FUNCTION tandem_ended()",
    "CREATE TRIGGER api_keys_ended BEFORE UPDATE OF revoked_at ON api_keys FOR EACH ROW EXECUTE FUNCTION tandem_ended()",
    "CREATE TRIGGER users_standing AFTER UPDATE OF role, is_active ON users FOR EACH ROW WHEN (OLD.role <> NEW.role OR OLD.is_active <> NEW.is_active) EXECUTE FUNCTION tandem_standing()",
)


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("user_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", instant, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.Column("last_used_at", instant, nullable=True),
        sa.Column("revoked_at", instant, nullable=True),
        sa.Column("changed_in", Xid8(), nullable=True),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 100", name=op.f("api_keys_name_check")),
        sa.CheckConstraint(
            "cardinality(permissions) BETWEEN 1 AND 100", name=op.f("api_keys_permissions_check")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("api_keys_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("hash", name=op.f("api_keys_hash_key")),
    )
    op.create_index(
        "api_keys_user_id_created_at_id_idx", "api_keys", ["user_id", "created_at", "id"]
    )
    changed = sa.text("changed_in IS NOT NULL")
    op.create_index("api_keys_changed_in_idx", "api_keys", ["changed_in"], postgresql_where=changed)
    op.add_column(
        "sessions",
        sa.Column("used_at", instant, server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("sessions", sa.Column("changed_in", Xid8(), nullable=True))
    op.create_index("sessions_changed_in_idx", "sessions", ["changed_in"], postgresql_where=changed)
    op.create_index(
        "sessions_revoked_at_idx",
        "sessions",
        ["revoked_at"],
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )
    op.drop_index("sessions_user_id_idx", "sessions")
    op.create_index(
        "sessions_user_id_created_at_id_idx", "sessions", ["user_id", "created_at", "id"]
    )
    op.add_column("users", sa.Column("email_verified_at", instant, nullable=True))
    op.add_column("users", sa.Column("pending_email", sa.Text(), nullable=True))
    op.add_column("users", sa.Column("deleted_at", instant, nullable=True))
    op.create_check_constraint(
        op.f("users_pending_email_check"), "users", "char_length(pending_email) <= 254"
    )
    op.create_check_constraint(
        op.f("users_deleted_check"), "users", "deleted_at IS NULL OR NOT is_active"
    )
    for statement in (*FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER users_standing ON users")
    op.execute("DROP TRIGGER sessions_ended ON sessions")
    op.drop_constraint(op.f("users_deleted_check"), "users")
    op.drop_constraint(op.f("users_pending_email_check"), "users")
    op.drop_column("users", "deleted_at")
    op.drop_column("users", "pending_email")
    op.drop_column("users", "email_verified_at")
    op.create_index("sessions_user_id_idx", "sessions", ["user_id"])
    op.drop_index("sessions_user_id_created_at_id_idx", "sessions")
    op.drop_column("sessions", "changed_in")
    op.drop_column("sessions", "used_at")
    op.drop_table("api_keys")
    op.execute("DROP FUNCTION tandem_standing, tandem_ended")
