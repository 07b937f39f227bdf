"""Jobs: work to be done after a transaction, queued inside it.

The tables are pgqueuer's, under names of ours and without the trigger that calls pg_notify: NOTIFY
takes a lock of the whole instance at COMMIT, so workers poll. A test asks pgqueuer whether it finds
its tables right.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, cast

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel

from persistence.database.columns import Json, Uuid, column, instant, named, table_of
from persistence.database.listing import Listing, ascending, descending
from persistence.database.statements import Query, forget, given, nothing, value
from persistence.database.views import administers, view
from persistence.jobs.schedules import schedules

#: ``failed`` jobs are the dead letters: tried as often as they may be, and kept.
QueueStatus = postgresql.ENUM(
    "queued",
    "picked",
    "successful",
    "exception",
    "canceled",
    "deleted",
    "failed",
    name="job_status",
    metadata=SQLModel.metadata,
)


class JobStatus(StrEnum):
    """Where a job stands; one that succeeded is gone."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"


#: The queue's own words for them.
QUEUE_STATUSES = {
    JobStatus.QUEUED: "queued",
    JobStatus.RUNNING: "picked",
    JobStatus.FAILED: "failed",
}
_QUEUED = sa.text("status = 'queued'")
_PICKED = sa.text("status = 'picked'")
_JOB_ID = sa.text("(dedupe_key::uuid)")


class JobTable(SQLModel, table=True):
    """A job that waits, runs or is dead; one that succeeded is gone."""

    __tablename__ = named("jobs")
    __table_args__ = (
        sa.Index("jobs_ep_ea_idx", "entrypoint", "execute_after", postgresql_where=_QUEUED),
        sa.Index(
            "jobs_ep_prio_id_idx",
            "entrypoint",
            sa.text("priority DESC"),
            "id",
            postgresql_where=_QUEUED,
        ),
        sa.Index("jobs_picked_heartbeat_idx", "heartbeat", postgresql_where=_PICKED),
        sa.Index(
            "jobs_picked_slot_idx",
            "entrypoint",
            "slot",
            unique=True,
            postgresql_where=sa.text("status = 'picked' AND slot IS NOT NULL"),
        ),
        sa.Index(
            "jobs_priority_id_id1_idx",
            "priority",
            sa.text("id DESC"),
            postgresql_include=["id"],
            postgresql_where=_QUEUED,
        ),
        sa.Index(
            "jobs_queue_manager_id_idx",
            "queue_manager_id",
            postgresql_where=sa.text("queue_manager_id IS NOT NULL"),
        ),
        sa.Index(
            "jobs_unique_dedupe_key",
            "dedupe_key",
            unique=True,
            postgresql_where=sa.text("status IN ('queued', 'picked') AND dedupe_key IS NOT NULL"),
        ),
        sa.Index(
            "jobs_updated_id_id1_idx",
            "updated",
            sa.text("id DESC"),
            postgresql_include=["id"],
            postgresql_where=_PICKED,
        ),
        # What follows is ours: the queue needs none of it, whoever looks at it does.
        sa.Index("jobs_job_id_idx", _JOB_ID, unique=True),
        sa.Index("jobs_created_job_id_idx", "created", _JOB_ID),
        sa.Index("jobs_status_created_job_id_idx", "status", "created", _JOB_ID),
    )

    id: int = column(sa.BigInteger, primary_key=True)
    priority: int = column(sa.Integer)
    queue_manager_id: str | None = column(Uuid, nullable=True)
    created: datetime = instant()
    updated: datetime = instant()
    heartbeat: datetime = instant()
    execute_after: datetime = instant()
    status: str = column(QueueStatus)
    #: The job's name, such as ``mail.verifyEmail``.
    entrypoint: str = column(sa.Text)
    #: The id under which the application knows the job, also in its payload.
    dedupe_key: str | None = column(sa.Text, nullable=True)
    payload: bytes | None = column(sa.LargeBinary, nullable=True)
    headers: dict[str, Any] | None = column(Json, nullable=True)
    attempts: int = column(sa.Integer, "0")
    slot: int | None = column(sa.BigInteger, nullable=True)


class JobLogTable(SQLModel, table=True):
    """One step in the life of a job; outlives it for as long as the settings say."""

    __tablename__ = named("job_log")
    __table_args__ = (
        sa.Index("job_log_created", "created"),
        sa.Index("job_log_job_id_status", "job_id", sa.text("created DESC")),
        sa.Index(
            "job_log_not_aggregated", sa.text("(1)"), postgresql_where=sa.text("NOT aggregated")
        ),
        sa.Index("job_log_status", "status"),
    )

    id: int = Field(
        primary_key=True, sa_type=cast(Any, sa.BigInteger), sa_column_args=[sa.Identity()]
    )
    created: datetime = instant()
    job_id: int = column(sa.BigInteger)
    status: str = column(QueueStatus)
    priority: int = column(sa.Integer)
    entrypoint: str = column(sa.Text)
    traceback: dict[str, Any] | None = column(Json, nullable=True)
    aggregated: bool | None = column(sa.Boolean, "false", nullable=True)


class JobStatisticsTable(SQLModel, table=True):
    """How many jobs came to which status in which second."""

    __tablename__ = named("job_statistics")
    __table_args__ = (
        sa.Index(
            "job_statistics_unique_count",
            "priority",
            sa.text("date_trunc('sec', timezone('UTC', created))"),
            "status",
            "entrypoint",
            unique=True,
        ),
    )

    id: int = column(sa.BigInteger, primary_key=True)
    created: datetime = instant("date_trunc('sec', now())")
    count: int = column(sa.BigInteger)
    priority: int = column(sa.Integer)
    status: str = column(QueueStatus)
    entrypoint: str = column(sa.Text)


