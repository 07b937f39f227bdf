"""Standstill: a worker that takes no job although one is due. A file's age tells it."""

import os
import time
from collections.abc import Collection, Mapping
from contextlib import suppress

import structlog

from persistence.database.failures import DatabaseError
from persistence.database.transactions import QueryStats
from persistence.jobs.statements import DUE_NAMES
from services.process import Process

log = structlog.get_logger("tandem.worker")


class Standstill:
    """When each lane of this worker last took a job, or had none due.

    ``lanes`` names the jobs of each lane that this worker may take whatever other workers do. The
    file in the settings has the earliest of these times, so it grows old while a lane stands still.
    It also grows old while PostgreSQL cannot be reached.
    """

    def __init__(self, process: Process, lanes: Mapping[str, Collection[str]]) -> None:
        self._process = process
        self._lanes = {lane: frozenset(names) for lane, names in lanes.items()}
        self._well_at = dict.fromkeys(lanes, time.monotonic())
        self._logged = False

    def took(self, lane: str) -> None:
        """Note that a lane has taken a job, or had none to take."""
        self._well_at[lane] = time.monotonic()

    async def look(self) -> None:
        """Look whether jobs are due, and give the file its time."""
        reader = self._process.database.reader(QueryStats())
        # Without an answer nobody knows what is due. The log says elsewhere that the queue is away.
        with suppress(DatabaseError):
            due = await reader.all(DUE_NAMES, names=[*frozenset().union(*self._lanes.values())])
            for lane, names in self._lanes.items():
                if names.isdisjoint(due):
                    self.took(lane)
        self._touch()
        self._tell()

    def end(self) -> None:
        """Delete the file: the worker has stopped."""
        file = self._process.settings.worker_health_file
        if file is not None:
            file.unlink(missing_ok=True)

    @property
    def _still(self) -> float:
        """For how many seconds a lane stands still already."""
        return time.monotonic() - min(self._well_at.values())

    def _touch(self) -> None:
        file = self._process.settings.worker_health_file
        if file is not None:
            file.touch()
            since = time.time() - self._still
            os.utime(file, (since, since))

    def _tell(self) -> None:
        """Log a standstill once. All places may be taken for as long as an attempt may run."""
        settings = self._process.settings
        if self._still <= settings.job_seconds + settings.job_lease_seconds:
            self._logged = False
        elif not self._logged:
            self._logged = True
            lane = min(self._well_at, key=self._well_at.__getitem__)
            log.error("worker stands still", lane=lane, seconds=round(self._still))
