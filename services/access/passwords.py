"""Password hashes: argon2id, off the event loop, few at a time; older hashes are taken over.

A hash that is not of today's strength takes today's work beside its own, so that a right password
is hashed anew and a wrong one takes as long. While older systems' bcrypt hashes are about (a
setting says so), every password takes their work as well: time tells no account from none.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from argon2 import Parameters, Type, extract_parameters
from argon2.exceptions import InvalidHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from services.errors.common import Unavailable

# OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
_MEMORY, _PASSES = 19_456, 2
_ARGON2 = Argon2Hasher(memory_cost=_MEMORY, time_cost=_PASSES, parallelism=1)
_BCRYPT = BcryptHasher()
# Verified against when there is no account, so that an unknown one takes the same work.
_NOBODY = _ARGON2.hash("nobody has this password")
#: What we read of bcrypt: at most 15 rounds, 2 s, so that no row keeps a core busy for hours.
_BCRYPT_HASH = re.compile(r"\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}")
#: bcrypt sees no more of a password, and the systems that these hashes come from cut it off there.
_BCRYPT_BYTES = 72

#: Some seconds of work; who comes later is better told to come again.
_MOST_WAITING = 50


class Passwords:
    """Hashes and verifies; at most ``at_once`` at a time, as each takes 19 MiB and a core.

    ``bcrypt_rounds`` are those of the bcrypt hashes that are about, 0 when there are none. Raises
    `Unavailable` when too many are waiting already.
    """

    def __init__(self, at_once: int, bcrypt_rounds: int = 0) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._most = at_once + _MOST_WAITING
        self._here = 0
        # Any hash of so many rounds takes the same work.
        self._stand_in = f"$2b${bcrypt_rounds:02}${'.' * 53}" if bcrypt_rounds else None

    async def hash(self, password: str) -> str:
        """The hash to store."""
        return await self._work(_ARGON2.hash, password)

    async def verify(self, password: str, hash: str | None) -> bool:
        """Is it the password? Without a hash the answer is no, after the same work."""
        right, _ = await self.verify_and_update(password, hash)
        return right

    async def verify_and_update(self, password: str, hash: str | None) -> tuple[bool, str | None]:
        """Is it the password; and the hash to store from now on, where the old one is too weak."""
        return await self._work(_checked, password, hash, self._stand_in)

    async def _work(self, step: Callable[..., Any], *values: Any) -> Any:
        async with self._place():
            return await asyncio.to_thread(step, *values)

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


def _checked(password: str, hash: str | None, stand_in: str | None) -> tuple[bool, str | None]:
    if hash is not None and _BCRYPT_HASH.fullmatch(hash):
        return _renewed(password, _bcrypt(password, hash))
    if stand_in is not None:
        _bcrypt(password, stand_in)
    parameters = _parameters(hash)
    if hash is None or parameters is None:
        return _renewed(password, False)
    right = _ARGON2.verify(password, hash)
    return _renewed(password, right) if _weak(parameters) else (right, None)


def _renewed(password: str, right: bool) -> tuple[bool, str | None]:
    """Today's work for what today's hash did not do: the new hash, or nothing."""
    if right:
        return True, _ARGON2.hash(password)
    _ARGON2.verify(password, _NOBODY)
    return False, None


def _bcrypt(password: str, hash: str) -> bool:
    return _BCRYPT.verify(password.encode()[:_BCRYPT_BYTES], hash)


def _parameters(hash: str | None) -> Parameters | None:
    """Those of an argon2 hash; None when it is none."""
    try:
        return extract_parameters(hash) if hash else None
    except InvalidHashError:
        return None


def _weak(found: Parameters) -> bool:
    return found.type is not Type.ID or found.memory_cost < _MEMORY or found.time_cost < _PASSES
