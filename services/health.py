"""Health of this process: can it reach PostgreSQL and Redis? It is not an operation."""

import asyncio
import time
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError

from persistence import revision
from persistence.database.failures import DRIVER_ERRORS
from services.process import Process

log = structlog.get_logger("tandem.health")

#: Time limit of a check. Probes themselves give up after a few seconds.
_CHECK_SECONDS = 2
#: Probes within this time share a check, as anybody may ask and a check opens a connection.
_SHARED_SECONDS = 1


@dataclass(frozen=True)
class Findings:
    """The result of a check."""

    database: bool
    #: The database is at the newest migration that this code knows.
    migrated: bool
    redis: bool

    @property
    def status(self) -> str:
        """``ok``, ``degraded`` without Redis or a migration, ``error`` without PostgreSQL."""
        if not self.database:
            return "error"
        return "ok" if self.migrated and self.redis else "degraded"


class Health:
    """Checks PostgreSQL and Redis, at most once a second."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._check: asyncio.Task[Findings] | None = None
        self._checked_at = 0.0
        # Stays true: when a newer release migrates the database, this one still serves.
        self._migrated = False
        #: True when the process is about to stop: it answers, but is not ready for new requests.
        self.draining = False

    async def find(self) -> Findings:
        """Check what works right now; takes about two seconds at most, and never raises."""
        now = time.monotonic()
        if self._check is None or (self._check.done() and now - self._checked_at > _SHARED_SECONDS):
            self._check = asyncio.create_task(self._check_both())
            self._checked_at = now
        # A cancelled probe must not cancel the check that other probes wait for.
        return await asyncio.shield(self._check)

    async def ready(self) -> bool:
        """Should the load balancer send requests to this process?"""
        if self.draining:
            return False
        findings = await self.find()
        return findings.database and findings.migrated

    @property
    def uptime_seconds(self) -> int:
        """The age of this process."""
        return int((self._process.clock() - self._process.started_at).total_seconds())

    async def _check_both(self) -> Findings:
        (database, migrated), redis = await asyncio.gather(
            self._check_database(), self._check_redis()
        )
        return Findings(database, migrated, redis)

    async def _check_database(self) -> tuple[bool, bool]:
        # The check opens its own connection: a busy pool does not mean that the database is down.
        url = self._process.settings.database_url
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                here, newest = await revision.current(url)
                self._migrated |= here == newest
        except (*DRIVER_ERRORS, ValueError) as error:
            log.warning("database not reachable", error=type(error).__name__)
            return False, self._migrated
        return True, self._migrated

    async def _check_redis(self) -> bool:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._process.redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("redis not reachable", error=type(error).__name__)
            return False
        return True
