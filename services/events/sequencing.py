"""The sequencer: moves events from the outbox into the log, and gives each the next position.

Any number of processes may run one. Each run locks the log's head, so that runs follow each other.
The next statement sees every event whose transaction has committed by then, and moves them in the
order of ``seq``. A transaction that commits later gets later positions, whatever its ``seq``. A run
that dies leaves the outbox as it was.

Each worker looks into the outbox five times a second. A process with event streams looks more
often (services/events/hub.py): a look into an empty outbox is one short statement.
"""

from collections.abc import Callable
from datetime import datetime

from redis.exceptions import RedisError

from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.events.statements import LOCK_HEAD, MOVE_EVENTS, WAITS, Head, Moved
from persistence.reachability import Reachability
from services import metrics
from services.cache.cache import Cache
from services.redis_calls import RedisBreaker, RedisCalls
from services.settings.settings import Settings

#: How often a worker looks into the outbox.
POLL_SECONDS = 0.2
#: The most events that a run moves, so that it holds the head for a short time.
_AT_ONCE = 1_000


class Sequencer:
    """One process's sequencer."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        cache: Cache,
        calls: RedisCalls,
        reachability: Reachability,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._cache = cache
        self._calls = calls
        self._breaker = RedisBreaker(settings.redis_seconds, reachability)
        self._clock = clock
        #: The channel in Redis that tells of new positions.
        self.channel = f"{settings.redis_prefix}:events"

    async def poll(self) -> bool:
        """Run if events wait, and answer whether they did; raises `DatabaseError`."""
        waits = bool(await self._database.reader(QueryStats()).one(WAITS))
        if waits:
            await self.run()
        return waits

    async def run(self) -> None:
        """Move every event that waits now; raises `DatabaseError`."""
        while await self._move() == _AT_ONCE:
            pass

    async def _move(self) -> int:
        """Move some events in one transaction; answers how many."""
        async with self._database.transaction(QueryStats()) as tx:
            head = await tx.one(LOCK_HEAD)
            assert head is not None, "the log has no head"
            moved = await tx.one(
                MOVE_EVENTS, limit=_AT_ONCE, position=head.position, before=head.logged_at
            )
            assert moved is not None
            # A reader who refetches because of an event must not read what was before it. The
            # writer does the same after its COMMIT, but it may have died or be slower.
            await self._cache.bump(moved.tags)
        if moved.count:
            await self._publish(head, moved)
        return moved.count

    async def _publish(self, head: Head, moved: Moved) -> None:
        """Tell the processes with readers that there are new positions; they poll as well."""
        if moved.oldest is not None:
            lag = (self._clock() - moved.oldest).total_seconds()
            metrics.count_events(moved.count, lag)
        if self._breaker.skips():
            return
        try:
            await self._calls.call("PUBLISH", self.channel, head.position + moved.count)
            self._breaker.worked()
        except (RedisError, OSError) as error:
            self._breaker.failed(error)
