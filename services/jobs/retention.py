"""Jobs that delete old rows: jobs, tokens, sessions, idempotency keys and API keys.

The audit log is never deleted, as that would cut its chain. Ledger, orders and invoices stay too.
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
from services.process import Process

#: Extra time for idempotency keys: a process with a slow clock may still use an expired one.
_CLOCK_SKEW = timedelta(hours=1)
#: How long the job log keeps scheduled jobs.
_SCHEDULED_JOBS_KEPT = timedelta(hours=1)


async def forget_jobs(process: Process, _: Job) -> None:
    """Delete failed jobs, lines of the job log and mailed tokens past the age in the settings."""
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
    # Tokens go first: a session is deleted only when no token refers to it.
    for query in (FORGET_SPENT_TOKENS, FORGET_TOKENS_OF_ENDED, FORGET_SESSIONS, FORGET_API_KEYS):
        await _delete_older(process, query, age)


async def _delete_older(process: Process, query: Query[int], age: timedelta) -> None:
    before = process.clock() - age
    deleted: int | None = FORGOTTEN_AT_ONCE
    while deleted == FORGOTTEN_AT_ONCE:
        async with process.database.transaction(QueryStats()) as tx:
            deleted = await tx.one(query, before=before)
