"""Calls to Redis: the one way in which the cache and the quota ask it."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

Word = str | bytes | int | float

#: Calls of a process that are under way at a time, as each one takes a connection of its own.
_AT_ONCE = 100


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
