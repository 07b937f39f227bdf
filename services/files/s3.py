"""The store of files in a bucket of an S3 server; clients send files to the server itself."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from persistence.reachability import Reachability
from services.errors.common import Unavailable
from services.files.presigning import presigned_put
from services.files.store import PIECE, Declared, SendRequest
from services.settings.files import Bucket
from services.settings.settings import Settings

Value = TypeVar("Value")
#: Calls that failed are sent again so often; callers do the rest.
_RETRIES = 2
#: Files that are sent to the server at one time. Each is in memory then, 10 MiB at most.
_SENT_AT_ONCE = 3


class _Failed(Exception):
    """Why a call to the S3 server failed, in words without addresses and documents."""


class S3Store:
    """Files in a bucket. The client of S3 is loaded with the first call."""

    def __init__(self, bucket: Bucket, settings: Settings) -> None:
        self._bucket = bucket
        access, secret = settings.files_access_key, settings.files_secret_key
        self._access_key = access.get_secret_value() if access else ""
        self._secret_key = secret.get_secret_value() if secret else ""
        self._seconds = settings.files_seconds
        self._turns = asyncio.Semaphore(_SENT_AT_ONCE)
        self._reachability = Reachability(
            "The store of files", bucket.endpoint, "files cannot be sent, used or served"
        )
        self.incoming = Path(tempfile.gettempdir())

    def send_request(self, declared: Declared, now: datetime, until: datetime) -> SendRequest:
        seconds = max(1, int((until - now).total_seconds()))
        return presigned_put(
            self._bucket, self._access_key, self._secret_key, declared, now, seconds
        )

    async def has(self, key: str) -> bool:
        import obstore

        return await self._call(lambda: obstore.head_async(self._store, key)) is not None

    async def read(self, key: str) -> bytes | None:
        import obstore

        async def read() -> bytes:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())

        return await self._call(read)

    @asynccontextmanager
    async def opened(self, key: str, most: int) -> AsyncIterator[BinaryIO | None]:
        # An object may be replaced between two requests: one request copies it.
        with tempfile.TemporaryFile(dir=self.incoming) as file:
            found = await self._call(lambda: self._copy(key, file, most))
            file.seek(0)
            yield file if found else None

    async def write(self, key: str, content: bytes) -> None:
        await self._put(key, content, {})

    async def take(self, key: str, file: Path, media: str) -> None:
        async with self._turn():
            content = await asyncio.to_thread(_mapped, file)
            await self._put(key, content, {"Content-Type": media})
        await asyncio.to_thread(file.unlink, missing_ok=True)

    async def delete(self, keys: Collection[str]) -> None:
        import obstore

        for key in keys:
            await self._call(lambda key=key: obstore.delete_async(self._store, key))

    async def keys(self, prefix: str, most: int) -> list[str]:
        import obstore

        # The client lists whole path segments only.
        folder, _, _ = prefix.rpartition("/")

        async def keys() -> list[str]:
            found: list[str] = []
            async for batch in obstore.list(self._store, prefix=folder, chunk_size=1000):
                found += [one["path"] for one in batch if one["path"].startswith(prefix)]
                if len(found) >= most:
                    break
            return found[:most]

        return await self._call(keys) or []

    async def tidy(self) -> None:
        """Nothing: a request stores a whole file or none."""

    async def _copy(self, key: str, file: BinaryIO, most: int) -> bool:
        import obstore

        found = await obstore.get_async(self._store, key)
        async for piece in found.stream(min_chunk_size=PIECE):
            await asyncio.to_thread(file.write, piece[: most + 1 - file.tell()])
            if file.tell() > most:
                break
        return True

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One's turn to send a file; raises `Unavailable` when it does not come soon."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable("Too many files are on their way into the store.") from None
        try:
            yield
        finally:
            self._turns.release()

    async def _put(self, key: str, content: bytes | mmap, attributes: dict[str, str]) -> None:
        import obstore

        def put() -> Awaitable[Any]:
            return obstore.put_async(
                self._store,
                key,
                content,
                attributes=attributes,
                use_multipart=False,
            )

        if await self._call(put) is None:
            raise Unavailable("The store of files has no such bucket.")

    async def _call(self, call: Callable[[], Awaitable[Value]]) -> Value | None:
        """The result of a call, or None when there is no such object.

        Raises `Unavailable` when the server does not answer, or refuses.
        """
        from obstore.exceptions import BaseError

        try:
            # The client's own limit is for each of its attempts.
            async with asyncio.timeout(self._seconds):
                result = await call()
        except (FileNotFoundError, TimeoutError, BaseError) as error:
            if isinstance(error, FileNotFoundError):
                self._reachability.answered()
                return None
            failed = _Failed(_reason(error)) if isinstance(error, BaseError) else error
            self._reachability.failed(failed)
            raise Unavailable("The store of files does not answer.") from failed
        self._reachability.answered()
        return result

    @cached_property
    def _store(self) -> Any:
        from obstore.store import S3Store as Client

        bucket, seconds = self._bucket, timedelta(seconds=self._seconds)
        return Client(
            bucket.name,
            prefix=bucket.prefix.rstrip("/") or None,
            endpoint=bucket.endpoint,
            region=bucket.region,
            access_key_id=self._access_key,
            secret_access_key=self._secret_key,
            client_options={
                "allow_http": bucket.endpoint.startswith("http:"),
                "timeout": seconds,
                "connect_timeout": min(seconds, timedelta(seconds=2)),
            },
            retry_config={"max_retries": _RETRIES, "retry_timeout": seconds},
        )


def _mapped(file: Path) -> mmap:
    """The content of a file; read into memory, it would stay with the process."""
    with file.open("rb") as opened:
        return mmap(opened.fileno(), 0, access=ACCESS_READ)


def _reason(error: BaseException) -> str:
    """The end of what the client of S3 says: the server's status, or what kept it from there."""
    return str(error).partition("\n")[0].rpartition(" - ")[2].partition(": <")[0]
