"""Compares Tandem with the servers that a user might choose instead: `./scripts/bench`.

W1 to W6 are the works of docs/performance.md. They run on each server in rounds that alternate,
over one durable PostgreSQL and one Valkey with the same filled shop. Each of 16 connections sends
its next request as soon as it has its answer.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from api.local import embedded_servers
from tests.benchmarks import besides, ceilings, exports, mix, overload, report
from tests.benchmarks.caller import Failed
from tests.benchmarks.rounds import Result, measure
from tests.benchmarks.servers import (
    Keys,
    Kind,
    Server,
    new_keys,
    serving,
    stop_on_sigterm,
    versions,
)
from tests.benchmarks.shop import Shop, opened
from tests.benchmarks.works import WORKS, Work

CACHED = {"TANDEM_CACHE_SECONDS": "60"}
UNCACHED = {"TANDEM_CACHE_SECONDS": "0"}

BESIDES = "besides"
OVERLOAD = "overload"
EXPORTS = "exports"
#: Transactions that are exported.
MOST_EXPORTED = 1_000_000
TANDEM = Kind("Tandem", environment=UNCACHED)
READABLE = Kind("Tandem, readable paths", environment=UNCACHED | {"TANDEM_FAST_PATHS": "false"})
UNREMEMBERED = Kind("Tandem, no token cache", environment=UNCACHED | {"TANDEM_TOKEN_CACHE": "0"})
TANDEM_CACHED = Kind("Tandem", environment=CACHED)
CACHE_ON = Kind("Tandem, cache on", environment=CACHED)
# Development reports the number of statements in Server-Timing.
TALKING = {"TANDEM_ENVIRONMENT": "development"}
DEVELOPMENT = Kind("Tandem, development", environment=UNCACHED | TALKING)
DEVELOPMENT_CACHED = Kind("Tandem, development, cached", environment=CACHED | TALKING)
EXPRESS = Kind("Express", "express")
EXPRESS_TOGETHER = Kind("Express, one CTE", "express", {"ORDERS": "together"})
EXPRESS_CACHED = Kind("Express", "express", {"CACHE": "true"})
APOLLO = Kind("Apollo", "apollo")
MERCURIUS = Kind("Mercurius", "mercurius")
POSTGRAPHILE = Kind("PostGraphile", "postgraphile")


@dataclass(frozen=True, eq=False)
class Group:
    """Works that share running servers; each work uses some of the group's servers."""

    works: dict[str, Sequence[Kind]]
    #: Further servers for each work; `--quick` leaves them out.
    besides: dict[str, Sequence[Kind]]


GROUPS = (
    Group(
        {"W1": [TANDEM, EXPRESS], "W3": [TANDEM, EXPRESS], "W6": [TANDEM, EXPRESS]},
        {
            "W1": [READABLE],
            "W3": [CACHE_ON, READABLE],
            "W6": [EXPRESS_TOGETHER, UNREMEMBERED, READABLE],
        },
    ),
    Group({"W2": [TANDEM_CACHED, EXPRESS_CACHED]}, {}),
    Group(
        {
            "W4": [TANDEM, APOLLO, MERCURIUS, POSTGRAPHILE],
            "W5": [TANDEM, APOLLO, MERCURIUS, POSTGRAPHILE],
        },
        {"W4": [UNREMEMBERED, READABLE], "W5": [CACHE_ON, READABLE]},
    ),
)


@dataclass
class Found:
    """Everything that a run measured."""

    works: dict[str, list[Result]] = field(default_factory=dict)
    #: Seconds to the first answer, by server.
    starts: dict[str, float] = field(default_factory=dict)
    static: Result | None = None
    pgbench: float = 0.0
    #: Further tables: the lines of each by its title.
    besides: dict[str, list[str]] = field(default_factory=dict)


def main() -> int:
    """Measure and print; return the exit code."""
    options = _options()
    for name in [name for name in os.environ if name.startswith("TANDEM_")]:
        del os.environ[name]  # settings of this shell must not change the results
    stop_on_sigterm()
    try:
        with opened() as shop:
            peers = versions()
            report.print_machine(shop, peers)
            found = _found(shop, asyncio.run(new_keys(shop)), options)
            report.print_disturbance(found)
            if options.write:
                report.write(shop, peers, found)
    except (Failed, embedded_servers.EmbeddedError, TimeoutError) as error:
        print(f"bench: {error or 'an answer took too long'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds, and W1 to W6 alone")
    works = {work.name for work in WORKS} | {BESIDES, OVERLOAD, EXPORTS}
    named = f"works, as in W1,W4, or {BESIDES}, {OVERLOAD} or {EXPORTS}"
    parser.add_argument("--only", type=_some(works), help=named)
    peers = {kind.peer for group in GROUPS for kinds in group.works.values() for kind in kinds}
    parser.add_argument("--peers", type=_some(peers - {""}), help="as in express,apollo")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args()


