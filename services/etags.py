"""Entity tags: ``<version>.<hash of the whole v2 representation>``."""

from hashlib import blake2b
from typing import Any, Protocol

import msgspec


class Versioned(Protocol):
    """Anything whose changes are counted."""

    @property
    def version(self) -> int: ...


def entity_tag(entity: Versioned) -> str:
    """The bare tag of an entity; REST puts it in quotes."""
    return tag_of(entity.version, msgspec.json.encode(entity))


def tag_of(version: int, written: bytes) -> str:
    """The bare tag of an entity with this version, written as v2 does."""
    return f"{version}.{blake2b(written, digest_size=8).hexdigest()}"


def names_tag(condition: str, tag: str) -> bool:
    """Does an If-None-Match value name this whole tag?"""
    return any(given in ("*", tag) for given in _tags(condition))


def names_version(condition: str, version: int) -> bool:
    """Does an If-Match value name this version, whatever the rest of the representation?"""
    return any(given == "*" or given.split(".")[0] == str(version) for given in _tags(condition))


def normalized_tags(condition: str | None) -> list[str] | None:
    """The tags of a condition, however it is written: REST quotes them, GraphQL need not."""
    return None if condition is None else sorted(_tags(condition))


def _tags(condition: str) -> list[str]:
    return [part.strip().removeprefix("W/").strip('"') for part in condition.split(",")]


def fingerprint(value: Any) -> bytes:
    """A short hash of a JSON-like value; equal values have equal fingerprints."""
    return blake2b(msgspec.json.encode(value, order="sorted"), digest_size=16).digest()
