"""What is kept for so long and no longer.

Not the audit log: its chain would be cut. Ledger, orders and invoices stay for good.
"""

from datetime import timedelta

from persistence.api_keys import FORGET_API_KEYS
from persistence.database.statements import FORGOTTEN_AT_ONCE, Query
from persistence.database.transactions import QueryStats
from persistence.idempotency import FORGET_KEYS
from persistence.jobs.statements import FORGET_DEAD, FORGET_LOG, FORGET_TICKS
from persistence.mail_tokens import FORGET_MAIL_TOKENS
from persistence.sessions.statements import (
    FORGET_SESSIONS,
    FORGET_SPENT_TOKENS,
    FORGET_TOKENS_OF_ENDED,
)
from services.jobs.queue import Job
from services.operation.context import Process

#: An expired key may be claimed anew at this moment, by a process whose clock is behind.
_CLOCK_SKEW = timedelta(hours=1)
#: How long the log speaks of jobs that come by themselves.
_SCHEDULED_JOBS_KEPT = timedelta(hours=1)


async def forget_jobs(process: Process, _: Job) -> None:
    """Delete dead jobs, lines of the log and mailed tokens older than the settings keep them."""
    await _delete_older(process, FORGET_TICKS, _SCHEDULED_JOBS_KEPT)
    age = timedelta(days=process.settings.job_days)
    for query in (FORGET_LOG, FORGET_DEAD, FORGET_MAIL_TOKENS):
        await _delete_older(process, query, age)


async def forget_access(process: Process, _: Job) -> None:
    """Delete idempotency keys, sessions, refresh tokens and API keys that ended long ago."""
    await _delete_older(
        process, FORGET_KEYS, timedelta(hours=process.settings.key_hours) + _CLOCK_SKEW
    )
    age = timedelta(days=process.settings.ended_days)
    # Tokens first: a session is deleted once no token speaks of it.
    for query in (FORGET_SPENT_TOKENS, FORGET_TOKENS_OF_ENDED, FORGET_SESSIONS, FORGET_API_KEYS):
        await _delete_older(process, query, age)


async def _delete_older(process: Process, query: Query[int], age: timedelta) -> None:
    before = process.clock() - age
    deleted: int | None = FORGOTTEN_AT_ONCE
    while deleted == FORGOTTEN_AT_ONCE:
        async with process.database.transaction(QueryStats()) as tx:
            deleted = await tx.one(query, before=before)