def _some(known: set[str]) -> Callable[[str], set[str]]:
    """Return a reader of names from a set, separated by commas."""

    def read(text: str) -> set[str]:
        names = set(text.split(","))
        if not names <= known:
            raise argparse.ArgumentTypeError(f"choose among {', '.join(sorted(known))}")
        return names

    return read


def _found(shop: Shop, keys: Keys, options: argparse.Namespace) -> Found:
    """Run everything that the options choose."""
    rounds = (0.6, 1.0, 1.0) if options.quick else (2.0, 3.0, 3.0, 3.0)
    found = Found()
    for group in GROUPS:
        _run(group, shop, keys, options, rounds, found)
    if not options.only:
        found.pgbench = ceilings.pgbench(shop, rounds[-1])
        found.static = ceilings.static_answer(shop, rounds[-1])
        report.print_ceilings(found.pgbench, found.static)
    if not options.quick and (not options.only or BESIDES in options.only):
        _besides(shop, keys, found, rounds[-1])
    if (not options.quick and not options.only) or OVERLOAD in (options.only or ()):
        with serving(shop, keys, TANDEM) as tandem:
            [work] = [work for work in WORKS if work.name == "W4"]
            requests = work.requests(keys.of(TANDEM), "")
            seconds = 15 if options.quick else 60
            lines = overload.overload(tandem, requests, seconds)
        found.besides["Three times the load, GraphQL 20 orders"] = lines
        report.print_besides({"Three times the load": lines})
    # Last, as its transactions stay in the shop.
    if (not options.quick and not options.only) or EXPORTS in (options.only or ()):
        rows = MOST_EXPORTED // 10 if options.quick else MOST_EXPORTED
        with serving(shop, keys, TANDEM) as tandem:
            lines = exports.exports(shop, tandem, keys.manager, rows)
        title = f"Exports of {rows:,} transactions"
        found.besides[title] = lines
        report.print_besides({title: lines})
    return found


def _besides(shop: Shop, keys: Keys, found: Found, seconds: float) -> None:
    """Measure the tables that compare no works."""
    tables = found.besides
    with (
        serving(shop, keys, TANDEM) as tandem,
        serving(shop, keys, EXPRESS) as express,
        serving(shop, keys, DEVELOPMENT) as development,
        serving(shop, keys, DEVELOPMENT_CACHED) as cached,
    ):
        for server in (tandem, express):
            found.starts.setdefault(server.kind.name, server.started_in)
        tables["Cursor depth"] = besides.depth(tandem, seconds)
        tables["Searches of 100,000 products"] = besides.searches(tandem, seconds)
        tables["Statements"] = besides.statements(development, keys)
        tables["Rows, fields and levels of GraphQL"] = besides.fields(tandem, seconds)
        tables["Content encodings, 100 products"] = besides.encodings([tandem, express], seconds)
        tables["The cache, reads with 5 % writes"] = mix.effect(development, cached, keys, seconds)
    tables["From start to first answer"] = [
        "| | s |",
        "|---|--:|",
        *(f"| {name} | {taken:.2f} |" for name, taken in found.starts.items()),
    ]
    report.print_besides(tables)


def _run(
    group: Group,
    shop: Shop,
    keys: Keys,
    options: argparse.Namespace,
    rounds: Sequence[float],
    found: Found,
) -> None:
    chosen = [
        (work, kinds)
        for work in WORKS
        if work.name in group.works
        and (not options.only or work.name in options.only)
        and (kinds := _kinds(group, work, options))
    ]
    with ExitStack() as stack:
        servers: dict[Kind, Server] = {}
        for kind in dict.fromkeys(kind for _, kinds in chosen for kind in kinds):
            servers[kind] = stack.enter_context(serving(shop, keys, kind))
            found.starts[kind.name] = servers[kind].started_in
        for work, kinds in chosen:
            results = measure(work, [servers[kind] for kind in kinds], keys, rounds)
            found.works[work.name] = results
            report.print_work(work, results)


def _kinds(group: Group, work: Work, options: argparse.Namespace) -> list[Kind]:
    kinds = [*group.works[work.name]]
    if not options.quick:
        kinds += group.besides.get(work.name, ())
    if options.peers:
        kinds = [kind for kind in kinds if not kind.peer or kind.peer in options.peers]
    return kinds


if __name__ == "__main__":
    sys.exit(main())
