"""A client that costs little: one connection that asks again as soon as it is answered."""

import asyncio
import time
from collections.abc import Iterator

import httptools


class Failed(Exception):
    """The run is worth nothing; the message says why."""


class Caller(asyncio.Protocol):
    """One connection that asks again as soon as it is answered, until told to stop."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.requests = requests
        self.latencies: list[float] = []
        self.timing = b""
        self.body = b""
        self.until = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def start(self, until: float) -> "asyncio.Future[None]":
        """Ask, again and again, until the clock says so; at least once."""
        self.until = until
        self.latencies = []
        self.done = asyncio.get_running_loop().create_future()
        self._ask()
        return self.done

    def _ask(self) -> None:
        self.body = b""
        self.asked = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        """Part of an answer, or all of it."""
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header of the answer."""
        if name.lower() == b"server-timing":
            self.timing = value

    def on_body(self, body: bytes) -> None:
        """Part of the answer's body."""
        self.body += body

    def on_message_complete(self) -> None:
        """The answer is whole."""
        now = time.perf_counter()
        self.latencies.append(now - self.asked)
        status = self.parser.get_status_code()
        if not 200 <= status < 300 or b'"errors"' in self.body:
            self._end(Failed(f"the server answered {status}: {self.body[:500].decode()}"))
        elif now >= self.until:
            self._end(None)
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed the connection, which it must not while it is asked."""
        self._end(Failed("the server closed a connection"))

    def _end(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
