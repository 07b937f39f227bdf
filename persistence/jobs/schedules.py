"""Schedules: when each job that runs at intervals was last queued."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

from persistence.database.columns import column, instant, named, table_of
from persistence.database.statements import Query, given, value


class ScheduleTable(SQLModel, table=True):
    """A job that is queued at intervals. The code says which jobs there are, and how often.

    The row holds when a slot was last taken, not when the next one begins, so that a changed
    interval counts at once.
    """

    __tablename__ = named("schedules")

    name: str = column(sa.Text, primary_key=True)
    taken_at: datetime = instant()


schedules = table_of(ScheduleTable)
_every = sa.bindparam("every", type_=sa.Interval)
_wanted = (
    sa.func.unnest(
        sa.bindparam("names", type_=postgresql.ARRAY(sa.Text)),
        sa.bindparam("intervals", type_=postgresql.ARRAY(sa.Interval)),
    )
    .table_valued(sa.column("name", sa.Text), sa.column("every", sa.Interval))
    .render_derived(name="wanted")
)

# Workers read first, as they look often, and TAKE_SCHEDULE locks the row even when it takes
# nothing.
#: Values: names and intervals, side by side. Answers the names whose slot is due.
DUE_SCHEDULES = Query(
    sa.select(_wanted.c.name)
    .select_from(_wanted.outerjoin(schedules, schedules.c.name == _wanted.c.name))
    .where(
        sa.func.coalesce(schedules.c.taken_at <= sa.func.now() - _wanted.c.every, sa.true()),
    ),
    value,
)
#: Takes a slot that is due. When two workers try, one gets the name and the other gets no row.
TAKE_SCHEDULE = Query(
    postgresql.insert(schedules)
    .values(name=given("name", schedules.c.name), taken_at=sa.func.now())
    .on_conflict_do_update(
        index_elements=[schedules.c.name],
        set_={"taken_at": sa.func.now()},
        where=schedules.c.taken_at <= sa.func.now() - _every,
    )
    .returning(schedules.c.name),
    value,
)
