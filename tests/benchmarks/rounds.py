"""Measures servers against each other: the same work, in rounds that alternate."""

import itertools
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.caller import Connection, Failed, connected, drive, header, parts
from tests.benchmarks.servers import Keys, Server
from tests.benchmarks.works import Work

CONNECTIONS = 16
#: How far the sizes of two servers' bodies may differ, as a share.
SIZES_APART = 0.05
#: Above this share of waiting time, other programs used the server's core.
DISTURBED = 0.05
#: A server that works for less than this share of the time waits for something else.
BUSY = 0.85


@dataclass
class Result:
    """The result of one work on one server; each list has a value for each round."""

    name: str
    peer: str
    rates: list[float] = field(default_factory=list)  # answers in a second
    costs: list[float] = field(default_factory=list)  # µs of the server's CPU for an answer
    busy: list[float] = field(default_factory=list)  # the share of the time the server worked
    queued: list[float] = field(default_factory=list)  # the share in which it waited for its core
    client: list[float] = field(default_factory=list)  # the share in which the client worked
    latencies: list[float] = field(default_factory=list)  # seconds
    memory: int = 0  # bytes, after the last round

    @property
    def rate(self) -> float:
        """Answers in a second: the median of the rounds."""
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        """µs of CPU that the server used for an answer: the median of the rounds."""
        return statistics.median(self.costs)

    @property
    def waited(self) -> bool:
        """Whether something other than the server limited the rate."""
        return statistics.median(self.busy) < BUSY

    def latency(self, part: float) -> float:
        """The latency in ms that this part of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def measure(
    work: Work, servers: Sequence[Server], keys: Keys, rounds: Sequence[float]
) -> list[Result]:
    """Run one work on these servers in turn; the first round only warms up.

    `rounds` gives the seconds of each. Raises `Failed` if the servers' answers do not agree.
    """
    different = [work.requests(keys.of(server.kind), server.kind.peer) for server in servers]
    refuse_other_bodies(work, servers, [requests[0] for requests in different])
    if work.cached:
        for server, requests in zip(servers, different, strict=True):
            _fill_cache(server, requests)
    asked = [itertools.cycle(requests) for requests in different]
    results = [Result(server.kind.name, server.kind.peer) for server in servers]
    for number, seconds in enumerate(rounds):
        for server, requests, result in zip(servers, asked, results, strict=True):
            with connected(server.port, CONNECTIONS) as connections:
                one_round(server, connections, requests, seconds, result if number else None)
            result.memory = server.memory()
    return results


def one_round(
    server: Server,
    connections: Sequence[Connection],
    requests: Iterator[bytes],
    seconds: float,
    result: Result | None,
) -> None:
    """Send requests for some seconds, and add the figures to the result."""
    before, waited = server.cpu(), server.queued()
    found = drive(connections, requests, seconds)
    used = server.cpu() - before
    if result is None:
        return
    count = len(found.latencies)
    result.rates.append(count / found.seconds)
    result.costs.append(1e6 * used / count)
    result.busy.append(used / found.seconds)
    result.queued.append((server.queued() - waited) / found.seconds)
    result.client.append(found.cpu / found.seconds)
    result.latencies += found.latencies


def _fill_cache(server: Server, requests: Sequence[bytes]) -> None:
    """Send every request once; raise `Failed` if the cache does not answer afterwards."""
    with connected(server.port, 1) as [connection]:
        for request in requests:
            connection.get(request)
        answer = connection.get(requests[-1])
    if header(answer, "x-cache") != "HIT":
        raise Failed(f"{server.kind.name} does not answer from its cache: {answer[:600].decode()}")


def refuse_other_bodies(work: Work, servers: Sequence[Server], asked: Sequence[bytes]) -> None:
    """Raise `Failed` unless all servers answer with the same fields and similar sizes."""
    shapes: list[Any] = []
    sizes: list[int] = []
    for server, request in zip(servers, asked, strict=True):
        with connected(server.port, 1) as [connection]:
            answer = connection.get(request)
        if answer[9:11] != b"20":
            raise Failed(f"{work.name} of {server.kind.name}: {answer[:2000].decode()}")
        body = parts(answer)[1]
        if not work.fits(json.loads(body)):
            raise Failed(f"{work.name} of {server.kind.name} answers another thing: {body!r}")
        shapes.append(_shape(json.loads(body)))
        sizes.append(len(body))
    for server, shape, size in zip(servers, shapes, sizes, strict=True):
        if shape != shapes[0]:
            raise Failed(f"{work.name}: the fields of {server.kind.name} are others: {shape}")
        if abs(size - sizes[0]) > SIZES_APART * sizes[0]:
            raise Failed(f"{work.name}: {server.kind.name} sends {size} bytes and not {sizes[0]}")


def _shape(value: Any) -> Any:
    """The names of a body's fields, nested as in the body."""
    if isinstance(value, dict):
        return {name: _shape(one) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [_shape(one) for one in value]
    return None
