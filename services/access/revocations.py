"""Revocations: the sessions and API keys that have ended, known to every process within a second.

Each process polls PostgreSQL for sessions and keys that ended since its last poll. An access token
names its session, so a read asks here and needs no statement. When the last poll is too long ago,
reads ask the database instead. Redis has no part in this.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.revocations import ENDED, Ended

#: How often a process polls, and how long a poll is trusted. Together with the poll itself they
#: stay below the promised second.
POLL_SECONDS = 0.25
_TRUSTED_SECONDS = 0.75
#: Added to the life of an access token: clocks differ, and a token may be issued while its session
#: is being ended.
_MARGIN = timedelta(minutes=5)


class Revocations:
    """The sessions that ended so recently that their access tokens may not have expired."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], token_seconds: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._remembered = timedelta(seconds=token_seconds) + _MARGIN
        #: When a poll found each session or key, by the monotonic clock.
        self._ended: dict[str, float] = {}
        self._horizon = "0"
        self._polled_at = float("-inf")
        #: How many polls have ended. A row that was read during a poll is not remembered.
        self.polls = 0
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    @property
    def fresh(self) -> bool:
        """Is the last poll recent enough to trust?"""
        return time.monotonic() - self._polled_at < _TRUSTED_SECONDS

    def ended(self, session_id: str) -> bool:
        """Has this session ended?"""
        return session_id in self._ended

    def on_change(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Call ``listener`` after every poll, with the ids of sessions and keys that changed."""
        self._listeners.append(listener)

    async def poll(self) -> None:
        """Poll once; raises `Unavailable` when PostgreSQL cannot be reached."""
        started = time.monotonic()
        reader = self._database.reader(QueryStats())
        since = self._clock() - self._remembered
        rows: list[Ended] = await reader.all(ENDED, horizon=self._horizon, since=since)
        ids = frozenset(row.id for row in rows if row.id is not None)
        for id in ids:
            self._ended.setdefault(id, started)
        for listener in self._listeners:
            listener(ids)
        # The snapshot's horizon, not the newest id found: a transaction that began earlier may
        # commit later, and the next poll must find it.
        self._horizon = max((row.horizon for row in rows), key=int)
        self._polled_at = max(self._polled_at, started)
        self.polls += 1
        self._forget(started)

    def _forget(self, now: float) -> None:
        """Forget sessions whose last access token has expired; they are in the order found."""
        while self._ended:
            id, seen = next(iter(self._ended.items()))
            if now - seen <= self._remembered.total_seconds():
                return
            del self._ended[id]
