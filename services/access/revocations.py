"""Revocations: which sessions and keys have ended, known to every process within a second.

Each process polls PostgreSQL for what was ended since its last look. Access tokens name their
session, so a read needs no statement: it asks here. When the last look is too long ago, reads ask
the database instead. Redis has no part in it.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.revocations import ENDED, Ended

#: How often a process looks, and for how long what it saw is taken for the truth: together with
#: the look itself they stay below the second that is promised.
POLL_SECONDS = 0.25
_TRUSTED_SECONDS = 0.75
#: Beyond the life of an access token: clocks differ, and a token may be issued while its session
#: is being ended.
_MARGIN = timedelta(minutes=5)


class Revocations:
    """The sessions that ended while access tokens of theirs may still be about."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], token_seconds: int
    ) -> None:
        self._database = database
        self._clock = clock
        self._kept = timedelta(seconds=token_seconds) + _MARGIN
        #: When each was heard of, by the clock that nobody sets back.
        self._ended: dict[str, float] = {}
        self._horizon = "0"
        self._looked_at = float("-inf")
        #: Counts the looks; what was read from the database during one of them is not kept.
        self.looks = 0
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    @property
    def fresh(self) -> bool:
        """Was the last look recent enough to trust?"""
        return time.monotonic() - self._looked_at < _TRUSTED_SECONDS

    def ended(self, session_id: str) -> bool:
        """Has this session ended?"""
        return session_id in self._ended

    def on_change(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Tell ``listener`` the ids of sessions and keys that changed, at every look."""
        self._listeners.append(listener)

    async def poll(self) -> None:
        """Look once; raises `Unavailable` when PostgreSQL cannot be asked."""
        started = time.monotonic()
        reader = self._database.reader(QueryStats())
        since = self._clock() - self._kept
        rows: list[Ended] = await reader.all(ENDED, horizon=self._horizon, since=since)
        ids = frozenset(row.id for row in rows if row.id is not None)
        for id in ids:
            self._ended.setdefault(id, started)
        for listener in self._listeners:
            listener(ids)
        # The snapshot's horizon, not the newest id seen: a transaction that began earlier may
        # commit later, and must be seen then.
        self._horizon = max((row.horizon for row in rows), key=int)
        self._looked_at = max(self._looked_at, started)
        self.looks += 1
        self._forget(started)

    def _forget(self, now: float) -> None:
        """Drop those whose last access token has expired; they come in the order they ended."""
        while self._ended:
            id, seen = next(iter(self._ended.items()))
            if now - seen <= self._kept.total_seconds():
                return
            del self._ended[id]
