"""A way to a server that can be cut and mended, with TLS where a test wants it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Gate:
    """A port of this machine that leads to PostgreSQL or Redis.

    With ``tls`` it speaks TLS to callers: to PostgreSQL's after their request for it.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self._url = url
        self._tls = tls
        self._open: list[asyncio.StreamWriter] = []
        self._served: set[asyncio.Task[None]] = set()
        self._is_cut = False
        self._cuts = 0
        self.port = 0
        #: Callers that came without TLS although the gate speaks it.
        self.plain = 0

    @property
    def _postgres(self) -> bool:
        return self._url.startswith("postgresql:")

    @property
    def database_url(self) -> str:
        """The address of the database through the gate, without TLS."""
        parts = urlsplit(self._url)
        return f"postgresql://{parts.username or 'postgres'}@127.0.0.1:{self.port}{parts.path}"

    @asynccontextmanager
    async def standing(self) -> AsyncIterator["Gate"]:
        """The gate, open until the end of the block."""
        await self.mend()
        try:
            yield self
        finally:
            self.cut()

    def cut(self) -> None:
        """Nobody comes through any more."""
        self._is_cut = True
        self._cuts += 1
        self._server.close()
        for writer in self._open:
            with suppress(AttributeError):  # of a transport with TLS that has ended
                writer.transport.abort()
        self._open.clear()

    async def mend(self) -> None:
        """The way is open again, at the same port."""
        self._is_cut = False
        wrapped = None if self._postgres else self._tls
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=wrapped)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, cuts = b"", self._cuts
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._postgres and self._tls is not None:
                first = await reader.readexactly(8)
                if first == b"\0\0\0\x08\x04\xd2\x16\x2f":
                    first = b""
                    writer.write(b"S")
                    await writer.start_tls(self._tls)
                else:
                    self.plain += 1
            there = await _connected(self._url)
            if self._is_cut or cuts != self._cuts:
                # It was cut while this caller was on the way.
                for one in (writer, there[1]):
                    one.transport.abort()
                return
            self._open += [writer, there[1]]
            there[1].write(first)
            for way in ((reader, there[1]), (there[0], writer)):
                task = asyncio.create_task(_copy(*way))
                self._served.add(task)


async def _connected(url: str) -> Streams:
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    if parts.scheme == "unix":
        return await asyncio.open_unix_connection(parts.path)
    if "host" in options:
        port = options.get("port", ["5432"])[0]
        return await asyncio.open_unix_connection(f"{options['host'][0]}/.s.PGSQL.{port}")
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
