"""Health of this process: can it reach PostgreSQL and Redis? It is not an operation."""

import asyncio
import time
from dataclasses import dataclass

import asyncpg
import structlog
from redis.exceptions import RedisError

from persistence import revision
from persistence.database.failures import DRIVER_ERRORS, NotWritable, translated
from persistence.database_url import connection_options
from services.process import Process

log = structlog.get_logger("tandem.health")

#: Time limit of a check. Probes themselves give up after a few seconds.
_CHECK_SECONDS = 2
#: Probes within this time share a check, as anybody may ask and a check opens a connection.
_SHARED_SECONDS = 1

_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
#: A few bytes of PostgreSQL's log, which need disk as every write does. Nobody reads them.
_WRITE_LOG = "SELECT pg_logical_emit_message(true, 'tandem', 'ready')"


@dataclass(frozen=True)
class Findings:
    """The result of a check."""

    database: bool
    #: The database takes writes: it is no standby, and its disk is not full.
    writable: bool
    #: The database is at the newest migration that this code knows.
    migrated: bool
    redis: bool
    #: The machine's clock is near PostgreSQL's; the process corrects a wrong one.
    clock: bool

    @property
    def status(self) -> str:
        """``ok``, ``error`` without PostgreSQL, ``degraded`` when another part is wrong."""
        if not self.database:
            return "error"
        sound = self.writable and self.migrated and self.redis and self.clock
        return "ok" if sound else "degraded"


class Health:
    """Checks PostgreSQL and Redis, at most once a second."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._check: asyncio.Task[Findings] | None = None
        self._checked_at = 0.0
        # Stays true: when a newer release migrates the database, this one still serves.
        self._migrated = False
        self._writable = True
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
        return findings.database and findings.writable and findings.migrated

    @property
    def uptime_seconds(self) -> int:
        """The age of this process."""
        return int(time.monotonic() - self._process.started_at)

    async def _check_both(self) -> Findings:
        (database, writable), redis = await asyncio.gather(
            self._check_database(), self._check_redis()
        )
        clock = self._process.shared_clock.right
        return Findings(database, writable, self._migrated, redis, clock)

    async def _check_database(self) -> tuple[bool, bool]:
        """Does PostgreSQL answer, and does it take writes?"""
        # The check opens its own connection: a busy pool does not mean that the database is down.
        url = self._process.settings.database_url
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                if not self._migrated:
                    here, newest = await revision.current(url)
                    self._migrated = here == newest
                able = await takes_writes(url)
        except (*DRIVER_ERRORS, ValueError) as error:
            self._process.database.reachability.failed(error)
            return False, False
        self._process.database.reachability.answered()
        writable = able and self._process.database.writable
        if writable != self._writable:  # told once, not with each probe
            self._writable = writable
            if writable:
                log.info("database takes writes again")
            else:
                log.warning("database takes no writes")
        return True, writable

    async def _check_redis(self) -> bool:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._process.redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            self._process.redis_reachability.failed(error)
            return False
        self._process.redis_reachability.answered()
        return True


async def takes_writes(url: str) -> bool:
    """Connect; False for a standby, a database that only reads, and one that is out of disk."""
    connection = await asyncpg.connect(**connection_options(url))
    try:
        if await connection.fetchval(_READ_ONLY):
            return False
        await connection.execute(_WRITE_LOG)
    except asyncpg.PostgresError as error:
        if isinstance(translated(error), NotWritable):
            return False
        raise
    finally:
        # A server that does not answer would not answer a farewell either.
        connection.terminate()
    return True
