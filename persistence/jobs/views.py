"""Jobs as admins see them."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.database.columns import Uuid
from persistence.database.listing import Listing, ascending, descending
from persistence.database.statements import given
from persistence.database.views import administers, view
from persistence.jobs.tables import QUEUE_STATUSES, JobStatus, JobTable, job_log, jobs


class Job(Struct, frozen=True, rename="camel"):
    """Work that a worker does after the operation that queued it."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    name: Annotated[str, Meta(description="The kind of work.")]
    status: Annotated[JobStatus, Meta(description="The job's status.")]
    attempts: Annotated[int, Meta(description="How often the job was started.")]
    error: Annotated[
        str | None, Meta(description="Why the last attempt failed: a kind of error, or a reason.")
    ]
    created_at: Annotated[datetime, Meta(description="When the job was queued.")]
    run_at: Annotated[datetime, Meta(description="The job is not started before this time.")]
    request_id: Annotated[str, Meta(description="The id of the request that queued it.")]


_log_of = job_log.c.job_id == jobs.c.id
_starts = (
    sa.select(sa.func.count())
    .where(_log_of, job_log.c.status == sa.literal_column("'picked'"))
    .scalar_subquery()
)
# The queue keeps more of an error than this; the rest is not shown.
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
job_status = sa.case(
    *(
        (jobs.c.status == sa.literal_column(f"'{theirs}'"), sa.literal_column(f"'{ours}'"))
        for ours, theirs in QUEUE_STATUSES.items()
    )
)
job_id = sa.cast(jobs.c.dedupe_key, Uuid)

# Rows of other programs are not shown: they have no id.
_ours = jobs.c.dedupe_key.is_not(None)
JOB = view(
    Job,
    JobTable,
    id=job_id,
    name=jobs.c.entrypoint,
    status=sa.cast(job_status, sa.Text),
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
