"""The report of a run: printed at once, and written into `docs/performance.md`."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.rounds import DISTURBED, Result
from tests.benchmarks.shop import CHECKOUT, PINNED, Shop
from tests.benchmarks.works import WORKS, Work

if TYPE_CHECKING:
    from tests.benchmarks.bench import Found

PAGE = CHECKOUT / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
#: How many times as fast as a peer each work shall be; docs/performance.md has the results.
GOALS: dict[str, Mapping[str, float]] = {
    "W1": {"express": 4.0},
    "W2": {"express": 5.0},
    "W3": {"express": 2.8},
    "W4": {"apollo": 6.0, "mercurius": 1.5, "postgraphile": 1.5},
    "W5": {"apollo": 6.0, "mercurius": 1.5, "postgraphile": 1.5},
    "W6": {"express": 2.2},
}
_HEADER = (
    *("req/s", "p50 ms", "p99 ms", "CPU µs", "busy", "queued", "client", "MiB"),
    *("× req/s", "× CPU", "goal"),
)


def print_machine(shop: Shop, versions: Mapping[str, str]) -> None:
    """Print the machine and the versions."""
    for line in machine(shop, versions):
        print(line)


def machine(shop: Shop, versions: Mapping[str, str]) -> list[str]:
    """The machine and the versions, a line each."""
    model = re.search(r"model name\s*: (.+)", _read("/proc/cpuinfo"))
    place = f"{os.cpu_count()} cores ({model[1].strip() if model else platform.machine()})"
    pinned = "the measured server on a core of its own" if PINNED else "servers not pinned"
    own = f"Python {platform.python_version()} ({platform.python_compiler()})"
    return [
        f"{place}, {platform.system()}, {pinned}",
        ", ".join([own, *(f"{name} {version}" for name, version in versions.items())]),
        ", ".join(f"{name} {value}" for name, value in shop.facts.items()),
    ]


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""


def cells(work: str, result: Result, results: Sequence[Result]) -> list[str]:
    """A result's row: its figures, and how many times as fast Tandem is."""
    own = results[0]
    ratios = ["", "", ""]
    if result is not own:
        goal = GOALS[work].get(result.peer)
        if not result.peer or result.name != _plain(result.peer):
            goal = None
        ratios = [f"{own.rate / result.rate:.2f}", f"{result.cost / own.cost:.2f}"]
        ratios.append(f"≥ {goal:g}" if goal else "")
    return [
        f"{result.rate:,.0f}{'*' if result.waited else ''}",
        f"{result.latency(0.5):.2f}",
        f"{result.latency(0.99):.2f}",
        f"{result.cost:,.0f}",
        f"{100 * _median(result.busy):.0f} %",
        f"{100 * _median(result.queued):.0f} %",
        f"{100 * _median(result.client):.0f} %",
        f"{result.memory / 2**20:.0f}",
        *ratios,
    ]


def _plain(peer: str) -> str:
    names = {"postgraphile": "PostGraphile"}
    return names.get(peer, peer.capitalize())


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


_printed = False


def print_work(work: Work, results: Sequence[Result]) -> None:
    """Print the results of one work."""
    global _printed
    if not _printed:
        print(f"\n{'':<28}" + "".join(f"{name:>9}" for name in _HEADER))
        _printed = True
    print(f"{work.name}  {work.title}")
    for result in results:
        row = cells(work.name, result, results)
        print(f"    {result.name:<24}" + "".join(f"{cell:>9}" for cell in row), flush=True)


def print_disturbance(found: "Found") -> None:
    """Print a warning if other programs ran on the measured server's core."""
    results = [result for results in found.works.values() for result in results]
    if max((_median(result.queued) for result in results), default=0) > DISTURBED:
        print("Other programs had the measured server's core part of the time: run this alone.")


def print_ceilings(pgbench: float, static: Result) -> None:
    """Print the upper limits for every server."""
    for line in ceilings(pgbench, static):
        print(line, flush=True)


def print_besides(tables: Mapping[str, Sequence[str]]) -> None:
    """Print the further tables as Markdown."""
    for title, rows in tables.items():
        print(f"\n{title}")
        for row in rows:
            print(f"    {row}", flush=True)


def ceilings(pgbench: float, static: Result) -> list[str]:
    """Both ceilings, a line each."""
    return [
        f"W1's statement alone, by pgbench: {pgbench:,.0f} a second",
        f"A static answer under the same HTTP server: {static.rate:,.0f} a second,"
        f" {static.cost:.0f} µs of CPU each",
    ]


def write(shop: Shop, versions: Mapping[str, str], found: "Found") -> None:
    """Write the results into `docs/performance.md`, between its marks; the rest stays."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = [BEGIN, "", f"Measured on {datetime.now(UTC):%Y-%m-%d}:", ""]
    lines += [f"- {line}" for line in machine(shop, versions)]
    if found.pgbench and found.static:
        lines += [f"- {line}" for line in ceilings(found.pgbench, found.static)]
    lines += ["", f"| | {' | '.join(_HEADER)} |", f"|---|{'--:|' * len(_HEADER)}"]
    for work in WORKS:
        if results := found.works.get(work.name):
            lines.append(f"| **{work.name}** {work.title} |{' |' * len(_HEADER)}")
            for result in results:
                row = cells(work.name, result, results)
                lines.append(f"| {result.name} | {' | '.join(row)} |")
    for title, rows in found.besides.items():
        lines += ["", f"**{title}**", "", *rows]
    PAGE.write_text("\n".join([before.rstrip(), "", *lines, "", END]) + after)
