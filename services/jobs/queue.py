"""Queue a job: work that an operation leaves for a worker, queued in its own transaction."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from persistence.database.transactions import QueryStats, Transaction
from persistence.jobs.statements import ENQUEUE, PUT_BACK
from services.ids import new_id
from services.jobs.lanes import PRIORITIES
from services.operation.context import Context, Request
from services.process import Process


class Job(Struct, frozen=True, rename="camel"):
    """A job as its handler gets it.

    ``id`` (UUIDv7) is the same in every attempt. ``request_id`` is that of the call that queued
    the job.
    """

    id: str
    request_id: str
    data: dict[str, Any]

    def request(self, process: Process) -> Request:
        """The request that the job's internal operations run in."""
        stats = QueryStats(request_id=self.request_id)
        return Request(process, id=self.request_id, face="job", stats=stats)


class DoNotRetry(Exception):
    """A handler raises this when another attempt would not help: the job fails at once.

    The text is logged and stored with the job, so it must not contain personal data.
    """


#: Runs a job; any exception is a failed attempt. A job may run again after it succeeded, when its
#: worker died before it recorded that, so a second run must not change the result.
Handler = Callable[[Process, Job], Awaitable[None]]


async def enqueue(
    ctx: Context,
    tx: Transaction,
    name: str,
    data: Mapping[str, Any],
    *,
    after: timedelta = timedelta(0),
) -> str:
    """Queue a job that runs after ``tx`` commits; returns its id.

    When ``tx`` does not commit, the job never runs. ``name`` is one of
    `services.jobs.handlers.HANDLERS`; ``data`` is stored as JSON. The job waits at least ``after``.
    """
    return await put(tx, ctx.now, ctx.request.id, name, data, after=after)


async def put(
    tx: Transaction,
    now: datetime,
    request_id: str,
    name: str,
    data: Mapping[str, Any],
    *,
    after: timedelta = timedelta(0),
) -> str:
    """Queue a job outside an operation, as a handler does, with the request id of its own job."""
    job = Job(new_id(now), request_id, dict(data))
    payload = msgspec.json.encode(job)
    await tx.write(
        ENQUEUE,
        job_id=job.id,
        name=name,
        priority=PRIORITIES.get(name, 0),
        payload=payload,
        after=after,
        request_id=request_id,
    )
    return job.id


async def put_back(process: Process, number: int, manager: str, delay: timedelta) -> None:
    """Put a failed job back into the queue if this pgqueuer manager still holds it.

    ``number`` is pgqueuer's own of the job. Raises `DatabaseError`.
    """
    async with process.database.transaction(QueryStats()) as tx:
        await tx.all(PUT_BACK, number=number, manager=manager, delay=delay)
