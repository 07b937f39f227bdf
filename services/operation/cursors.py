"""Cursors: opaque, signed positions in a list.

A cursor holds a position: the sort's value and the id. It is signed over its operation, sort and
filters, but not over face, dialect or page size. So it works on the other face, and neither a
changed cursor nor one of another list is accepted.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Any

import msgspec

_SIGNATURE = 16


class CursorKeys:
    """Signs cursors with the newest secret, and reads those that either live secret signed."""

    def __init__(self, secret: str, previous: str | None) -> None:
        secrets = [secret] if previous is None else [secret, previous]
        self._keys = [
            blake2b(text.encode(), digest_size=32, person=b"tandem-cursor").digest()
            for text in secrets
        ]

    def write(self, scope: bytes, position: tuple[Any, str]) -> str:
        """The cursor of a position in the list that ``scope`` describes."""
        payload = msgspec.json.encode(position)
        signed = _signature(self._keys[0], scope, payload) + payload
        return urlsafe_b64encode(signed).rstrip(b"=").decode()

    def read(self, scope: bytes, cursor: str, kind: type) -> tuple[Any, str] | None:
        """The position; None when the cursor is of another list or was changed."""
        try:
            signed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except ValueError:
            return None
        signature, payload = signed[:_SIGNATURE], signed[_SIGNATURE:]
        genuine = any(
            hmac.compare_digest(signature, _signature(key, scope, payload)) for key in self._keys
        )
        # Base64 can spell the same bytes in several ways; only the spelling that we wrote counts.
        if not genuine or urlsafe_b64encode(signed).rstrip(b"=").decode() != cursor:
            return None
        return msgspec.json.decode(payload, type=tuple[kind, str])


def _signature(key: bytes, scope: bytes, payload: bytes) -> bytes:
    digest = blake2b(key=key, digest_size=_SIGNATURE)
    digest.update(len(scope).to_bytes(4, "big"))
    digest.update(scope)
    digest.update(payload)
    return digest.digest()
