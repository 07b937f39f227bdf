"""Password hashes: argon2id, computed off the event loop, a few at a time.

The time of an answer must not tell whether an account exists. So a weaker hash takes today's work
after its own: a right password is hashed again, and a wrong one takes as long. A setting says
that bcrypt hashes of another system are in use. Then every password takes bcrypt's work as well.

A password is hashed in its normalised spelling. Hashes from before are of the spelling that was
typed then, so a password that has two spellings is verified in both.
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
from services.texts import same_password

# OWASP's first recommendation for argon2id: 19 MiB, two passes, one lane.
_MEMORY, _PASSES = 19_456, 2
_ARGON2 = Argon2Hasher(memory_cost=_MEMORY, time_cost=_PASSES, parallelism=1)
_BCRYPT = BcryptHasher()
# Verified where there is no account, so that this takes the same work: any hash of these parameters
# does, and making one of a password takes 40 ms of a start.
_NOBODY = f"$argon2id$v=19$m={_MEMORY},t={_PASSES},p=1${'A' * 22}${'A' * 43}"
#: The bcrypt hashes that are read: at most 15 rounds (2 s), so that no row can block a core.
_BCRYPT_HASH = re.compile(r"\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}")
#: bcrypt reads this many bytes of a password; the systems that made the hashes cut it off there.
_BCRYPT_BYTES = 72

#: Some seconds of work. A later call is refused, as it would wait for too long.
_MOST_WAITING = 50


class Passwords:
    """Hashes and verifies passwords, ``at_once`` at a time, as each takes 19 MiB and a core.

    ``bcrypt_rounds`` is 0 when no bcrypt hashes are in use. Raises `Unavailable` when too many
    calls are waiting.
    """

    def __init__(self, at_once: int, bcrypt_rounds: int = 0) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._most = at_once + _MOST_WAITING
        self._calls = 0
        # Any hash of this many rounds takes the same work.
        self._stand_in = f"$2b${bcrypt_rounds:02}${'.' * 53}" if bcrypt_rounds else None

    async def hash(self, password: str) -> str:
        """The hash to store."""
        return await self._work(_ARGON2.hash, same_password(password))

    async def verify(self, password: str, hash: str | None) -> bool:
        """Is this the password? Without a hash the answer is no, after the same work."""
        right, _ = await self.verify_and_update(password, hash)
        return right

    async def verify_and_update(self, password: str, hash: str | None) -> tuple[bool, str | None]:
        """Is this the password; and a new hash to store where the old one is too weak."""
        return await self._work(_checked_spellings, password, hash, self._stand_in)

    async def _work(self, step: Callable[..., Any], *values: Any) -> Any:
        async with self._slot():
            return await asyncio.to_thread(step, *values)

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._calls >= self._most:
            raise Unavailable
        self._calls += 1
        try:
            async with self._slots:
                yield
        finally:
            self._calls -= 1


def _checked_spellings(
    password: str, hash: str | None, stand_in: str | None
) -> tuple[bool, str | None]:
    """Check the normalised spelling, then the typed one where it differs.

    A wrong password takes the work of both, and so does an account that does not exist.
    """
    normalised = same_password(password)
    right, newer = _checked(normalised, hash, stand_in)
    if right or normalised == password:
        return right, newer
    right, _ = _checked(password, hash, stand_in)
    return right, _ARGON2.hash(normalised) if right else None


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
    """Do today's work after an older hash: a right password's new hash, or None."""
    if right:
        return True, _ARGON2.hash(password)
    _ARGON2.verify(password, _NOBODY)
    return False, None


def _bcrypt(password: str, hash: str) -> bool:
    return _BCRYPT.verify(password.encode()[:_BCRYPT_BYTES], hash)


def _parameters(hash: str | None) -> Parameters | None:
    """The parameters of an argon2 hash; None for any other hash."""
    try:
        return extract_parameters(hash) if hash else None
    except InvalidHashError:
        return None


def _weak(found: Parameters) -> bool:
    return found.type is not Type.ID or found.memory_cost < _MEMORY or found.time_cost < _PASSES
