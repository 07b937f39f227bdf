"""The store of files in a folder, with a signed address of our own that takes them."""

import os
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO
from urllib.parse import urlencode

from services.access import links
from services.errors.uploads import UploadMismatch
from services.files.spooling import SpooledFile, blocking
from services.files.store import UPLOADS, Declared, SendRequest

#: Age from which a file in ``incoming`` belongs to no request any more.
_FORGOTTEN_SECONDS = 3600


class LocalStore:
    """Files in a folder. They are written beside their place first, and then moved into it."""

    def __init__(self, folder: Path, secrets: tuple[str, str | None], public_url: str) -> None:
        self._folder = folder
        self._secrets = secrets
        self._public_url = public_url
        self.incoming = folder / "incoming"

    def send_request(self, declared: Declared, now: datetime, until: datetime) -> SendRequest:
        token = links.sign(self._secrets[0], _subject(declared), until)
        query = urlencode(
            {
                "contentType": declared.content_type,
                "size": declared.size,
                "sha256": declared.sha256,
                "token": token,
            }
        )
        url = f"{self._public_url}/files/{declared.key}?{query}"
        return SendRequest("PUT", url, {"Content-Type": declared.content_type})

    def check(self, declared: Declared, token: str, now: datetime) -> None:
        """Check that the signed address is for this file.

        Raises `Unauthenticated` and `TokenExpired`.
        """
        links.check(self._secrets, _subject(declared), token, now)

    async def receive(self, declared: Declared, pieces: AsyncIterator[bytes]) -> None:
        """Store a file as it arrives; raises `UploadMismatch` for any other than the declared one.

        Nothing is stored then.
        """
        file = await SpooledFile.begin(self.incoming, declared.size)
        try:
            async for piece in pieces:
                await file.write(piece)
            await file.end()
            if file.size != declared.size:
                raise UploadMismatch.of("size")
            if file.sha256 != declared.sha256:
                raise UploadMismatch.of("sha256")
            await self.take(declared.key, file.path, declared.content_type)
        finally:
            file.discard()

    async def has(self, key: str) -> bool:
        return await blocking((self._folder / key).is_file)

    async def read(self, key: str) -> bytes | None:
        def read() -> bytes | None:
            with suppress(FileNotFoundError):
                return (self._folder / key).read_bytes()

        return await blocking(read)

    @asynccontextmanager
    async def opened(self, key: str, most: int) -> AsyncIterator[BinaryIO | None]:
        def open_() -> BinaryIO | None:
            with suppress(FileNotFoundError):
                # A file that replaces it later is another file: this one stays as it is.
                return (self._folder / key).open("rb")

        file = await blocking(open_)
        try:
            yield file
        finally:
            if file is not None:
                file.close()

    async def write(self, key: str, content: bytes) -> None:
        def write() -> None:
            self.incoming.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self.incoming, delete=False) as file:
                file.write(content)
            self._move(Path(file.name), key)

        await blocking(write)

    async def take(self, key: str, file: Path, media: str) -> None:
        await blocking(lambda: self._move(file, key))

    async def delete(self, keys: Collection[str]) -> None:
        def delete() -> None:
            for key in keys:
                (self._folder / key).unlink(missing_ok=True)

        await blocking(delete)

    async def keys(self, prefix: str, most: int) -> list[str]:
        def keys() -> list[str]:
            folder, _, beginning = prefix.rpartition("/")
            with suppress(FileNotFoundError), os.scandir(self._folder / folder) as found:
                names = sorted(one.name for one in found if one.name.startswith(beginning))
                return [f"{folder}/{name}" for name in names[:most]]
            return []

        return await blocking(keys)

    async def tidy(self) -> None:
        def tidy() -> None:
            before = time.time() - _FORGOTTEN_SECONDS
            with suppress(FileNotFoundError), os.scandir(self.incoming) as found:
                for one in found:
                    if one.stat().st_mtime < before:
                        Path(one.path).unlink(missing_ok=True)

        await blocking(tidy)

    def _move(self, file: Path, key: str) -> None:
        """Move a file to its key; after a crash it is whole or not there."""
        place = self._folder / key
        place.parent.mkdir(parents=True, exist_ok=True)
        with file.open("rb") as written:
            os.fsync(written.fileno())
        file.replace(place)
        # A row may name the file in a moment: the folder must know it after a crash too.
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _subject(declared: Declared) -> str:
    """The subject of the link: it names all that the store checks."""
    return f"{UPLOADS}{declared.id}:{declared.content_type}:{declared.size}:{declared.sha256}"
