"""The worker: a process that runs queued jobs, beside the servers or on a machine of its own.

pgqueuer hands out the jobs; this module decides how they are tried. A job runs at least once. It
leaves the queue when its handler returns. When the handler raises, the job waits in the queue,
longer each time. After the last attempt it is dead: kept with the status ``failed``.
"""

import asyncio
import logging
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

import msgspec
import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain import models
from pgqueuer.domain.errors import RetryRequested
from structlog.contextvars import bound_contextvars

from api.job_queue import TABLES, error_name, job_queries
from persistence.database.connections import new_pool
from persistence.database.failures import Unavailable, translated
from persistence.database.transactions import QueryStats
from persistence.jobs.statements import STARTS
from services import logs
from services.events.sequencing import POLL_SECONDS as EVENT_POLL_SECONDS
from services.jobs.handlers import AT_ONCE, HANDLERS, LANES, SCHEDULES
from services.jobs.lanes import Lane, split
from services.jobs.queue import DoNotRetry, Handler, Job, put_back
from services.jobs.schedules import queue_due
from services.jobs.standstill import Standstill
from services.metrics import count_attempt
from services.periodic_tasks import PeriodicTasks
from services.process import Process, new_process
from services.process_metrics import SAMPLE_SECONDS, ProcessMetrics
from services.settings.settings import Settings
from services.shared_clock import MEASURE_SECONDS

log = structlog.get_logger("tandem.worker")

#: Connections of a lane: one fetches jobs, one records results. Handlers use others.
_CONNECTIONS = 2
#: Wait before an unreachable queue is tried again.
_AGAIN_SECONDS = 1.0


class Dead(Exception):
    """The reason why a job is not tried again; stored with the job, without personal data."""


class Worker:
    """Runs jobs until `stop` is called."""

    def __init__(
        self,
        process: Process,
        handlers: Mapping[str, Handler],
        at_once: Mapping[str, int] = {},
        lanes: Sequence[Lane] = LANES,
    ) -> None:
        self._process = process
        self._handlers = handlers
        self._at_once = at_once
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Timeout] = set()
        self._until = float("inf")
        self._lanes = split(handlers, lanes, process.settings.jobs_at_once)
        #: The lanes whose queue cannot be reached now.
        self._away: set[str] = set()
        unlimited = {lane.name: lane.jobs - {*at_once} for lane in self._lanes}
        self._standstill = Standstill(process, unlimited)

    async def run(self) -> None:
        """Run jobs; returns after `stop`, when every running job has ended."""
        looks = PeriodicTasks()
        looks.every(self._process.settings.job_poll_seconds, self._standstill.look)
        looks.start()
        try:
            async with asyncio.TaskGroup() as group:
                for lane in self._lanes:
                    group.create_task(self._keep_serving(lane))
        finally:
            await looks.stop()
            self._standstill.end()

    def stop(self) -> None:
        """Take no more jobs, and limit the time of those that run."""
        if self._stopping.is_set():
            return
        self._until = asyncio.get_running_loop().time() + self._process.settings.job_drain_seconds
        self._stopping.set()
        for limit in self._running:
            limit.reschedule(min(limit.when() or self._until, self._until))

    async def _keep_serving(self, lane: Lane) -> None:
        """Run the jobs of a lane until `stop`; a database that is away may come back."""
        while not self._stopping.is_set():
            try:
                # A job must not decide by a clock that nobody compared yet.
                await self._process.shared_clock.measured()
                await self._serve(lane)
            except Exception as error:
                self._tell_away(error)
                self._away.add(lane.name)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _AGAIN_SECONDS)

    def _tell_away(self, error: Exception) -> None:
        """Log once, for all lanes, that the queue is away."""
        known = translated(error)
        if type(known) is Unavailable:
            self._process.database.reachability.failed(error)
        elif not self._away:
            log.warning("queue away", error=error_name(known))

    async def _serve(self, lane: Lane) -> None:
        """Run the jobs of a lane over one pool of connections; raises when PostgreSQL is lost."""
        settings = self._process.settings
        limits = self._process.database.limits
        looked = partial(self._looked, lane.name)
        async with new_pool(settings.database_url, limits, 1, _CONNECTIONS) as pool:
            manager = QueueManager(
                job_queries(pool, partial(put_back, self._process), looked), TABLES.channel
            )
            manager.shutdown = self._stopping
            for name in lane.jobs:
                manager.entrypoint(
                    name,
                    on_failure="hold",
                    accepts_context=False,
                    concurrency_limit=self._at_once.get(name, 0),
                )(partial(self._attempt, self._handlers[name]))
            await manager.run(
                dequeue_timeout=timedelta(seconds=settings.job_poll_seconds),
                batch_size=lane.at_once // 2,
                max_concurrent_tasks=lane.at_once,
                heartbeat_timeout=timedelta(seconds=settings.job_lease_seconds),
                log_aggregation_interval=timedelta(0),
            )

    def _looked(self, lane: str, found: int) -> None:
        """Note that the queue has answered, with so many jobs of a lane."""
        self._away.discard(lane)
        self._process.database.reachability.answered()
        if found:
            self._standstill.took(lane)

    async def _attempt(self, handler: Handler, queued: models.Job) -> None:
        """Try a job once; raises `RetryRequested` or `Dead` when that fails."""
        with bound_contextvars(job=queued.entrypoint):
            job = self._read(queued)
        with bound_contextvars(job=queued.entrypoint, job_id=job.id, request_id=job.request_id):
            started = time.perf_counter()
            attempt = 1
            try:
                attempt = await self._starts(queued.id)
                if attempt > self._process.settings.job_attempts:
                    raise DoNotRetry("its workers ended before it did")
                await self._limited(handler, job)
            except Exception as error:
                failure = self._failure(error, attempt)
                outcome = "DEAD" if isinstance(failure, Dead) else "RETRY"
                count_attempt(queued.entrypoint, outcome, time.perf_counter() - started)
                raise failure from None
            seconds = time.perf_counter() - started
            count_attempt(queued.entrypoint, "OK", seconds)
            log.info("job", outcome="OK", attempt=attempt, seconds=round(seconds, 6))

    def _read(self, queued: models.Job) -> Job:
        """Read a queued job; raises `Dead` for a payload that Tandem did not write."""
        try:
            return msgspec.json.decode(queued.payload or b"", type=Job)
        except msgspec.DecodeError:
            raise self._failure(DoNotRetry("its payload is none of ours"), 1) from None

    async def _starts(self, number: int) -> int:
        """Count this start of the job; the count includes starts by workers that were killed."""
        starts = await self._process.database.reader(QueryStats()).one(STARTS, number=number)
        return starts or 1

    async def _limited(self, handler: Handler, job: Job) -> None:
        end = asyncio.get_running_loop().time() + self._process.settings.job_seconds
        async with asyncio.timeout_at(min(end, self._until)) as limit:
            self._running.add(limit)
            try:
                await handler(self._process, job)
            finally:
                self._running.discard(limit)

    def _failure(self, error: Exception, attempt: int) -> RetryRequested | Dead:
        """Decide whether a failed job is retried or dead.

        The text of an error is left out, because it may hold mail addresses.
        """
        settings = self._process.settings
        reason = str(error) if isinstance(error, DoNotRetry) else error_name(error)
        frames = "".join(traceback.format_tb(error.__traceback__))
        if attempt >= settings.job_attempts or isinstance(error, DoNotRetry):
            log.error("job", outcome="DEAD", attempt=attempt, error=reason, trace=frames)
            return Dead(reason)
        longest = min(
            settings.job_retry_seconds * 2 ** (attempt - 1), settings.job_retry_max_seconds
        )
        # Random delays keep jobs that failed together from returning together.
        delay = 0.0 if self._stopping.is_set() else longest * random.uniform(0.5, 1)  # noqa: S311
        log.warning("job", outcome="RETRY", attempt=attempt, error=reason, after=round(delay, 3))
        return RetryRequested(timedelta(seconds=delay), reason=reason)


