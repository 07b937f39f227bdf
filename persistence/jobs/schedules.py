"""Schedules: when a job that comes again and again was last queued."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

from persistence.database.columns import column, instant, named, table_of
from persistence.database.statements import Query, given, value


class ScheduleTable(SQLModel, table=True):
    """A job that is queued at intervals; which ones there are, and how often, stands in the code.

    It says when a slot was last taken and not when the next one begins, so that another interval
    counts at once.
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

# Read first: taking locks the row even where it takes nothing, and all workers look all the time.
#: Values: names and intervals, side by side. Answers the names whose slot has come.
DUE_SCHEDULES = Query(
    sa.select(_wanted.c.name)
    .select_from(_wanted.outerjoin(schedules, schedules.c.name == _wanted.c.name))
    .where(
        sa.func.coalesce(schedules.c.taken_at <= sa.func.now() - _wanted.c.every, sa.true()),
    ),
    value,
)
#: Takes a slot that has come; of two workers one, and the other one finds it taken: None.
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
