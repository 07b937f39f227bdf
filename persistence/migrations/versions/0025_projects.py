"""Projects

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    uuid = sa.UUID(as_uuid=False)
    now = sa.text("now()")
    deadline = sa.text("COALESCE(deadline, 'infinity'::date)")
    op.create_table(
        "projects",
        sa.Column("id", uuid, nullable=False),
        sa.Column("owner_id", uuid, nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'ACTIVE'"), nullable=False),
        sa.Column("budget", sa.Numeric(), nullable=True),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", instant, server_default=now, nullable=False),
        sa.Column("updated_at", instant, server_default=now, nullable=False),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name=op.f("projects_name_check")),
        sa.CheckConstraint(
            "char_length(description) <= 5000", name=op.f("projects_description_check")
        ),
        sa.CheckConstraint(
            "status IN ('ACTIVE', 'COMPLETED', 'ARCHIVED')", name=op.f("projects_status_check")
        ),
        sa.CheckConstraint(
            "budget > 0 AND budget <= 999999999.99", name=op.f("projects_budget_check")
        ),
        sa.CheckConstraint("scale(budget) <= 3", name=op.f("projects_scale_check")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("projects_owner_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("projects_pkey")),
    )
    for columns in (
        ["owner_id", "created_at", "id"],
        ["owner_id", "name", "id"],
        ["owner_id", "status", "created_at", "id"],
        ["created_at", "id"],
        ["name", "id"],
    ):
        op.create_index(f"projects_{'_'.join(columns)}_idx", "projects", columns)
    op.create_index("projects_owner_id_deadline_id_idx", "projects", ["owner_id", deadline, "id"])
    op.create_index("projects_deadline_id_idx", "projects", [deadline, "id"])
    op.execute(
        "CREATE TRIGGER projects_touch BEFORE UPDATE ON projects "
        "FOR EACH ROW EXECUTE FUNCTION tandem_touch()"
    )
    op.execute(
        "CREATE TRIGGER projects_decimals BEFORE INSERT OR UPDATE OF budget ON projects "
        "FOR EACH ROW WHEN (scale(NEW.budget) <> tandem_decimals(NEW.currency)) "
        "EXECUTE FUNCTION tandem_round('budget')"
    )


def downgrade() -> None:
    op.drop_table("projects")
