"""Statements that queue, count, retry and discard jobs."""

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from persistence.database.columns import Uuid
from persistence.database.statements import Query, forget, given, nothing, value
from persistence.jobs.schedules import schedules
from persistence.jobs.tables import QUEUE_STATUSES, job_log, jobs
from persistence.jobs.views import job_id, job_status

_queued = sa.literal_column("'queued'::job_status")
_INSERT_JOB = Query(
    sa.insert(jobs)
    .values(
        priority=sa.bindparam("priority", type_=sa.Integer),
        status=_queued,
        execute_after=sa.func.now() + sa.bindparam("after", type_=sa.Interval),
        entrypoint=sa.bindparam("name", type_=sa.Text),
        dedupe_key=sa.bindparam("job_id", type_=sa.Text),
        payload=sa.bindparam("payload", type_=sa.LargeBinary),
        headers=sa.func.jsonb_build_object(
            sa.literal_column("'requestId'"), sa.bindparam("request_id", type_=sa.Text)
        ),
    )
    .returning(jobs.c.id, jobs.c.priority, jobs.c.entrypoint),
    nothing,
)
_LOGGED = ("job_id", "status", "priority", "entrypoint")
# Writes the job and the first line of its log, as pgqueuer does.
ENQUEUE = Query(
    sa.insert(job_log).from_select(
        _LOGGED,
        sa.select(
            sa.column("id"), _queued, sa.column("priority"), sa.column("entrypoint")
        ).select_from(sa.table("queued_job")),
    ),
    nothing,
    after=("queued_job", _INSERT_JOB),
)

UNDER_WAY = Query(
    sa.select(sa.true())
    .where(
        jobs.c.entrypoint == given("name", jobs.c.entrypoint),
        jobs.c.status.in_([sa.literal_column("'queued'"), sa.literal_column("'picked'")]),
    )
    .limit(1),
    value,
)

_number = sa.bindparam("number", type_=sa.BigInteger)
_died = (
    sa.select(sa.func.coalesce(sa.func.max(job_log.c.id), 0))
    .where(job_log.c.job_id == _number, job_log.c.status == sa.literal_column("'failed'"))
    .scalar_subquery()
)
# A killed worker cannot count its attempt. So starts are counted in the queue's log, from the time
# when the job last failed for good.
STARTS = Query(
    sa.select(sa.func.count()).where(
        job_log.c.job_id == _number,
        job_log.c.status == sa.literal_column("'picked'"),
        job_log.c.id > _died,
    ),
    value,
)

_wanted = (
    sa.func.unnest(sa.bindparam("names", type_=postgresql.ARRAY(sa.Text)))
    .table_valued(sa.column("name", sa.Text))
    .render_derived(name="wanted")
)
#: Those of the names that have a job which waits although its time has come.
DUE_NAMES = Query(
    sa.select(_wanted.c.name).where(
        sa.exists().where(
            jobs.c.entrypoint == _wanted.c.name,
            jobs.c.status == _queued,
            jobs.c.execute_after <= sa.func.now(),
        )
    ),
    value,
)


class Depth(NamedTuple):
    """How many jobs of a name have a status, and how long the first of them is overdue."""

    name: str
    status: str
    count: int
    #: Seconds; None when none of them is due.
    overdue: float | None


_since = sa.func.min(jobs.c.execute_after).filter(
    jobs.c.status == _queued, jobs.c.execute_after <= sa.func.now()
)
DEPTHS = Query(
    sa.select(
        jobs.c.entrypoint,
        job_status,
        sa.func.count(),
        sa.cast(sa.extract("epoch", sa.func.now() - _since), sa.Double),
    )
    .where(
        jobs.c.status.in_([sa.literal_column(f"'{status}'") for status in QUEUE_STATUSES.values()])
    )
    .group_by(jobs.c.entrypoint, jobs.c.status),
    Depth,
)
_this = job_id == sa.bindparam("job_id", type_=Uuid)
# Waits for a worker that has locked the job. A worker that looks for jobs skips a locked one.
#: Answers the queue's own status of the job.
LOCK_JOB = Query(sa.select(sa.cast(jobs.c.status, sa.Text)).where(_this).with_for_update(), value)


def _logged(change: sa.CTE, status: str) -> Query[None]:
    """A change of the queue, and its line in the log, as pgqueuer writes them."""
    said = sa.literal_column(f"'{status}'::job_status")
    lines = sa.select(change.c.id, said, change.c.priority, change.c.entrypoint)
    columns = ["job_id", "status", "priority", "entrypoint"]
    return Query(sa.insert(job_log).from_select(columns, lines), nothing)


_told = (jobs.c.id, jobs.c.priority, jobs.c.entrypoint)
RETRY_JOB = _logged(
    sa.update(jobs)
    .where(_this)
    .values(
        status=_queued,
        execute_after=sa.func.now(),
        updated=sa.func.now(),
        attempts=0,
        queue_manager_id=None,
        slot=None,
    )
    .returning(*_told)
    .cte("retried"),
    "queued",
)
# Only for the manager that still holds the job, so that a second try changes nothing.
PUT_BACK = _logged(
    sa.update(jobs)
    .where(
        jobs.c.id == _number,
        jobs.c.status == sa.literal_column("'picked'"),
        jobs.c.queue_manager_id == sa.bindparam("manager", type_=Uuid),
    )
    .values(
        status=_queued,
        execute_after=sa.func.now() + sa.bindparam("delay", type_=sa.Interval),
        updated=sa.func.now(),
        attempts=jobs.c.attempts + 1,
        queue_manager_id=None,
        slot=None,
    )
    .returning(*_told)
    .cte("put_back"),
    "queued",
)
DISCARD_JOB = _logged(sa.delete(jobs).where(_this).returning(*_told).cte("gone"), "deleted")

FORGET_LOG = forget(job_log, job_log.c.created)
# Scheduled jobs run often, and their log says little once they have ended.
FORGET_TICKS = forget(
    job_log,
    job_log.c.created,
    job_log.c.entrypoint.in_(sa.select(schedules.c.name)),
    ~sa.exists().where(jobs.c.id == job_log.c.job_id),
)
FORGET_DEAD = forget(jobs, jobs.c.updated, jobs.c.status == sa.literal_column("'failed'"))
