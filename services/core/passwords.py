"""Password hashes: argon2id, off the event loop, few at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.core.errors import Unavailable

# OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
_ARGON2 = Argon2Hasher(memory_cost=19_456, time_cost=2, parallelism=1)
_HASHER = PasswordHash([_ARGON2])
# Verified against when there is no account, so that an unknown one takes the same work.
_NOBODY = _HASHER.hash("nobody has this password")


#: Some seconds of work; who comes later is better told to come again.
_MOST_WAITING = 50


class Passwords:
    """Hashes and verifies; at most ``at_once`` at a time, as each takes 19 MiB and a core.

    Raises `Unavailable` when too many are waiting already.
    """

    def __init__(self, at_once: int) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._most = at_once + _MOST_WAITING
        self._here = 0

    async def hash(self, password: str) -> str:
        """The hash to store."""
        async with self._place():
            return await asyncio.to_thread(_HASHER.hash, password)

    async def verify(self, password: str, hash: str | None) -> bool:
        """Is it the password? Without a hash the answer is no, after the same work."""
        async with self._place():
            return await asyncio.to_thread(_verify, password, hash)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._here >= self._most:
            raise Unavailable
        self._here += 1
        try:
            async with self._turn:
                yield
        finally:
            self._here -= 1


def _verify(password: str, hash: str | None) -> bool:
    if hash is None or not _ARGON2.identify(hash):
        _HASHER.verify(password, _NOBODY)
        return False
    return _HASHER.verify(password, hash)
