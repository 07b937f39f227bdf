"""The cache's effect on reads among writes, and a check that no read is older than a write.

Requests read products, and sometimes write one, drawn by Zipf. Each write puts its number into the
product. A read that began after a write was acknowledged must show that number or a later one.
"""

import random
import re
import statistics
import time
from dataclasses import dataclass, field

from tests.benchmarks.besides import statements_of
from tests.benchmarks.caller import (
    Connection,
    Failed,
    connected,
    header,
    keep_asking,
    refuse_wrong,
)
from tests.benchmarks.data import PRODUCTS, product_id
from tests.benchmarks.rounds import CONNECTIONS
from tests.benchmarks.servers import Keys, Server
from tests.benchmarks.works import http, zipf

WRITES = 0.05
_WRITTEN = re.compile(rb'"description":"Write (\d+)\."')


@dataclass
class Mix:
    """The result of a mix of reads and writes."""

    latencies: list[float] = field(default_factory=list)  # of reads, in seconds
    statements: list[int] = field(default_factory=list)  # of reads
    hits: int = 0
    stale: int = 0
    writes: int = 0


@dataclass
class _Asked:
    """The request that a connection waits for."""

    product: int
    #: The number that it writes; 0 for a read.
    number: int
    #: The last write of the product that was acknowledged when this request was sent.
    floor: int


def effect(uncached: Server, cached: Server, keys: Keys, seconds: float) -> list[str]:
    """Run the same mix without and with the cache; raise `Failed` if a read was stale."""
    lines = [
        "| | reads | writes | p50 ms of reads | statements a read | from the cache | stale |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for title, server in (("Tandem, cache off", uncached), ("Tandem, cache on", cached)):
        run(server, keys, seconds / 2, "warm")
        mix = run(server, keys, seconds, "measured")
        count, median = len(mix.latencies), 1000 * statistics.median(mix.latencies)
        lines.append(
            f"| {title} | {count:,} | {mix.writes:,} | {median:.2f}"
            f" | {statistics.mean(mix.statements):.2f} | {100 * mix.hits / count:.0f} %"
            f" | {mix.stale} |"
        )
        if mix.stale:
            raise Failed(f"{mix.stale} reads were older than an acknowledged write:\n{lines[-1]}")
    return lines


def run(server: Server, keys: Keys, seconds: float, seed: str) -> Mix:
    """Read and write for some seconds."""
    pick = random.Random(seed)
    products = iter(zipf(pick, PRODUCTS) * 1000)
    mix, acknowledged, written = Mix(), dict[int, int](), set[int]()
    numbers = iter(range(time.time_ns(), 2**63))
    asked: dict[Connection, _Asked] = {}

    def ask(connection: Connection) -> None:
        product = next(products)
        number = 0
        # One write of a product at a time, so that the last one is known.
        if pick.random() < WRITES and product not in written:
            number = next(numbers)
            written.add(product)
        asked[connection] = _Asked(product, number, acknowledged.get(product, 0))
        path = f"/api/v2/products/{product_id(product)}"
        if number:
            body = {"description": f"Write {number}."}
            connection.ask(http("PATCH", path, keys.manager, body))
        else:
            connection.ask(http("GET", path))

    def answered(connection: Connection) -> None:
        one, answer = asked[connection], connection.answer
        refuse_wrong(answer)
        if one.number:
            written.discard(one.product)
            acknowledged[one.product] = one.number
            mix.writes += 1
            return
        mix.latencies.append(time.perf_counter() - connection.asked)
        mix.statements.append(statements_of(answer))
        mix.hits += header(answer, "x-cache") == "HIT"
        found = _WRITTEN.search(answer)
        mix.stale += (int(found[1]) if found else 0) < one.floor

    with connected(server.port, CONNECTIONS) as connections:
        keep_asking(connections, seconds, ask, answered)
    return mix
