"""Standstill: a worker that takes no job although one is due. A file's age tells it."""

import os
import time
from collections.abc import Collection
from contextlib import suppress

import structlog

from persistence.database.failures import DatabaseError
from persistence.database.transactions import QueryStats
from persistence.jobs.statements import DUE_NAMES
from services.process import Process

log = structlog.get_logger("tandem.worker")


class Standstill:
    """When this worker last took a job, or found that none was due.

    ``names`` are the jobs that this worker may take whatever other workers do. The file in the
    settings has that time, so it grows old while the worker stands still. It also grows old while
    PostgreSQL cannot be reached.
    """

    def __init__(self, process: Process, names: Collection[str]) -> None:
        self._process = process
        self._names = list(names)
        self._well_at = time.time()
        self._logged = False

    def took(self) -> None:
        """Note that the worker has taken a job."""
        self._well_at = time.time()

    async def look(self) -> None:
        """Look whether a job is due, and give the file its time."""
        reader = self._process.database.reader(QueryStats())
        # Without an answer nobody knows what is due. The log says elsewhere that the queue is away.
        with suppress(DatabaseError):
            if not await reader.all(DUE_NAMES, names=self._names):
                self.took()
        self._touch()
        self._tell()

    def end(self) -> None:
        """Delete the file: the worker has stopped."""
        file = self._process.settings.worker_health_file
        if file is not None:
            file.unlink(missing_ok=True)

    def _touch(self) -> None:
        file = self._process.settings.worker_health_file
        if file is not None:
            file.touch()
            os.utime(file, (self._well_at, self._well_at))

    def _tell(self) -> None:
        """Log a standstill once. All places may be taken for as long as an attempt may run."""
        settings = self._process.settings
        still = time.time() - self._well_at
        if still <= settings.job_seconds + settings.job_lease_seconds:
            self._logged = False
        elif not self._logged:
            self._logged = True
            log.error("worker stands still", seconds=round(still))
