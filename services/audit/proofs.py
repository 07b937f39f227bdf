"""Proofs and seals of audit entries: HMACs that show whether somebody changed the audit log.

An entry gets a *proof* when it is written, so that nobody without the secret can add an entry, or
change one before it is sealed. A worker later chains the entries by *audit seals*. The hash of a
seal covers the entry, its proof, its position and the hash before it. All keys are derived from
the secret and are never stored in the database.
"""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from persistence.audit.chain import Seal
from persistence.audit.entries import AuditEntry


class _Keys(NamedTuple):
    """The keys that are derived from one secret."""

    id: str
    entries: bytes
    seals: bytes


class AuditKeys:
    """Makes proofs and seals with the newest secret, and checks those of every secret."""

    def __init__(self, *secrets: str) -> None:
        self._keys = [_derive_keys(secret) for secret in secrets]
        self._by_id = {keys.id: keys for keys in self._keys}

    @property
    def key_id(self) -> str:
        """The id of the key that makes seals now."""
        return self._keys[0].id

    def prove(self, entry: AuditEntry) -> bytes:
        """The proof that the writer of this entry knows the secret."""
        return _compute_proof(self._keys[0], entry)

    def is_proved(self, entry: AuditEntry, proof: bytes) -> bool:
        """Does the proof show that the writer of the entry knows one of the secrets?"""
        return any(hmac.compare_digest(proof, _compute_proof(keys, entry)) for keys in self._keys)

    def seal(
        self,
        position: int,
        previous: bytes,
        sealed_at: datetime,
        entry: AuditEntry,
        proof: bytes | None,
    ) -> bytes:
        """The hash of a new seal."""
        return _compute_seal(self._keys[0], position, previous, sealed_at, entry, proof)

    def is_sealed(self, seal: Seal, entry: AuditEntry) -> bool | None:
        """Is the seal right for this entry? None when the seal's key is unknown."""
        keys = self._by_id.get(seal.key_id)
        if keys is None:
            return None
        expected = _compute_seal(
            keys, seal.position, seal.previous, seal.sealed_at, entry, seal.proof
        )
        return hmac.compare_digest(seal.hash, expected)


def _derive_keys(secret: str) -> _Keys:
    def key(purpose: str) -> bytes:
        info = f"tandem-audit-{purpose}".encode()
        return HKDF(hashes.SHA256(), 32, salt=None, info=info).derive(secret.encode())

    return _Keys(key("key-id")[:8].hex(), key("entries"), key("seals"))


def _compute_proof(keys: _Keys, entry: AuditEntry) -> bytes:
    return hmac.digest(keys.entries, _canonical(_entry_values(entry)), sha256)


def _compute_seal(
    keys: _Keys,
    position: int,
    previous: bytes,
    sealed_at: datetime,
    entry: AuditEntry,
    proof: bytes | None,
) -> bytes:
    facts = [
        position,
        previous.hex(),
        _instant(sealed_at),
        _entry_values(entry),
        proof and proof.hex(),
    ]
    return hmac.digest(keys.seals, _canonical(facts), sha256)


def _entry_values(entry: AuditEntry) -> Sequence[object]:
    """An entry's values in an order that never changes.

    The value of a new column must be added last, and only when it is not null, so that the proofs
    of older entries stay valid.
    """
    return [
        entry.id,
        entry.actor_id,
        entry.api_key_id,
        entry.action,
        entry.entity,
        entry.entity_id,
        entry.changed,
        entry.outcome,
        entry.request_id,
        _instant(entry.created_at),
    ]


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _canonical(values: Sequence[object]) -> bytes:
    """Encode as JSON, so that two different lists never give the same bytes."""
    return msgspec.json.encode(values)
