"""The queue as workers use it: pgqueuer over Tandem's tables, without NOTIFY."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain import models
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel, JobId
from pgqueuer.ports.driver import NotifyCallback

from persistence.database.failures import DRIVER_ERRORS, DatabaseError

log = structlog.get_logger("tandem.worker")

#: Every name is given, because pgqueuer would read the others from the environment.
TABLES = DBSettings(
    prefix="",
    db_schema=None,
    channel=Channel("tandem_jobs"),
    function="tandem_jobs_changed",
    trigger="jobs_changed",
    queue_status_type="job_status",
    queue_table="jobs",
    queue_table_log="job_log",
    statistics_table="job_statistics",
    schedules_table="job_schedules",
    durability=Durability.durable,
    widen_id=False,
)
#: Puts a job back that one manager still holds, given the job's number, the manager and the wait.
#: Raises `DatabaseError`.
PutBack = Callable[[int, str, timedelta], Awaitable[None]]


class _Polling(AsyncpgPoolDriver):
    """A driver without NOTIFY and LISTEN: a worker notifies only itself, inside its process."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self._callbacks: list[NotifyCallback] = []

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        self._callbacks.append(callback)

    async def notify(self, channel: str, payload: str) -> None:
        for callback in self._callbacks:
            callback(payload)


@dataclass
class JobQueries(Queries):
    """Queries that put a job back later when that fails, and tell how the queue answers.

    pgqueuer would mark such a job dead, or count it among its manager's running jobs for good.
    """

    put_back: PutBack = field(kw_only=True)
    #: Called with the number of jobs that each look into the queue found.
    looked: Callable[[int], None] = field(kw_only=True)
    _kept: dict[JobId, timedelta] = field(init=False, default_factory=dict)

    async def retry_job(
        self, job: models.Job, delay: timedelta, traceback_record: models.TracebackRecord | None
    ) -> None:
        """Put a failed job back into the queue, now or before a later look into it."""
        try:
            await super().retry_job(job, delay, traceback_record)
        except DRIVER_ERRORS as error:
            log.warning("job is put back later", job=job.entrypoint, error=error_name(error))
            self._kept[job.id] = delay

    async def dequeue(self, *args: Any, **kwargs: Any) -> list[models.Job]:
        """Take jobs, after the jobs are put back that could not be before."""
        await self._put_kept_back(str(kwargs["queue_manager_id"]))
        jobs = await super().dequeue(*args, **kwargs)
        for job in jobs:
            self._kept.pop(job.id, None)  # its lease ended, and it was taken again
        self.looked(len(jobs))
        return jobs

    async def _put_kept_back(self, manager: str) -> None:
        for number, delay in list(self._kept.items()):
            try:
                await self.put_back(number, manager, delay)
            except DatabaseError:
                return  # the next look tries again
            del self._kept[number]


def job_queries(pool: asyncpg.Pool, put_back: PutBack, looked: Callable[[int], None]) -> JobQueries:
    """The queries of one manager, over a pool of connections."""
    return JobQueries(
        _Polling(pool),
        QueryBuilderEnvironment(TABLES),
        QueryQueueBuilder(TABLES),
        QuerySchedulerBuilder(TABLES),
        put_back=put_back,
        looked=looked,
    )


def error_name(error: BaseException) -> str:
    """The class of an error, with a mail server's code; never its text."""
    code = getattr(error, "code", None)
    return type(error).__qualname__ + (f" {code}" if isinstance(code, int) else "")
