"""A site: two servers behind a balancer, which are restarted in turn."""

import asyncio
import json
import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from services.settings.settings import Settings
from tests.commands import Child, running
from tests.servers import PATIENT
from tests.worker.test_process import answering, ended
from tests.worker.work import eventually, free_port

#: How often the balancer looks at each server, and how long servers wait for it.
LOOK_SECONDS = 0.2
DRAIN_SECONDS = 6
#: The longest that an answer takes; a server that is slow for now is no server that stops.
LONGEST_SECONDS = 60
#: A server that stops says so at once. One that says it late could not ask its database in time.
_AT_ONCE_SECONDS = 1


@dataclass(frozen=True)
class Call:
    """A request, and the status that its answer must have."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 200

    def text(self) -> bytes:
        """The request as it is sent."""
        headers, body = {"Host": "localhost", **self.headers}, b""
        if self.body is not None:
            body = json.dumps(self.body).encode()
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


READY = Call("/health/ready")
PRODUCTS = Call("/api/v2/products?first=1")


class Balancer:
    """Sends each request to the next ready server, and never again to another."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._ready: set[int] = set()
        self._idle: dict[int, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {
            port: [] for port in ports
        }
        self._turn = count()
        self.sent = 0
        self.failed: list[str] = []

    async def look(self) -> None:
        """Ask each server for its readiness, again and again."""
        await asyncio.gather(*map(self._look_at, self._ports))

    async def _look_at(self, port: int) -> None:
        while True:
            good, started = False, time.monotonic()
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                async with asyncio.timeout(LONGEST_SECONDS):
                    status, _ = await self._exchange(port, READY, fresh=True)
                    good = status == 200
            if good:
                self._ready.add(port)
            elif time.monotonic() - started < _AT_ONCE_SECONDS:
                self._ready.discard(port)
            await asyncio.sleep(LOOK_SECONDS)

    async def ready(self, number: int) -> None:
        """Wait until so many servers are ready."""

        async def are() -> bool:
            return len(self._ready) == number

        await eventually(are)

    async def next_port(self) -> int:
        """The port of the next ready server, once there is one."""

        async def some() -> list[int]:
            return sorted(self._ready)

        ports = await eventually(some)
        return ports[next(self._turn) % len(ports)]

    async def send(self, call: Call) -> None:
        """Send one request; every second on a new connection."""
        self.sent += 1
        turn = next(self._turn)
        if not self._ready:
            self.failed.append("no server is ready")
            return
        port = sorted(self._ready)[turn % len(self._ready)]
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                status, body = await self._exchange(port, call, fresh=turn % 4 < 2)
            if status != call.status:
                self.failed.append(f"{port}: {status} {body!r}")
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.failed.append(f"{port}: {error!r}")

    async def _exchange(self, port: int, call: Call, *, fresh: bool) -> tuple[int, bytes]:
        reader, writer = await self._connection(port, fresh=fresh)
        writer.write(call.text())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if fresh or b"\r\nconnection: close" in head:
            writer.close()
        else:
            self._idle[port].append((reader, writer))
        return int(head.split()[1]), body

    async def _connection(
        self, port: int, *, fresh: bool
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while not fresh and self._idle[port]:
            reader, writer = self._idle[port].pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
        return await asyncio.open_connection("127.0.0.1", port)


class Site:
    """Two servers on ports of their own, and a way to restart them."""

    def __init__(
        self, settings: Settings, folder: Path, workers: str, drain_seconds: float = DRAIN_SECONDS
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._workers = workers
        self._drain_seconds = drain_seconds
        self.ports = [free_port(), free_port()]
        self._stacks = {port: AsyncExitStack() for port in self.ports}
        self._servers: dict[int, Child] = {}
        self.log = folder / "log"

    async def start(self, port: int) -> None:
        """Start the server of a port, and wait until it is ready."""
        words = ["serve", "--no-demo", "--no-worker", "--port", str(port)]
        child = running(
            self._folder / f"log-{port}",
            self._settings,
            *words,
            "--workers",
            self._workers,
            TANDEM_DRAIN_SECONDS=str(self._drain_seconds),
            TANDEM_QUOTA_EXEMPT="127.0.0.1/32",
            **PATIENT,
        )
        self._servers[port] = self._stacks[port].enter_context(child)
        await answering(f"http://127.0.0.1:{port}")

    async def stop(self, port: int) -> None:
        """Stop the server of a port as an operator does."""
        self._servers[port].send_signal(signal.SIGTERM)
        assert await ended(self._servers[port]) == 0, (self._folder / f"log-{port}").read_text()
        await self._stacks[port].aclose()

    async def kill(self) -> None:
        """End what still runs."""
        for stack in self._stacks.values():
            await stack.aclose()
