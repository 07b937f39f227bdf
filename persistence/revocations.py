"""What was ended since a process last looked: sessions, and API keys that changed."""

import sqlalchemy as sa
from msgspec import Struct

from persistence.api_keys import api_keys
from persistence.database.columns import TransactionNumber, Uuid
from persistence.database.statements import Query, given
from persistence.sessions.tables import sessions


class Ended(Struct, frozen=True):
    """One that ended (or none, in the row that is always there), and the look's horizon."""

    id: str | None
    horizon: str


_horizon = sa.cast(sa.bindparam("horizon", type_=sa.Text), TransactionNumber)
# What was restored from another cluster has that one's numbers: higher ones would be found at every
# look until this one has come so far.
_next = sa.func.pg_snapshot_xmax(sa.func.pg_current_snapshot(), type_=TransactionNumber)
_ended = sa.union_all(
    sa.select(sessions.c.id).where(
        sessions.c.changed_in >= _horizon,
        sessions.c.changed_in < _next,
        # The first look of a process would otherwise read every session that ever ended.
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

#: Values: horizon ("0" at first) and since. One statement is one snapshot: nothing can commit
#: between what it finds and the horizon it tells.
ENDED = Query(
    sa.select(sa.cast(_ended.c.id, Uuid), _here.c.horizon).select_from(
        _here.outerjoin(_ended, sa.true())
    ),
    Ended,
)
