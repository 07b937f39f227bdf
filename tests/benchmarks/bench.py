"""Measures this server alone: `./scripts/bench`, or `./scripts/bench --quick`.

Fresh durable servers, a shop filled by plain SQL, `tandem serve` with one worker, 16 connections
that each ask again as soon as they are answered. W1 to W6 are the works that DESIGN §7 compares
with other servers.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import resource
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from api import embedded
from persistence import migrate
from services.core.context import Process, new_process
from services.core.settings import Settings
from tests.benchmarks.caller import Caller, Failed
from tests.benchmarks.data import (
    BUYERS,
    CATEGORIES,
    PRODUCTS,
    fill,
    product_id,
    session_id,
    user_id,
)

CHECKOUT = Path(__file__).resolve().parents[2]
CONNECTIONS = 16
START_SECONDS = 30
ANSWER_SECONDS = 15  # longer than any answer may take
DIFFERENT_REQUESTS = 2000

W4_QUERY = """
query Orders {
  orders(first: 20) {
    nodes {
      id number status total createdAt
      lines { quantity unitPrice product { id name price category { id name } } }
    }
  }
}
"""
W5_QUERY = """
query Products($category: String) {
  products(first: 20, category: $category) {
    nodes { id name price currency stock tags createdAt category { id name } }
  }
}
"""
W3_FIELDS = "id,name,price,currency,stock,tags,createdAt"


@dataclass(frozen=True)
class Work:
    """One kind of request: how one is made, and what its answer must be."""

    name: str
    title: str
    request: Callable[[random.Random, Sequence[str]], bytes]
    fits: Callable[[Any], bool]


@dataclass
class Result:
    """What one work's rounds measured; times in seconds."""

    latencies: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu: float = 0.0
    statements: list[int] = field(default_factory=list)
    client_share: list[float] = field(default_factory=list)


def http(method: str, path: str, token: str | None = None, body: Any = None) -> bytes:
    """A request as it goes over the wire."""
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept: application/json"]
    content = b"" if body is None else json.dumps(body).encode()
    if token is not None:
        head.append(f"Authorization: Bearer {token}")
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


def _get_product(pick: random.Random, _: Sequence[str]) -> bytes:
    return http("GET", f"/api/v2/products/{product_id(pick.randrange(PRODUCTS))}")


def _list_products(pick: random.Random, _: Sequence[str]) -> bytes:
    slug = f"shelf-{pick.randrange(CATEGORIES)}"
    return http("GET", f"/api/v2/products?category={slug}&first=20&fields={W3_FIELDS}")


def _query_orders(pick: random.Random, tokens: Sequence[str]) -> bytes:
    return http("POST", "/graphql", pick.choice(tokens), {"query": W4_QUERY})


def _query_products(pick: random.Random, _: Sequence[str]) -> bytes:
    variables = {"category": f"shelf-{pick.randrange(CATEGORIES)}"}
    return http("POST", "/graphql", None, {"query": W5_QUERY, "variables": variables})


def _create_order(pick: random.Random, tokens: Sequence[str]) -> bytes:
    products = pick.sample(range(PRODUCTS), 3)
    lines = [{"productId": product_id(each), "quantity": 1} for each in products]
    return http("POST", "/api/v2/orders", pick.choice(tokens), {"lines": lines})


def _fits_orders(body: Any) -> bool:
    orders = body["data"]["orders"]["nodes"]
    lines = [line for order in orders for line in order["lines"]]
    return len(orders) == 20 and len(lines) == 60 and all(_on_shelf(line) for line in lines)


def _on_shelf(line: Any) -> bool:
    return line["product"]["category"]["name"].startswith("Shelf ")


def _fits_products(body: Any) -> bool:
    nodes = body["data"]["products"]["nodes"]
    return len(nodes) == 20 and all(len(node) == 8 and node["category"]["name"] for node in nodes)


WORKS = (
    Work("W1", "REST product by id", _get_product, lambda body: body["price"].endswith(".00")),
    Work(
        "W3",
        "REST 20 products of a category, 7 fields",
        _list_products,
        lambda body: [len(item) for item in body["items"]] == [7] * 20,
    ),
    Work("W4", "GraphQL 20 orders, lines, products, categories", _query_orders, _fits_orders),
    Work("W5", "GraphQL 20 products, 7 fields and category", _query_products, _fits_products),
    Work(
        "W6",
        "REST create an order of 3 lines",
        _create_order,
        lambda body: body["status"] == "PENDING" and len(body["lines"]) == 3,
    ),
)

_STATEMENTS = re.compile(rb'desc="(\d+) statements?"')


