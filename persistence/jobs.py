"""Jobs: work to be done after a transaction, queued inside it.

The tables are pgqueuer's, under names of ours and without the trigger that calls pg_notify: NOTIFY
takes a lock of the whole instance at COMMIT, so workers poll. A test asks pgqueuer whether it finds
its tables right.
"""

from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel

from persistence.columns import Json, Uuid, column, instant, named, table_of
from persistence.sql import Query, forget, given, nothing, value

#: ``failed`` jobs are the dead letters: tried as often as they may be, and kept.
JobStatus = postgresql.ENUM(
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
_QUEUED = sa.text("status = 'queued'")
_PICKED = sa.text("status = 'picked'")


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
    )

    id: int = column(sa.BigInteger, primary_key=True)
    priority: int = column(sa.Integer)
    queue_manager_id: str | None = column(Uuid, nullable=True)
    created: datetime = instant()
    updated: datetime = instant()
    heartbeat: datetime = instant()
    execute_after: datetime = instant()
    status: str = column(JobStatus)
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
    status: str = column(JobStatus)
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
    status: str = column(JobStatus)
    entrypoint: str = column(sa.Text)


jobs = table_of(JobTable)
job_log = table_of(JobLogTable)
job_statistics = table_of(JobStatisticsTable)

_queued = sa.literal_column("'queued'::job_status")
_job = (
    sa.insert(jobs)
    .values(
        priority=sa.literal_column("0"),
        status=_queued,
        execute_after=sa.func.now() + sa.bindparam("after", type_=sa.Interval),
        entrypoint=sa.bindparam("name", type_=sa.Text),
        dedupe_key=sa.bindparam("job_id", type_=sa.Text),
        payload=sa.bindparam("payload", type_=sa.LargeBinary),
    )
    .returning(jobs.c.id, jobs.c.priority, jobs.c.entrypoint)
    .cte("job")
)
# The job and the first line of its life, as pgqueuer writes them itself.
ENQUEUE = Query(
    sa.insert(job_log).from_select(
        ["job_id", "status", "priority", "entrypoint"],
        sa.select(_job.c.id, _queued, _job.c.priority, _job.c.entrypoint),
    ),
    nothing,
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

FORGET_LOG = forget(job_log, job_log.c.created)
FORGET_DEAD = forget(jobs, jobs.c.updated, jobs.c.status == sa.literal_column("'failed'"))
