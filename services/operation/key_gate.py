"""The key gate: calls with the same idempotency key, one at a time in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.errors.common import IdempotencyKeyInUse, Unavailable


class KeyGate:
    """Lets calls with the same key near the database one at a time in this process.

    A waiter in the database holds a connection. So waiters wait here, without one; and the keyed
    calls that do hold one are capped below the pool's size, so that others still get through.
    """

    def __init__(self, wait_seconds: float, pool_size: int) -> None:
        self.wait_seconds = wait_seconds
        self._room = asyncio.Semaphore(max(1, pool_size * 3 // 4))
        self._busy: dict[tuple[str, str, str], _Turn] = {}

    @asynccontextmanager
    async def turn(self, caller: str, operation: str, key: str) -> AsyncIterator[None]:
        """Wait for the calls before this one; raises `IdempotencyKeyInUse` after the wait."""
        which = (caller, operation, key)
        turn = self._busy.setdefault(which, _Turn())
        turn.users += 1
        try:
            try:
                await asyncio.wait_for(turn.lock.acquire(), self.wait_seconds)
            except TimeoutError:
                raise IdempotencyKeyInUse from None
            try:
                async with self._place():
                    yield
            finally:
                turn.lock.release()
        finally:
            turn.users -= 1
            if turn.users == 0:
                del self._busy[which]

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._room.acquire(), self.wait_seconds)
        except TimeoutError:
            raise Unavailable from None
        try:
            yield
        finally:
            self._room.release()


@dataclass
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