class _Log(logging.Handler):
    """Writes pgqueuer's warnings to Tandem's log; failed jobs are logged already."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        # The worker's log tells of an outage once, not with each question to the queue.
        if not isinstance(error, Dead) and type(error and translated(error)) is not Unavailable:
            log.warning("queue", told=record.msg, error=error and error_name(error))


def run(settings: Settings, *, follow: bool = False) -> None:
    """Run a worker until SIGTERM or Ctrl-C, or with ``follow`` until stdin ends."""
    logs.configure(
        level=settings.least_level,
        service="tandem-worker",
        environment=settings.environment,
        scheduled=SCHEDULES,
    )
    queue_log = logging.getLogger("pgqueuer")
    queue_log.setLevel(logging.WARNING)
    queue_log.addHandler(_Log())
    queue_log.propagate = False
    if follow:
        threading.Thread(target=_follow, daemon=True).start()
    asyncio.run(_run(settings))


def _follow() -> None:
    """End this process when stdin ends: a worker must not outlive a parent that was killed."""
    # os.read takes no lock; a thread that holds the lock of sys.stdin breaks the exit.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


async def _run(settings: Settings) -> None:
    process = new_process(settings.model_copy(update={"pool_min": 1}))

    async def queue() -> None:
        await queue_due(process, SCHEDULES)

    # The tasks of the process serve requests, which a worker does not get.
    periodic_tasks = PeriodicTasks()
    periodic_tasks.every(process.settings.job_poll_seconds, queue)
    periodic_tasks.every(EVENT_POLL_SECONDS, process.sequencer.poll)
    periodic_tasks.every(MEASURE_SECONDS, process.shared_clock.measure)
    periodic_tasks.every(SAMPLE_SECONDS, ProcessMetrics(process).sample)
    worker, loop = Worker(process, HANDLERS, AT_ONCE), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(worker.stop))
    log.info("worker started", pid=os.getpid(), jobs=sorted(HANDLERS))
    periodic_tasks.start()
    try:
        await worker.run()
    finally:
        await periodic_tasks.stop()
        await process.close()
    log.info("worker stopped", pid=os.getpid())
