"""Jobs: what an operation leaves to be done after it, queued in its own transaction."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct

from persistence.database import Tally, Transaction
from persistence.jobs import ENQUEUE, FORGET_DEAD, FORGET_LOG
from persistence.mail_tokens import FORGET_MAIL_TOKENS
from persistence.sql import FORGOTTEN_AT_ONCE
from services.core.context import Context, Process, Request


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


class Hopeless(Exception):
    """Raised by a handler when trying again would not help: the job is dead at once.

    Its text is logged and kept with the job, so it says what is wrong and nothing about anybody.
    """


#: Runs a job. It may be run again after it succeeded, when its worker ended before it said so: a
#: handler leaves the same behind both times. It fails by raising, whatever it raises.
Handler = Callable[[Process, Job], Awaitable[None]]


async def enqueue(ctx: Context, tx: Transaction, name: str, data: Mapping[str, Any]) -> str:
    """Queue a job that runs once ``tx`` has committed, and never when it has not; its id.

    ``name`` is one of `services.handlers.HANDLERS`; ``data`` is written as JSON.
    """
    job = Job(ctx.new_id(), ctx.request.id, dict(data))
    await tx.all(ENQUEUE, job_id=job.id, name=name, payload=msgspec.json.encode(job))
    return job.id


async def forget_old(process: Process) -> None:
    """Delete dead jobs, lines of the log and mailed tokens older than the settings keep them."""
    before = process.clock() - timedelta(days=process.settings.job_days)
    for query in (FORGET_LOG, FORGET_DEAD, FORGET_MAIL_TOKENS):
        gone = FORGOTTEN_AT_ONCE
        while gone == FORGOTTEN_AT_ONCE:
            async with process.database.transaction(Tally()) as tx:
                gone = await tx.one(query, before=before)
