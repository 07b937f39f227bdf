"""Calls to Redis, and the breaker that skips Redis for a moment after a failure."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from persistence.reachability import Reachability

Word = str | bytes | int | float

#: Calls of a process that are under way at a time, as each one takes a connection of its own.
_AT_ONCE = 100
#: How long calls skip Redis after one failed.
PAUSE_SECONDS = 1


class RedisCalls(Protocol):
    """A way to Redis. A call fails with `RedisError` or `OSError`, within a limit of time."""

    @property
    def ordered(self) -> bool:
        """Do replies come in the order of their calls?"""
        ...

    async def call(self, *words: Word) -> Any:
        """Send one command; its reply."""
        ...

    def close(self) -> None:
        """End what the calls keep open."""
        ...


class PooledCalls:
    """Calls as redis-py makes them: each on a connection of its pool."""

    ordered = False

    def __init__(self, redis: Redis, seconds: float) -> None:
        self._redis: Any = redis
        self._seconds = seconds
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def call(self, *words: Word) -> Any:
        """Send one command; its reply."""
        async with asyncio.timeout(self._seconds), self._slots:
            return await self._redis.execute_command(*words)

    def close(self) -> None:
        """Nothing: the pool belongs to the client."""


class Script:
    """A Lua script, which Redis runs by its hash once it has seen the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(self, calls: RedisCalls, keys: Sequence[Word], arguments: Sequence[Word]) -> Any:
        """Run it; the reply."""
        words = (len(keys), *keys, *arguments)
        try:
            return await calls.call("EVALSHA", self.sha, *words)
        except NoScriptError:  # Redis sees the script for the first time, or was restarted
            return await calls.call("EVAL", self.text, *words)


class RedisBreaker:
    """The state of Redis for one part of a process; ``seconds`` is the longest a call may take."""

    def __init__(self, seconds: float, reachability: Reachability) -> None:
        self._seconds = seconds
        self._reachability = reachability
        self.away = False
        self.ask_again_at = 0.0

    def skips(self) -> bool:
        """Should this call skip Redis?

        After the pause one call tries Redis. The others go on skipping it until that call ends.
        """
        if not self.away:
            return False
        if time.monotonic() < self.ask_again_at:
            return True
        self.ask_again_at = time.monotonic() + self._seconds + PAUSE_SECONDS
        return False

    def failed(self, error: Exception) -> None:
        """Note that a call failed."""
        self.away = True
        self.ask_again_at = time.monotonic() + PAUSE_SECONDS
        self._reachability.failed(error)

    def worked(self) -> bool:
        """Note that a call succeeded; True when the one before did not."""
        changed, self.away = self.away, False
        self._reachability.answered()
        return changed
