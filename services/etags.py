"""Entity tags and conditions on them.

A tag is ``<version>-<last 8 hex digits of the id>.<hash of the whole v2 representation>``. Reads
compare all of it. Writes compare the part before the dot, because the hash also changes with what
changes by itself, such as stock.
"""

from hashlib import blake2b
from typing import Any, Protocol

import msgspec

#: Names this form of tags, so that releases with another form share no cached answers.
FORM = b"version-id.hash"

_WEAK = "W/"


class Versioned(Protocol):
    """Anything with an id that counts its changes."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...


def entity_tag(entity: Versioned) -> str:
    """The bare tag of an entity, which REST puts in quotes."""
    return tag_of(entity, msgspec.json.encode(entity))


def tag_of(entity: Versioned, written: bytes) -> str:
    """The bare tag of an entity whose v2 representation is ``written``."""
    return f"{_version_of(entity)}.{blake2b(written, digest_size=8).hexdigest()}"


def names_tag(condition: str, tag: str) -> bool:
    """Does an If-None-Match value name this whole tag? A weak tag counts as a strong one."""
    return any(given.removeprefix(_WEAK) in ("*", tag) for given in _tags(condition))


def names_version(condition: str, entity: Versioned) -> bool:
    """Does an If-Match value name this version of this entity, whatever the hash?

    A weak tag never does: it may stand for other bytes (RFC 9110, 13.1.1).
    """
    version = _version_of(entity)
    return any(given == "*" or given.partition(".")[0] == version for given in _tags(condition))


def normalized_tags(condition: str | None) -> list[str] | None:
    """The sorted tags of a condition, which REST quotes and GraphQL need not; None without one."""
    return None if condition is None else sorted(_tags(condition))


def _version_of(entity: Versioned) -> str:
    # A UUIDv7 begins with its time, which things of one moment share. It ends with random digits.
    return f"{entity.version}-{entity.id[-8:]}"


def _tags(condition: str) -> list[str]:
    """The tags of a list without their quotes; a weak one begins with ``W/``."""
    parts = [part.strip() for part in condition.split(",")]
    return [
        _WEAK + part.removeprefix(_WEAK).strip('"') if part.startswith(_WEAK) else part.strip('"')
        for part in parts
    ]


def fingerprint(value: Any) -> bytes:
    """A short hash of a JSON-like value; equal values have equal fingerprints."""
    return blake2b(msgspec.json.encode(value, order="sorted"), digest_size=16).digest()
