"""Signing keys: made once, sealed in a table, rotated by a plan that stands in their rows.

Every process follows the rows by time, so a rotation needs no word between processes.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.signing_keys import (
    DELETE_SIGNING_KEYS,
    INSERT_FIRST_SIGNING_KEY,
    INSERT_SIGNING_KEY,
    LOCK_SIGNING_KEYS,
    RESEAL_SIGNING_KEY,
    RETIRE_SIGNING_KEY,
    SIGNING_KEYS,
    SigningKeyRow,
)

#: How far the clocks of processes may lie apart.
CLOCK_LEEWAY = timedelta(seconds=5)
_NONCE = 12


class SealedElsewhere(Exception):
    """A stored key does not open with the secrets of this process."""

    def __init__(self) -> None:
        super().__init__(
            "The signing keys were sealed with another TANDEM_SECRET: set it, or"
            " TANDEM_PREVIOUS_SECRET, to that one. If it is lost, `tandem keys rotate"
            " --compromised` makes a new key, and every access token ends."
        )


class RotationUnderWay(Exception):
    """A key that was replaced still verifies; another rotation has to wait for its end."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"A rotation is under way until {until:%Y-%m-%d %H:%M:%S} UTC.")
        self.until = until


@dataclass(frozen=True)
class SigningKey:
    """An opened key. It signs from ``signs_from`` until the next one does."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    created_at: datetime
    signs_from: datetime
    retires_at: datetime | None = None

    def live(self, now: datetime) -> bool:
        """Does what it signed still count?"""
        return self.retires_at is None or now < self.retires_at


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: the new key, and what becomes of those before it."""

    key: SigningKey
    retiring: str | None = None
    retires_at: datetime | None = None
    ended: tuple[str, ...] = ()


class Seal:
    """Seals private keys for the table; opens what either of two live secrets sealed."""

    def __init__(self, secret: str, previous: str | None) -> None:
        self._newest = _cipher(secret)
        self._previous = None if previous is None else _cipher(previous)

    def close(self, kid: str, private: bytes) -> bytes:
        """The private key as it is stored; it opens under its own kid alone."""
        nonce = os.urandom(_NONCE)
        return nonce + self._newest.encrypt(nonce, private, kid.encode())

    def open(self, row: SigningKeyRow) -> Ed25519PrivateKey:
        """The private key of a row; raises `SealedElsewhere`.

        A row whose public key is not that of its sealed private one was not written by us.
        """
        private = self._opened(self._newest, row)
        if private is None and self._previous is not None:
            private = self._opened(self._previous, row)
        if private is None or private.public_key().public_bytes_raw() != row.public_key:
            raise SealedElsewhere
        return private

    def is_newest(self, row: SigningKeyRow) -> bool:
        """Was the row sealed with the newest secret?"""
        return self._opened(self._newest, row) is not None

    @staticmethod
    def _opened(cipher: AESGCM, row: SigningKeyRow) -> Ed25519PrivateKey | None:
        nonce, sealed = row.sealed[:_NONCE], row.sealed[_NONCE:]
        try:
            private = cipher.decrypt(nonce, sealed, row.kid.encode())
        except (InvalidTag, ValueError):
            return None
        return Ed25519PrivateKey.from_private_bytes(private)


def _cipher(secret: str) -> AESGCM:
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"tandem-signing-keys").derive(secret.encode())
    return AESGCM(key)


def new_key(now: datetime, signs_from: datetime) -> SigningKey:
    """A new key; its kid is a hash of its public part."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    kid = sha256(public.public_bytes_raw()).hexdigest()[:16]
    return SigningKey(kid, private, public, now, signs_from)


async def stored_keys(database: Database, seal: Seal, now: datetime) -> list[SigningKeyRow]:
    """The rows of the table, oldest first; makes the first key when there is none."""
    reader = database.reader(QueryStats())
    rows = await reader.all(SIGNING_KEYS)
    if all(row.retires_at is not None for row in rows):
        await reader.all(INSERT_FIRST_SIGNING_KEY, **_row(seal, new_key(now, now)))
        rows = await reader.all(SIGNING_KEYS)
    return rows


def opened(
    seal: Seal, rows: Iterable[SigningKeyRow], known: Mapping[str, SigningKey]
) -> dict[str, SigningKey]:
    """The keys that open, by kid, oldest first; what is ``known`` need not be opened again."""
    found: dict[str, SigningKey] = {}
    for row in rows:
        times = {"signs_from": row.signs_from, "retires_at": row.retires_at}
        if row.kid in known:
            found[row.kid] = replace(known[row.kid], **times)
            continue
        try:
            private = seal.open(row)
        except SealedElsewhere:
            continue
        found[row.kid] = SigningKey(row.kid, private, private.public_key(), row.created_at, **times)
    return found


async def rotate(
    database: Database, seal: Seal, now: datetime, *, publish: timedelta, life: timedelta
) -> Rotation:
    """Put a new key in the place of the current one, so that no token is refused by it.

    The new key is published at once and signs when every copy of the JWKS, kept for ``publish``,
    shows it. The old one verifies until the last token it signed, with this ``life``, has ended.
    Raises `RotationUnderWay` and `SealedElsewhere`.
    """
    async with database.transaction(QueryStats()) as tx:
        await tx.run(LOCK_SIGNING_KEYS)
        rows = await tx.all(SIGNING_KEYS)
        for row in rows:
            if row.retires_at is not None and row.retires_at > now:
                raise RotationUnderWay(row.retires_at)
        await tx.all(DELETE_SIGNING_KEYS, kids=[row.kid for row in rows if row.retires_at])
        current = next((row for row in rows if row.retires_at is None), None)
        if current is None:
            key = new_key(now, now)
            await tx.all(INSERT_SIGNING_KEY, **_row(seal, key))
            return Rotation(key)
        private = seal.open(current)
        if not seal.is_newest(current):
            resealed = seal.close(current.kid, private.private_bytes_raw())
            await tx.all(RESEAL_SIGNING_KEY, which=current.kid, resealed=resealed)
        key = new_key(now, now + publish + CLOCK_LEEWAY)
        ends = key.signs_from + life + CLOCK_LEEWAY
        await tx.all(RETIRE_SIGNING_KEY, which=current.kid, ends=ends)
        await tx.all(INSERT_SIGNING_KEY, **_row(seal, key))
        return Rotation(key, current.kid, ends)


async def replace_at_once(database: Database, seal: Seal, now: datetime) -> Rotation:
    """Forget every key and sign with a new one at once: what was signed before is refused.

    For keys that somebody else may have, and for those whose secret is lost.
    """
    async with database.transaction(QueryStats()) as tx:
        await tx.run(LOCK_SIGNING_KEYS)
        rows = await tx.all(SIGNING_KEYS)
        ended = tuple(row.kid for row in rows)
        await tx.all(DELETE_SIGNING_KEYS, kids=list(ended))
        key = new_key(now, now)
        await tx.all(INSERT_SIGNING_KEY, **_row(seal, key))
    return Rotation(key, ended=ended)


def _row(seal: Seal, key: SigningKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "public_key": key.public.public_bytes_raw(),
        "sealed": seal.close(key.kid, key.private.private_bytes_raw()),
        "created_at": key.created_at,
        "signs_from": key.signs_from,
    }
