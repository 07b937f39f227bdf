"""Events as the log holds them, and the list of those that a caller may hear."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from persistence.database.columns import TextArray
from persistence.database.listing import Listing, ascending
from persistence.database.rows import row_plan
from persistence.database.statements import Query, given, value
from persistence.database.views import view, viewer
from persistence.events.tables import EventTable, events
from persistence.users.tables import users


class LoggedEvent(Struct, frozen=True):
    """An event of the log, and whether its reader hears it for more than being public."""

    id: str
    position: int
    type: str
    at: datetime
    subject: str
    data: dict[str, Any] | None
    request_id: str
    is_withheld: bool
    is_insider: bool


_own = sa.bindparam("own_audiences", type_=TextArray)
_others = sa.bindparam("other_audiences", type_=TextArray)
# A role that was gained does not open the past.
_role_since = (
    sa.select(users.c.role_since).where(users.c.id == viewer).correlate(None).scalar_subquery()
)
_is_insider = sa.func.coalesce(
    sa.or_(
        sa.and_(events.c.owner_id == viewer, events.c.audience == sa.any_(_own)),
        sa.and_(events.c.audience == sa.any_(_others), events.c.at >= _role_since),
    ),
    sa.false(),
)
EVENT = view(
    LoggedEvent,
    EventTable,
    is_insider=_is_insider,
    visible=sa.or_(events.c.is_public, _is_insider),
)
#: Values beside the viewer's: the audiences that the viewer belongs to as the owner of a thing
#: (``own_audiences``), and of the things of others (``other_audiences``).
EVENTS = Listing(
    EVENT,
    always=EVENT.visible,
    sorts={"position": ascending(EVENT, "position")},
    filters={
        "types": events.c.type == sa.any_(sa.bindparam("types", type_=TextArray)),
        "subject": events.c.subject == given("subject", events.c.subject),
    },
)


class NewEvent(Struct, frozen=True):
    """An event of the log with those who hear it, for streams."""

    id: str
    position: int
    type: str
    at: datetime
    subject: str
    data: dict[str, Any] | None
    request_id: str
    audience: str
    owner_id: str | None
    is_public: bool
    is_withheld: bool


_new = row_plan(NewEvent, EventTable)
#: The oldest events behind a ``position``, ``limit`` at the most, whoever hears them.
NEW_EVENTS = Query(
    sa.select(*_new.selected)
    .where(events.c.position > sa.bindparam("position", type_=sa.BigInteger))
    .order_by(events.c.position)
    .limit(sa.bindparam("limit", type_=sa.BigInteger)),
    _new.row,
)
#: Since when a user has the role. Values: user_id.
ROLE_SINCE = Query(
    sa.select(users.c.role_since).where(users.c.id == given("user_id", users.c.id)), value
)
