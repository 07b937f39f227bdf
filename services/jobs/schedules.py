"""Schedules: workers queue some jobs at intervals, once per interval for all workers together."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from persistence.database.transactions import QueryStats
from persistence.jobs.schedules import DUE_SCHEDULES, TAKE_SCHEDULE
from persistence.jobs.statements import UNDER_WAY
from services.ids import new_id
from services.jobs.queue import put
from services.process import Process
from services.settings.settings import Settings

#: The seconds between two jobs, by the job's name.
Schedules = Mapping[str, Callable[[Settings], float]]


async def queue_due(process: Process, schedules: Schedules) -> None:
    """Queue every job whose interval has passed, unless its last one still waits or runs.

    Intervals in which no worker ran are skipped.
    """
    intervals = {
        name: timedelta(seconds=seconds(process.settings)) for name, seconds in schedules.items()
    }
    reader = process.database.reader(QueryStats())
    for name in await reader.all(
        DUE_SCHEDULES, names=[*intervals], intervals=[*intervals.values()]
    ):
        await _queue(process, name, intervals[name])


async def _queue(process: Process, name: str, interval: timedelta) -> None:
    async with process.database.transaction(QueryStats()) as tx:
        # The row lock lasts until COMMIT, so only one worker checks the queue for this name.
        if await tx.one(TAKE_SCHEDULE, name=name, every=interval) is None:
            return
        if await tx.one(UNDER_WAY, name=name) is None:
            now = process.clock()
            await put(tx, now, new_id(now), name, {})