async def measure(
    work: Work, port: int, server: psutil.Process, tokens: Sequence[str], rounds: Sequence[float]
) -> Result:
    """Run one work: the first of the rounds (seconds each) warms up and is not counted."""
    pick = random.Random(work.name)
    requests = itertools.cycle([work.request(pick, tokens) for _ in range(DIFFERENT_REQUESTS)])
    loop = asyncio.get_running_loop()
    callers: list[Caller] = []
    for _ in range(CONNECTIONS):
        _, caller = await asyncio.wait_for(
            loop.create_connection(lambda: Caller(requests), "127.0.0.1", port), 5
        )
        callers.append(caller)
    try:
        await asyncio.wait_for(callers[0].start(0.0), ANSWER_SECONDS)
        if not work.fits(json.loads(callers[0].body)):
            raise Failed(f"{work.name} got another answer than it asked for: {callers[0].body!r}")
        result = Result()
        for number, seconds in enumerate(rounds):
            busy, own, started = _cpu(server), _own_cpu(), time.perf_counter()
            asking = [caller.start(started + seconds) for caller in callers]
            await asyncio.wait_for(asyncio.gather(*asking), seconds + ANSWER_SECONDS)
            took = time.perf_counter() - started
            if number == 0:
                continue
            latencies = [latency for caller in callers for latency in caller.latencies]
            result.latencies += latencies
            result.rates.append(len(latencies) / took)
            result.cpu += _cpu(server) - busy
            result.client_share.append((_own_cpu() - own) / took)
            for caller in callers:
                if found := _STATEMENTS.search(caller.timing):
                    result.statements.append(int(found[1]))
        return result
    finally:
        for caller in callers:
            caller.done.cancel()
            caller.transport.abort()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def row(work: Work, result: Result) -> str:
    """One line of the table."""
    latencies = sorted(result.latencies)
    count = len(latencies)
    p50, p99 = (1000 * latencies[min(count - 1, int(count * part))] for part in (0.5, 0.99))
    statements = f"{statistics.mean(result.statements):.1f}" if result.statements else "–"
    return (
        f"{work.name}  {work.title:<48} {statistics.median(result.rates):>7,.0f} {p50:>8.2f}"
        f" {p99:>8.2f} {1000 * result.cpu / count:>9.3f} {statements:>7}"
    )


HEADER = (
    f"    {'16 connections, one worker':<48} {'req/s':>7} {'p50 ms':>8} {'p99 ms':>8}"
    f" {'CPU ms/rq':>9} {'SQL/rq':>7}"
)


async def tokens_of(process: Process) -> list[str]:
    """An access token for each of the buyers."""
    await process.tokens.load()
    await process.close()
    now = datetime.now(UTC)
    issue = process.tokens.issue
    return [issue(user_id(each), session_id(each), "USER", now) for each in range(BUYERS)]


@contextmanager
def serving(settings: Settings, log: Path) -> Iterator[tuple[int, psutil.Process]]:
    """`tandem serve` with one worker, as anybody starts it; its port and process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TANDEM_SECRET": settings.secret.get_secret_value(),
        # Charged like every call, and never refused.
        "TANDEM_QUOTA_FACTOR": "1000000",
    }
    command = [sys.executable, "-m", "api.cli", "serve", "--no-demo", "--no-worker"]
    command += ["--port", str(port)]
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stdout=output, stderr=output
        )
    try:
        _wait_until_ready(child, port, log)
        yield port, psutil.Process(child.pid)
    finally:
        child.terminate()
        try:
            child.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)


def _wait_until_ready(child: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Until the server says that it takes requests."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit and child.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if client.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise Failed(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")


def main() -> int:
    """Measure and print; answers the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure this server alone.")
    parser.add_argument("--quick", action="store_true", help="one short round of each work")
    parser.add_argument("--only", default="", help="works to measure, as in W1,W4")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("TANDEM_")]:
        del os.environ[name]  # a shell that serves Tandem must not change what is measured
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are stopped
    rounds = (0.4, 1.2) if options.quick else (1.5, 3.0, 3.0, 3.0)
    wanted = [work for work in WORKS if not options.only or work.name in options.only.split(",")]
    try:
        with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
            _run(Path(folder), wanted, rounds)
    except (Failed, embedded.EmbeddedError, TimeoutError) as error:
        print(f"bench: {error or 'an answer took too long'}", file=sys.stderr)
        return 1
    return 0


def _run(folder: Path, works: Sequence[Work], rounds: Sequence[float]) -> None:
    # The servers run as another user where this one is root, and must reach their folder.
    folder.chmod(0o755)
    servers = embedded.start(folder)
    try:
        migrate.upgrade(servers.database_url)
        asyncio.run(fill(servers.database_url))
        settings = Settings(
            database_url=servers.database_url,
            redis_url=servers.redis_url,
            secret=secrets.token_hex(32),  # type: ignore[arg-type]
        )
        tokens = asyncio.run(tokens_of(new_process(settings)))
        shares: list[float] = []
        print(HEADER, flush=True)
        with serving(settings, folder / "server.log") as (port, server):
            for work in works:
                result = asyncio.run(measure(work, port, server, tokens, rounds))
                shares += result.client_share
                print(row(work, result), flush=True)
        if max(shares, default=0) > 0.8:
            print("The client was busy most of the time: the server may be faster than shown.")
    finally:
        servers.stop()


if __name__ == "__main__":
    sys.exit(main())
