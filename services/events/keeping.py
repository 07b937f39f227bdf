"""The job that makes the log's partitions of the coming days, and drops those that are too old."""

from datetime import timedelta

from persistence.database.transactions import QueryStats
from persistence.events.statements import KEEP_DAYS
from services.jobs.queue import Job
from services.process import Process


async def keep_days(process: Process, _: Job) -> None:
    """Make the partitions of a week ahead, and drop those past the age in the settings."""
    kept = timedelta(days=process.settings.event_days)
    async with process.database.transaction(QueryStats()) as tx:
        await tx.one(KEEP_DAYS, now=process.clock(), kept=kept)
