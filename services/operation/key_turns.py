"""Turns of idempotency keys: calls with the same key run one at a time in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.errors.common import IdempotencyKeyInUse, Unavailable


class KeyTurns:
    """One lock for each idempotency key in use, and a limit on all keyed calls together.

    A call that waits for a key in the database holds a connection; a call that waits here holds
    none. The limit is below the pool's size, so that calls without a key still get connections.
    """

    def __init__(self, wait_seconds: float, pool_size: int) -> None:
        self.wait_seconds = wait_seconds
        self._slots = asyncio.Semaphore(max(1, pool_size * 3 // 4))
        self._locks: dict[tuple[str, str, str], _Lock] = {}

    @asynccontextmanager
    async def acquire(self, caller: str, operation: str, key: str) -> AsyncIterator[None]:
        """Hold the lock of a key in the block.

        Raises `IdempotencyKeyInUse` when earlier calls with the key take longer than the wait, and
        `Unavailable` when other keyed calls do.
        """
        which = (caller, operation, key)
        lock = self._locks.setdefault(which, _Lock())
        lock.users += 1
        try:
            try:
                await asyncio.wait_for(lock.lock.acquire(), self.wait_seconds)
            except TimeoutError:
                raise IdempotencyKeyInUse from None
            try:
                async with self._slot():
                    yield
            finally:
                lock.lock.release()
        finally:
            lock.users -= 1
            if lock.users == 0:
                del self._locks[which]

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._slots.acquire(), self.wait_seconds)
        except TimeoutError:
            raise Unavailable from None
        try:
            yield
        finally:
            self._slots.release()


@dataclass
class _Lock:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: Calls that hold the lock or wait for it.
    users: int = 0
