"""Entity tags, ``<version>.<hash of the whole v2 representation>``, and conditions on them."""

from hashlib import blake2b
from typing import Any, Protocol

import msgspec


class Versioned(Protocol):
    """Anything that counts its changes."""

    @property
    def version(self) -> int: ...


def entity_tag(entity: Versioned) -> str:
    """The bare tag of an entity, which REST puts in quotes."""
    return tag_of(entity.version, msgspec.json.encode(entity))


def tag_of(version: int, written: bytes) -> str:
    """The bare tag of an entity, from its version and its v2 representation."""
    return f"{version}.{blake2b(written, digest_size=8).hexdigest()}"


def names_tag(condition: str, tag: str) -> bool:
    """Does an If-None-Match value name this whole tag?"""
    return any(given in ("*", tag) for given in _tags(condition))


def names_version(condition: str, version: int) -> bool:
    """Does an If-Match value name this version, whatever the hash?"""
    return any(given == "*" or given.split(".")[0] == str(version) for given in _tags(condition))


def normalized_tags(condition: str | None) -> list[str] | None:
    """The sorted tags of a condition, which REST quotes and GraphQL need not; None without one."""
    return None if condition is None else sorted(_tags(condition))


def _tags(condition: str) -> list[str]:
    return [part.strip().removeprefix("W/").strip('"') for part in condition.split(",")]


def fingerprint(value: Any) -> bytes:
    """A short hash of a JSON-like value; equal values have equal fingerprints."""
    return blake2b(msgspec.json.encode(value, order="sorted"), digest_size=16).digest()
