"""Cursors of the log: encrypted positions, the same on every door.

A position counts what happens in the shop, so only managers are shown it. Other cursors are signed
(services/operation/cursors.py); these are encrypted too. A cursor belongs to no list and no filter:
it says how far somebody has read the log.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_POSITION_BYTES = 8


class LogCursors:
    """Writes cursors with the newest secret, and reads those that either live secret wrote."""

    def __init__(self, secret: str, previous: str | None) -> None:
        secrets = [secret] if previous is None else [secret, previous]
        # AES-SIV needs no nonce: equal positions give equal cursors, which is what is wanted.
        self._ciphers = [
            AESSIV(blake2b(text.encode(), digest_size=64, person=b"tandem-events").digest())
            for text in secrets
        ]

    def write(self, epoch: str, position: int) -> str:
        """The cursor of a position in the log of this epoch."""
        plain = UUID(epoch).bytes + position.to_bytes(_POSITION_BYTES)
        return urlsafe_b64encode(self._ciphers[0].encrypt(plain, None)).rstrip(b"=").decode()

    def read(self, cursor: str) -> tuple[str, int] | None:
        """The epoch and the position; None for what is no cursor of a log of this shop."""
        try:
            sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except ValueError:
            return None
        # Base64 can spell the same bytes in several ways; only the spelling that we wrote counts.
        if urlsafe_b64encode(sealed).rstrip(b"=").decode() != cursor:
            return None
        for cipher in self._ciphers:
            try:
                plain = cipher.decrypt(sealed, None)
            except (InvalidTag, ValueError):
                continue
            if len(plain) == 16 + _POSITION_BYTES:
                return str(UUID(bytes=plain[:16])), int.from_bytes(plain[16:])
        return None
