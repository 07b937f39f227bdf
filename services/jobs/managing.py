"""Operations of jobs, for admins: list them, retry failed ones, discard waiting or failed ones."""

from typing import Annotated, Literal

from pydantic import Field

from persistence.database.transactions import QueryStats, Transaction
from persistence.jobs.statements import DEPTHS, DISCARD_JOB, LOCK_JOB, RETRY_JOB, Depth
from persistence.jobs.tables import QUEUE_STATUSES, JobStatus
from persistence.jobs.views import JOB, JOBS, Job
from services.access.permissions import Permission
from services.done import Done
from services.errors.jobs import JobNotFound, JobStatusInvalid
from services.events.types import none
from services.operation import paging
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, Line, PathId
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.process import Process


class ListJobs(Paged):
    """Filters and sort of the list of jobs."""

    status: JobStatus | None = Field(None, description="The jobs' status.", strict=False)
    name: Annotated[Line, Field(min_length=1, max_length=100)] | None = Field(
        None, description="Name of the job, such as invoices.issue."
    )
    sort: Literal["-createdAt", "createdAt"] = Field(
        "-createdAt", description="How the list is sorted."
    )


class JobId(Input):
    """The job."""

    id: PathId = Field(description="The job's id.")


@operation("jobs.list", who=Permission.JOBS_READ_ALL, input=ListJobs, result=Job, paged=True)
async def list_(ctx: Context, input: ListJobs) -> Page[Job]:
    """List the jobs that wait, run or have failed, newest first. Succeeded jobs are deleted."""
    status = input.status and QUEUE_STATUSES[input.status]
    filters = {"status": status, "name": input.name}
    return await paging.page(ctx, JOBS, input, input.sort, filters)


@operation("jobs.get", who=Permission.JOBS_READ_ALL, input=JobId, result=Job, errors=[JobNotFound])
async def get(ctx: Context, input: JobId) -> Job:
    """Read one job. A succeeded job is deleted at once, a failed one after some days."""
    job = await ctx.reader.one(JOB.by_ids, ids=[input.id], **ctx.viewer_values)
    if job is None:
        raise JobNotFound
    return job


@operation(
    "jobs.retry",
    who=Permission.JOBS_WRITE_ALL,
    input=JobId,
    result=Job,
    errors=[JobNotFound, JobStatusInvalid],
    writes=True,
    emits=none("Operators follow the queue by its metrics."),
    key=Key.OPTIONAL,
)
async def retry(ctx: Context, tx: Transaction, input: JobId) -> Job:
    """Queue a failed job again, with the full number of attempts."""
    await _lock_job(ctx, tx, input.id, {JobStatus.FAILED})
    await tx.all(RETRY_JOB, job_id=input.id)
    [job] = await tx.all(JOB.stored, ids=[input.id])
    return job


@operation(
    "jobs.discard",
    who=Permission.JOBS_WRITE_ALL,
    input=JobId,
    result=Done,
    errors=[JobNotFound, JobStatusInvalid],
    writes=True,
    emits=none("Operators follow the queue by its metrics."),
    key=Key.OPTIONAL,
)
async def discard(ctx: Context, tx: Transaction, input: JobId) -> Done:
    """Discard a job that has failed or still waits: it will never run.

    Its work stays undone. A running job cannot be stopped.
    """
    await _lock_job(ctx, tx, input.id, {JobStatus.FAILED, JobStatus.QUEUED})
    await tx.all(DISCARD_JOB, job_id=input.id)
    return Done()


async def depths(process: Process) -> list[Depth]:
    """Count the jobs by name and status, for `/metrics`."""
    return await process.database.reader(QueryStats()).all(DEPTHS)


async def _lock_job(ctx: Context, tx: Transaction, job_id: str, allowed: set[JobStatus]) -> None:
    """Lock the job so that no worker takes it; raises `JobNotFound` or `JobStatusInvalid`."""
    status = await tx.one(LOCK_JOB, job_id=job_id)
    if status is None:
        raise JobNotFound
    ctx.record("job", job_id, "status")
    if status not in {QUEUE_STATUSES[each] for each in allowed}:
        raise JobStatusInvalid
