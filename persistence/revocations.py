"""Sessions that ended, and API keys that changed, since a process last polled."""

import sqlalchemy as sa
from msgspec import Struct

from persistence.api_keys import api_keys
from persistence.database.columns import TransactionNumber, Uuid
from persistence.database.statements import Query, given
from persistence.sessions.tables import sessions


class Ended(Struct, frozen=True):
    """A session or key that ended, and the poll's horizon. One row always has no id."""

    id: str | None
    horizon: str


_horizon = sa.cast(sa.bindparam("horizon", type_=sa.Text), TransactionNumber)
# Rows restored from another cluster have that cluster's transaction numbers. Numbers beyond this
# cluster's would be found at every poll, so they are left out.
_next = sa.func.pg_snapshot_xmax(sa.func.pg_current_snapshot(), type_=TransactionNumber)
_ended = sa.union_all(
    sa.select(sessions.c.id).where(
        sessions.c.changed_in >= _horizon,
        sessions.c.changed_in < _next,
        # Otherwise the first poll of a process would read every session that ever ended.
        sa.or_(
            sa.bindparam("horizon", type_=sa.Text) != "0",
            sessions.c.revoked_at > given("since", sessions.c.revoked_at),
        ),
    ),
    sa.select(api_keys.c.id).where(
        api_keys.c.changed_in >= _horizon,
        api_keys.c.changed_in < _next,
        sa.bindparam("horizon", type_=sa.Text) != "0",
    ),
).subquery("ended")
_here = sa.select(
    sa.cast(sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()), sa.Text).label("horizon")
).subquery("here")

#: Values: horizon ("0" at first) and since. One statement is one snapshot, so no transaction can
#: commit between the rows that it finds and the horizon that it answers.
ENDED = Query(
    sa.select(sa.cast(_ended.c.id, Uuid), _here.c.horizon).select_from(
        _here.outerjoin(_ended, sa.true())
    ),
    Ended,
)
