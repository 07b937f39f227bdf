"""Password hashes: argon2id, off the event loop, few at a time."""

import asyncio

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

# OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHash([Argon2Hasher(memory_cost=19_456, time_cost=2, parallelism=1)])
# Verified against when there is no account, so that an unknown one takes the same work.
_NOBODY = _HASHER.hash("nobody has this password")


class Passwords:
    """Hashes and verifies; at most ``at_once`` at a time, as each takes 19 MiB and a core."""

    def __init__(self, at_once: int) -> None:
        self._turn = asyncio.Semaphore(at_once)

    async def hash(self, password: str) -> str:
        """The hash to store."""
        async with self._turn:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def verify(self, password: str, hash: str | None) -> bool:
        """Is it the password? Without a hash the answer is no, after the same work."""
        async with self._turn:
            return await asyncio.to_thread(_verify, password, hash)


def _verify(password: str, hash: str | None) -> bool:
    matches = _HASHER.verify(password, hash or _NOBODY)
    return matches and hash is not None
