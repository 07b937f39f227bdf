"""The tables of jobs: those of pgqueuer, under names of Tandem's.

The trigger that calls pg_notify is left out: NOTIFY takes a lock of the whole instance at COMMIT,
so workers poll. A test asks pgqueuer whether it finds its tables right.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel

from persistence.database.columns import Json, Uuid, column, instant, named, table_of

#: ``failed`` jobs are the dead letters: they have used up their attempts, and are kept.
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
    """The status of a job; a job that succeeded is deleted."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"


#: The queue's own names of these statuses.
QUEUE_STATUSES = {
    JobStatus.QUEUED: "queued",
    JobStatus.RUNNING: "picked",
    JobStatus.FAILED: "failed",
}
_QUEUED = sa.text("status = 'queued'")
_PICKED = sa.text("status = 'picked'")
_JOB_ID = sa.text("(dedupe_key::uuid)")


class JobTable(SQLModel, table=True):
    """A job that waits, runs or has failed for good; a job that succeeded is deleted."""

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
        # The next indexes are for the lists of admins; the queue does not need them.
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
    #: The id by which the application knows the job; the payload holds it too.
    dedupe_key: str | None = column(sa.Text, nullable=True)
    payload: bytes | None = column(sa.LargeBinary, nullable=True)
    headers: dict[str, Any] | None = column(Json, nullable=True)
    attempts: int = column(sa.Integer, "0")
    slot: int | None = column(sa.BigInteger, nullable=True)


class JobLogTable(SQLModel, table=True):
    """One step of a job. The row outlives the job, for the time that a setting gives."""

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
    """How many jobs reached a status within a second."""

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


jobs = table_of(JobTable)
job_log = table_of(JobLogTable)
job_statistics = table_of(JobStatisticsTable)
