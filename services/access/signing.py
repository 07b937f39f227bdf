"""Signing keys: sealed in a table, and rotated by times that are in their rows.

Every process follows these times, so a rotation needs no message between processes.
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

#: How far the clocks of processes may differ.
CLOCK_LEEWAY = timedelta(seconds=5)
_NONCE = 12


class SealedElsewhere(Exception):
    """A stored key does not open with the secrets of this process."""

    def __init__(self) -> None:
        super().__init__(
            "The signing keys were sealed with another TANDEM_SECRET. Set TANDEM_SECRET or"
            " TANDEM_PREVIOUS_SECRET to that one. If it is lost, `tandem keys rotate"
            " --compromised` makes a new key and ends every access token."
        )


class RotationUnderWay(Exception):
    """A replaced key still verifies tokens; the next rotation waits until it does not."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"A rotation is under way until {until:%Y-%m-%d %H:%M:%S} UTC.")
        self.until = until


@dataclass(frozen=True)
class SigningKey:
    """An opened key. It signs from ``signs_from`` until the next key does."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    created_at: datetime
    signs_from: datetime
    retires_at: datetime | None = None

    def live(self, now: datetime) -> bool:
        """Are tokens that it signed still valid?"""
        return self.retires_at is None or now < self.retires_at


@dataclass(frozen=True)
class Rotation:
    """The result of a rotation: the new key, and when the keys before it end."""

    key: SigningKey
    retiring: str | None = None
    retires_at: datetime | None = None
    ended: tuple[str, ...] = ()


class Seal:
    """Seals private keys for the table; opens keys that either of two live secrets sealed."""

    def __init__(self, secret: str, previous: str | None) -> None:
        self._newest = _cipher(secret)
        self._previous = None if previous is None else _cipher(previous)

    def close(self, kid: str, private: bytes) -> bytes:
        """The sealed private key, which opens only under its own kid."""
        nonce = os.urandom(_NONCE)
        return nonce + self._newest.encrypt(nonce, private, kid.encode())

    def open(self, row: SigningKeyRow) -> Ed25519PrivateKey:
        """The private key of a row.

        Raises `SealedElsewhere` when neither secret opens it, or when it does not belong to the
        row's public key, because then Tandem did not write the row.
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
    """A new key, whose kid is a hash of its public key."""
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
    """The keys that open, by kid, oldest first; ``known`` keys are not opened again."""
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
    """Replace the current key by a new one, without refusing any valid token.

    The new key is published at once. It signs after ``publish``, when every cached copy of the
    JWKS contains it. The old key verifies until the last token that it signed has expired, after
    ``life``. Raises `RotationUnderWay` and `SealedElsewhere`.
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
    """Delete every key and sign with a new one at once; all access tokens end.

    For keys that somebody else may have, and for keys whose secret is lost.
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
