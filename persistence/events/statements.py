"""Statements that write events, give them their positions, and forget them."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from persistence.database.columns import Instant, TextArray
from persistence.database.rows import row_plan
from persistence.database.statements import Query, given, insert_many, nothing, value
from persistence.events.tables import (
    EventHeadTable,
    event_head,
    event_outbox,
    events,
)
from persistence.users.tables import users


class Head(Struct, frozen=True):
    """The end of the log: its epoch, its newest position, and the newest one that is gone."""

    epoch: str
    position: int
    gone: int
    logged_at: datetime


class Moved(Struct, frozen=True):
    """The events that one run of the sequencer moved into the log."""

    count: int
    #: When the oldest of them was emitted; None when there was none.
    oldest: datetime | None
    #: The cache's tags that the events' transactions outdate.
    tags: list[str]


#: The columns that an event keeps in the log.
_KEPT = ("id", "type", "at", "subject", "request_id", "audience", "is_public", "is_withheld")
_KEPT += ("owner_id", "person_id")
_EACH = ["id", "type", "subject", "data", "audience", "is_public", "is_withheld", "owner_id"]
#: PostgreSQL draws ``seq`` row by row, so the events of a transaction keep their order.
INSERT_EVENTS = insert_many(event_outbox, ["at", "request_id", "tags"], [*_EACH, "person_id"])

_head = row_plan(Head, EventHeadTable)
HEAD = Query(sa.select(*_head.selected), _head.row)
LOCK_HEAD = Query(sa.select(*_head.selected).with_for_update(), _head.row)
RENEW_EPOCH = Query(
    sa.update(event_head).values(epoch=sa.func.gen_random_uuid()).returning(event_head.c.epoch),
    value,
)
#: Does any event wait for its position?
WAITS = Query(sa.select(sa.exists(sa.select(event_outbox.c.seq))), value)

_next = (
    sa.select(event_outbox.c.seq)
    .order_by(event_outbox.c.seq)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_taken = (
    sa.delete(event_outbox)
    .where(event_outbox.c.seq.in_(_next))
    .returning(*event_outbox.c)
    .cte("taken")
)
_place = sa.func.row_number().over(order_by=_taken.c.seq)
_now = sa.func.greatest(given("before", event_head.c.logged_at), sa.func.clock_timestamp())
# A transaction may tell of somebody whose account was deleted before it ended.
_is_gone = sa.exists().where(users.c.id == _taken.c.person_id, users.c.deleted_at.is_not(None))
_moved = (
    sa.insert(events)
    .from_select(
        ["position", "logged_at", "data", *_KEPT],
        sa.select(
            given("position", events.c.position) + _place,
            _now,
            sa.case((_is_gone, sa.null()), else_=_taken.c.data),
            *(_taken.c[name] for name in _KEPT),
        ),
    )
    .returning(events.c.position, events.c.logged_at)
    .cte("moved")
)
_headed = (
    sa.update(event_head)
    .where(sa.exists(sa.select(_moved.c.position)))
    .values(
        position=sa.select(sa.func.max(_moved.c.position)).scalar_subquery(),
        logged_at=sa.select(sa.func.max(_moved.c.logged_at)).scalar_subquery(),
    )
    .cte("headed")
)
_tags = sa.select(sa.func.unnest(_taken.c.tags).label("tag")).distinct().subquery("tags")
#: Moves the oldest events of the outbox into the log, behind the position of the locked head.
MOVE_EVENTS = Query(
    sa.select(
        sa.func.count(),
        sa.func.min(_taken.c.at),
        sa.cast(sa.func.array(sa.select(_tags.c.tag).scalar_subquery()), TextArray),
    )
    .select_from(_taken)
    .add_cte(_moved, _headed),
    Moved,
)

#: Makes the partitions of the coming days, and drops those whose events are older than ``kept``.
KEEP_DAYS = Query(
    sa.select(
        sa.func.tandem_event_days(
            sa.bindparam("now", type_=Instant), sa.bindparam("kept", type_=sa.Interval)
        )
    ),
    nothing,
)


def _emptied(table: sa.Table) -> Query[None]:
    about = table.c.person_id == given("user_id", table.c.person_id)
    return Query(
        sa.update(table).where(about, table.c.data.is_not(None)).values(data=sa.null()), nothing
    )


#: Remove what events tell of a person; their positions stay. The head must be locked, so that no
#: sequencer moves an event at the same time. Values: user_id.
EMPTY_EVENTS = (_emptied(event_outbox), _emptied(events))
