"""What is kept for so long and no longer."""

from datetime import timedelta

from persistence.database import Tally
from persistence.jobs import FORGET_DEAD, FORGET_LOG
from persistence.mail_tokens import FORGET_MAIL_TOKENS
from persistence.sql import FORGOTTEN_AT_ONCE
from services.core.context import Process
from services.core.jobs import Job


async def forget_jobs(process: Process, _: Job) -> None:
    """Delete dead jobs, lines of the log and mailed tokens older than the settings keep them."""
    before = process.clock() - timedelta(days=process.settings.job_days)
    for query in (FORGET_LOG, FORGET_DEAD, FORGET_MAIL_TOKENS):
        gone = FORGOTTEN_AT_ONCE
        while gone == FORGOTTEN_AT_ONCE:
            async with process.database.transaction(Tally()) as tx:
                gone = await tx.one(query, before=before)