class Job(Struct, frozen=True, rename="camel"):
    """Work that is done after the operation that wanted it."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    name: Annotated[str, Meta(description="What is to be done.")]
    status: Annotated[JobStatus, Meta(description="Where the job stands.")]
    attempts: Annotated[int, Meta(description="How often it was started.")]
    error: Annotated[
        str | None, Meta(description="Why its last attempt failed: a kind of error, or a reason.")
    ]
    created_at: Annotated[datetime, Meta(description="When it was queued.")]
    run_at: Annotated[datetime, Meta(description="It is not started sooner.")]
    request_id: Annotated[str, Meta(description="The request that wanted it.")]


jobs = table_of(JobTable)
job_log = table_of(JobLogTable)
job_statistics = table_of(JobStatisticsTable)

_queued = sa.literal_column("'queued'::job_status")
_INSERT_JOB = Query(
    sa.insert(jobs)
    .values(
        priority=sa.literal_column("0"),
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
# The job and the first line of its life, as pgqueuer writes them itself.
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
# A worker that was killed counts nothing, so starts are counted by the queue's own log, since the
# job was last dead.
STARTS = Query(
    sa.select(sa.func.count()).where(
        job_log.c.job_id == _number,
        job_log.c.status == sa.literal_column("'picked'"),
        job_log.c.id > _died,
    ),
    value,
)

_log_of = job_log.c.job_id == jobs.c.id
_starts = (
    sa.select(sa.func.count())
    .where(_log_of, job_log.c.status == sa.literal_column("'picked'"))
    .scalar_subquery()
)
# What the queue keeps of an error holds more than this; the rest is for its log alone.
_reason = sa.func.coalesce(
    job_log.c.traceback["additional_context"]["reason"].astext,
    sa.case(
        (
            job_log.c.traceback["exception_type"].astext == sa.literal_column("'Dead'"),
            job_log.c.traceback["exception_message"].astext,
        ),
    ),
)
_error = (
    sa.select(_reason)
    .where(_log_of, job_log.c.traceback.is_not(None))
    .order_by(job_log.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_status = sa.case(
    *(
        (jobs.c.status == sa.literal_column(f"'{theirs}'"), sa.literal_column(f"'{ours}'"))
        for ours, theirs in QUEUE_STATUSES.items()
    )
)
_id = sa.cast(jobs.c.dedupe_key, Uuid)


class Depth(NamedTuple):
    """How many jobs of a name have a status, and for how long the first of them is overdue."""

    name: str
    status: str
    count: int
    #: Seconds; None where none of them is due.
    overdue: float | None


_since = sa.func.min(jobs.c.execute_after).filter(
    jobs.c.status == _queued, jobs.c.execute_after <= sa.func.now()
)
DEPTHS = Query(
    sa.select(
        jobs.c.entrypoint,
        _status,
        sa.func.count(),
        sa.cast(sa.extract("epoch", sa.func.now() - _since), sa.Double),
    )
    .where(
        jobs.c.status.in_([sa.literal_column(f"'{status}'") for status in QUEUE_STATUSES.values()])
    )
    .group_by(jobs.c.entrypoint, jobs.c.status),
    Depth,
)

# Whatever else is in the table is not ours to show: a row that another program wrote has no id.
_ours = jobs.c.dedupe_key.is_not(None)
JOB = view(
    Job,
    JobTable,
    id=_id,
    name=jobs.c.entrypoint,
    status=sa.cast(_status, sa.Text),
    attempts=_starts,
    error=_error,
    created_at=jobs.c.created,
    run_at=jobs.c.execute_after,
    request_id=sa.func.coalesce(jobs.c.headers["requestId"].astext, sa.literal_column("''")),
    visible=sa.and_(administers, _ours),
)
JOBS = Listing(
    JOB,
    always=_ours,
    sorts={
        "-createdAt": descending(JOB, "created_at"),
        "createdAt": ascending(JOB, "created_at"),
    },
    filters={
        "status": jobs.c.status == given("status", jobs.c.status),
        "name": jobs.c.entrypoint == given("name", jobs.c.entrypoint),
    },
)
_this = _id == sa.bindparam("job_id", type_=Uuid)
# A worker that looks for jobs skips one that is locked; one that was quicker is waited for.
#: Answers the queue's word for where it stands.
LOCK_JOB = Query(sa.select(sa.cast(jobs.c.status, sa.Text)).where(_this).with_for_update(), value)


def _logged(change: sa.CTE, status: str) -> Query[None]:
    """A change of the queue and the line of the log that tells of it, as pgqueuer writes them."""
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
DISCARD_JOB = _logged(sa.delete(jobs).where(_this).returning(*_told).cte("gone"), "deleted")

FORGET_LOG = forget(job_log, job_log.c.created)
# Jobs that come by themselves come often, and their log says little once they are over.
FORGET_TICKS = forget(
    job_log,
    job_log.c.created,
    job_log.c.entrypoint.in_(sa.select(schedules.c.name)),
    ~sa.exists().where(jobs.c.id == job_log.c.job_id),
)
FORGET_DEAD = forget(jobs, jobs.c.updated, jobs.c.status == sa.literal_column("'failed'"))
