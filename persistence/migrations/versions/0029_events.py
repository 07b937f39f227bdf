"""The event log: outbox, log in partitions by day, and its head; since when users have their role

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_UUID = sa.UUID(as_uuid=False)
_DAYS = r"""
CREATE FUNCTION tandem_event_days(moment timestamptz, kept interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    day date;
    part text;
    last bigint;
BEGIN
    -- No sequencer writes meanwhile.
    PERFORM FROM event_head FOR UPDATE;
    FOR day IN SELECT generate_series(moment::date, moment::date + 7, interval '1 day')::date LOOP
        part := 'events_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', part);
        EXECUTE format(
            'WITH moved AS (DELETE FROM events_default '
            'WHERE logged_at >= %L AND logged_at < %L RETURNING *) '
            'INSERT INTO %I SELECT * FROM moved', day, day + 1, part
        );
        EXECUTE format(
            'ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            part, day, day + 1
        );
    END LOOP;
    FOR part IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'events'::regclass AND relname ~ '^events_[0-9]{8}$'
            AND to_date(right(relname, 8), 'YYYYMMDD') + 1 <= moment - kept
        ORDER BY relname
    LOOP
        EXECUTE format('SELECT max(position) FROM %I', part) INTO last;
        UPDATE event_head SET gone = greatest(gone, last);
        EXECUTE format('DROP TABLE %I', part);
    END LOOP;
    WITH old AS (DELETE FROM events_default WHERE logged_at < moment - kept RETURNING position)
    SELECT max(position) INTO last FROM old;
    UPDATE event_head SET gone = greatest(gone, last);
END $$
"""
_ROLE = """
CREATE FUNCTION tandem_role() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.role_since := now();
        RETURN NEW;
    END $$
"""


def upgrade() -> None:
    op.add_column(
        "users", sa.Column("role_since", _INSTANT, server_default=sa.text("now()"), nullable=False)
    )
    op.execute(_ROLE)
    op.execute(
        "CREATE TRIGGER users_role BEFORE UPDATE OF role ON users "
        "FOR EACH ROW WHEN (OLD.role <> NEW.role) EXECUTE FUNCTION tandem_role()"
    )
    op.execute("CREATE SEQUENCE event_sequence")
    op.create_table(
        "event_outbox",
        sa.Column(
            "seq",
            sa.BigInteger(),
            server_default=sa.text("nextval('event_sequence')"),
            nullable=False,
        ),
        *_facts(),
        sa.Column("tags", sa.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("event_outbox_pkey")),
    )
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("logged_at", _INSTANT, nullable=False),
        *_facts(),
        sa.PrimaryKeyConstraint("position", "logged_at", name=op.f("events_pkey")),
        postgresql_partition_by="RANGE (logged_at)",
    )
    op.create_index("events_subject_position_idx", "events", ["subject", "position"])
    op.create_index("events_type_position_idx", "events", ["type", "position"])
    op.create_index("events_owner_id_position_idx", "events", ["owner_id", "position"])
    op.create_index(
        "events_person_id_idx",
        "events",
        ["person_id"],
        postgresql_where=sa.text("data IS NOT NULL"),
    )
    op.execute("CREATE TABLE events_default PARTITION OF events DEFAULT")
    op.create_table(
        "event_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", _UUID, server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("gone", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("logged_at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("event_head_one_row_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("event_head_pkey")),
    )
    op.execute("INSERT INTO event_head (id) VALUES (1)")
    op.execute(_DAYS)


def _facts() -> list[sa.Column[object]]:
    """The columns that an event has in the outbox and in the log."""
    return [
        sa.Column("id", _UUID, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("subject", _UUID, nullable=False),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("is_withheld", sa.Boolean(), nullable=False),
        sa.Column("owner_id", _UUID, nullable=True),
        sa.Column("person_id", _UUID, nullable=True),
    ]


def downgrade() -> None:
    op.execute("DROP FUNCTION tandem_event_days(timestamptz, interval)")
    for table in ("event_head", "events", "event_outbox"):
        op.drop_table(table)
    op.execute("DROP SEQUENCE event_sequence")
    op.execute("DROP TRIGGER users_role ON users")
    op.execute("DROP FUNCTION tandem_role()")
    op.drop_column("users", "role_since")
