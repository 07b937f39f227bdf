"""Files as they arrive: written to the disk piece by piece, counted and hashed."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

import structlog

from services.errors.common import Unavailable

log = structlog.get_logger("tandem.files")

Value = TypeVar("Value")


class SpooledFile:
    """A file in a folder of this machine; beyond ``most`` bytes it is only counted."""

    def __init__(self, file: Any, most: int) -> None:
        self._file = file
        self._most = most
        self._digest = hashlib.sha256()
        self.path = Path(file.name)
        self.size = 0

    @classmethod
    async def begin(cls, folder: Path, most: int) -> "SpooledFile":
        """A new file in a folder, which is made where it is missing."""

        def begin() -> Any:
            folder.mkdir(parents=True, exist_ok=True)
            return NamedTemporaryFile(dir=folder, delete=False)

        return cls(await blocking(begin), most)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file, unless it is too large."""
        return self._digest.hexdigest()

    async def write(self, piece: bytes) -> None:
        """Add a piece; raises `Unavailable` when the disk refuses it."""
        self.size += len(piece)
        if self.size <= self._most:
            await blocking(lambda: self._keep(piece))

    async def end(self) -> None:
        """Write what is left, and close the file."""
        await blocking(self._file.close)

    def discard(self) -> None:
        """Delete the file, unless it was moved."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _keep(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._file.write(piece)


async def blocking(work: Callable[[], Value]) -> Value:
    """Run what waits for the disk in a thread; raises `Unavailable` when the disk refuses."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        log.error("files cannot be stored", error=type(error).__name__, reason=error.strerror)
        raise Unavailable("Files cannot be stored or read right now.") from error
