"""Jobs: what an operation leaves to be done after it, queued in its own transaction."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from persistence.database.transactions import Transaction
from persistence.jobs.statements import ENQUEUE
from services.ids import new_id
from services.operation.context import Context, Process, Request


class Job(Struct, frozen=True, rename="camel"):
    """A job as its handler sees it.

    ``id`` (UUIDv7) is the same however often the job is run; ``request_id`` is that of the call
    that queued it.
    """

    id: str
    request_id: str
    data: dict[str, Any]

    def request(self, process: Process) -> Request:
        """What the job's internal operations are run with."""
        return Request(process, id=self.request_id, face="job")


class DoNotRetry(Exception):
    """Raised by a handler when trying again would not help: the job is dead at once.

    Its text is logged and kept with the job, so it says what is wrong and nothing about anybody.
    """


#: Runs a job. It may be run again after it succeeded, when its worker ended before it said so: a
#: handler leaves the same behind both times. It fails by raising, whatever it raises.
Handler = Callable[[Process, Job], Awaitable[None]]


async def enqueue(
    ctx: Context,
    tx: Transaction,
    name: str,
    data: Mapping[str, Any],
    *,
    after: timedelta = timedelta(0),
) -> str:
    """Queue a job that runs once ``tx`` has committed, and never when it has not; its id.

    ``name`` is one of `services.jobs.handlers.HANDLERS`; ``data`` is written as JSON. It runs no
    sooner than ``after`` from now.
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
    """The same where no operation runs, as in a handler: with the request id of its job."""
    job = Job(new_id(now), request_id, dict(data))
    payload = msgspec.json.encode(job)
    await tx.write(
        ENQUEUE, job_id=job.id, name=name, payload=payload, after=after, request_id=request_id
    )
    return job.id
