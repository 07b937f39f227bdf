"""The store of files: a folder, or a bucket of an S3 server, with the same answers and rules.

A key names a file. Files that callers sent are under ``uploads/``, and are served to nobody.
Pictures that Tandem made of them are under ``images/``, and are served to everybody.
"""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from msgspec import Struct

UPLOADS, IMAGES = "uploads/", "images/"
#: Bytes of a file that are in memory at one time.
PIECE = 256 * 1024


class Declared(Struct, frozen=True):
    """A file as its sender declared it. The store takes no other file for it."""

    id: str
    content_type: str
    size: int
    sha256: str

    @property
    def key(self) -> str:
        """The key of the file that is sent."""
        return UPLOADS + self.id


class SendRequest(Struct, frozen=True):
    """A request that sends a file to the store."""

    method: str
    url: str
    headers: dict[str, str]


class FileStore(Protocol):
    """Stores files by their keys. Every method raises `Unavailable` while the store is away."""

    #: A folder of this machine for files on their way into the store.
    incoming: Path

    def send_request(self, declared: Declared, now: datetime, until: datetime) -> SendRequest:
        """The signed request by which anybody may send this file, and no other, until then."""
        ...

    async def has(self, key: str) -> bool:
        """Is there a file?"""
        ...

    async def read(self, key: str) -> bytes | None:
        """The content of a small file, or None."""
        ...

    def opened(self, key: str, most: int) -> AbstractAsyncContextManager[BinaryIO | None]:
        """An open copy of a file, whatever happens to its key; None without the file.

        The copy has at most one byte more than ``most``.
        """
        ...

    async def write(self, key: str, content: bytes) -> None:
        """Store a small file."""
        ...

    async def take(self, key: str, file: Path, media: str) -> None:
        """Store a file of ``incoming``, which is gone from there then."""
        ...

    async def delete(self, keys: Collection[str]) -> None:
        """Delete files; those that are not there do not matter."""
        ...

    async def keys(self, prefix: str, most: int) -> list[str]:
        """The first keys that begin with a prefix, in their order."""
        ...

    async def tidy(self) -> None:
        """Delete what was on its way into the store when a process died."""
        ...
