"""Overload: what a server answers when three times as much arrives as it can.

Requests arrive at a fixed rate, whether earlier ones were answered or not, each on a connection
that is free. The table compares the answers with the rate that the server reaches by itself.
"""

import asyncio
import itertools
import math
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.rounds import CONNECTIONS
from tests.benchmarks.servers import Server

TIMES = 3
#: A later answer is of no use to a person.
USEFUL_SECONDS = 2
_MOST_CONNECTIONS = 4_000
_LOOK_SECONDS = 0.5


#: Connections on which no answer is awaited.
Free = list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]


@dataclass
class Load:
    """The answers to one load: statuses, and the seconds until them."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    lost: int = 0

    def add(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        (self.refused if status == 503 else self.accepted).append(seconds)

    @property
    def useful(self) -> int:
        """Answers that came in time."""
        return sum(seconds <= USEFUL_SECONDS for seconds in self.accepted)


def overload(server: Server, requests: Sequence[bytes], seconds: float) -> list[str]:
    """The lines of a table: peak, overload and the time after it."""
    return asyncio.run(_overload(server, itertools.cycle(requests), seconds))


async def _overload(server: Server, requests: Iterator[bytes], seconds: float) -> list[str]:
    free: Free = []
    before = server.memory()
    peak = await closed_loop(server.port, requests, free, min(seconds, 10))
    probes: list[float] = []
    probing = asyncio.create_task(probe(server.port, probes))
    load = await open_loop(server.port, requests, free, TIMES * peak, seconds)
    probing.cancel()
    after = await open_loop(server.port, requests, free, peak / 2, 5)
    memory = server.memory()
    for _, writer in free:
        writer.close()
    total = sum(load.statuses.values()) + load.lost
    return [
        "| | |",
        "|---|--:|",
        f"| peak, {CONNECTIONS} connections | {peak:,.0f} a second |",
        f"| useful answers under {TIMES} × that, for {seconds:.0f} s "
        f"| {load.useful / seconds / peak:.0%} of the peak |",
        f"| refused at once | {len(load.refused) / total:.0%}, lost {load.lost} |",
        f"| time to a refusal, p50 and p99 | {_times(load.refused)} |",
        f"| time to an answer, p50 and p99 | {_times(load.accepted)} |",
        f"| time of /health/live, p50 and p99 | {_times(probes)} |",
        f"| afterwards, at half the peak: refused | {len(after.refused)} of "
        f"{sum(after.statuses.values())} |",
        f"| memory before and after | {before >> 20} and {memory >> 20} MiB |",
    ]


def _times(seconds: Sequence[float]) -> str:
    if len(seconds) < 2:
        return "–"
    cuts = statistics.quantiles(seconds, n=100)
    return f"{1000 * cuts[49]:,.0f} and {1000 * cuts[98]:,.0f} ms"


async def closed_loop(port: int, requests: Iterator[bytes], free: Free, seconds: float) -> float:
    """Answers a second when each connection waits for its answer."""
    ends, load = time.monotonic() + seconds, Load()

    async def caller() -> None:
        while time.monotonic() < ends:
            await _send(port, next(requests), free, load)

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return load.statuses[200] / seconds


async def open_loop(
    port: int, requests: Iterator[bytes], free: Free, rate: float, seconds: float
) -> Load:
    """Send at a rate, whatever is answered."""
    load, sending = Load(), set[asyncio.Task[None]]()
    started, sent = time.monotonic(), 0
    while (passed := time.monotonic() - started) < seconds:
        while sent < rate * passed:
            sent += 1
            if len(sending) >= _MOST_CONNECTIONS:
                load.lost += 1
                continue
            task = asyncio.create_task(_send(port, next(requests), free, load))
            sending.add(task)
            task.add_done_callback(sending.discard)
        await asyncio.sleep(0.002)
    if sending:
        await asyncio.wait(sending, timeout=30)
    load.lost += len(sending)
    return load


async def _send(port: int, request: bytes, free: Free, load: Load) -> None:
    started = time.monotonic()
    try:
        reader, writer = free.pop() if free else await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
    except (OSError, asyncio.IncompleteReadError, ValueError):
        load.lost += 1
        return
    load.add(int(head[9:12]), time.monotonic() - started)
    if b"connection: close" in head.lower():
        writer.close()
    else:
        free.append((reader, writer))


async def probe(port: int, found: list[float]) -> None:
    """Ask for health all the time, as a balancer does; appends the seconds until each answer."""
    while True:
        load = Load()
        await _send(port, b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n", [], load)
        found += load.accepted or [math.inf]
        await asyncio.sleep(_LOOK_SECONDS)
