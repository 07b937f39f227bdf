"""How the suite runs: how deep, from which seed, in which order, and what a failure tells.

`tests/conftest.py` hands these hooks to pytest.
"""

import os
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import exchanges

#: Whatever a test draws at random follows from it.
_SEED = "TANDEM_TEST_SEED"
_LAST_SEED = "tandem/seed"

#: The part of a failure's report that shows the calls that led to it.
CALLS = "The last calls and their answers"

#: How deep a run goes. Each depth contains those before it; the options and the markers of tests
#: have these names, and a usual run has none.
_DEPTHS = ("usual", "thorough", "soak")

#: Files whose tests share something dear (servers, a run of all faults): one process runs them.
_TOGETHER = (
    "test_books.py",
    "test_dockerfile.py",
    "test_planted_faults.py",
    "test_races.py",
    "test_revocation.py",
)

#: Files whose tests take long: begun last, one would be waited for alone.
_FIRST = (
    "test_machine.py",
    "test_compiled.py",
    "test_schemathesis.py",
    "test_tokens_rotation.py",
    "test_kills.py",
    "test_process.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """How deep a run goes."""
    group = parser.getgroup("tandem")
    group.addoption(
        "--thorough", action="store_true", help="also run what is deep, and more of what is random"
    )
    group.addoption("--soak", action="store_true", help="also run floods that take minutes")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the run's seed: the given one, the last one for what failed last, else a new one."""
    cache = getattr(config, "cache", None)  # runs of the planted faults have none
    if _SEED not in os.environ:
        drawn = random.randrange(1_000_000)
        last = cache.get(_LAST_SEED, drawn) if cache else drawn
        os.environ[_SEED] = str(last if config.getoption("lf", False) else drawn)
    if cache and not hasattr(config, "workerinput"):
        cache.set(_LAST_SEED, run_seed())
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(run_seed())


def run_seed() -> int:
    """The run's seed."""
    return int(os.environ[_SEED])


def pytest_report_header() -> str:
    """The seed, to repeat the run with."""
    return f"seed: {_SEED}={run_seed()}"


def _depth_of(config: pytest.Config) -> int:
    return max(place for place, name in enumerate(_DEPTHS) if config.getoption(name, True))


@pytest.fixture(scope="session")
def depth(pytestconfig: pytest.Config) -> int:
    """How deep this run goes: 0 is usual, 1 thorough, 2 soak."""
    return _depth_of(pytestconfig)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is deeper than asked for, and begin with what takes long."""
    failed: dict[str, bool] = {}
    if config.getoption("lf", False):
        assert config.cache
        failed = config.cache.get("cache/lastfailed", {})
    deeper = _DEPTHS[_depth_of(config) + 1 :]
    kept, left_out = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        too_deep = any(map(item.get_closest_marker, deeper)) and item.nodeid not in failed
        (left_out if too_deep else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    # An xdist process tells the one that reports; without xdist nobody reads this.
    getattr(config, "workeroutput", {})["left_out"] = [item.nodeid for item in left_out]
    items[:] = sorted(kept, key=lambda item: item.path.name not in _FIRST)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Count what xdist's processes have left out; all of them leave out the same."""
    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    if left_out := getattr(node, "workeroutput", {}).get("left_out"):
        reporter.stats["deselected"] = [SimpleNamespace(nodeid=nodeid) for nodeid in left_out]


class _Apart(LoadScopeScheduling):
    """Every test goes to whichever process is free, but what is dear is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return file if file.endswith(_TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Apart | None:
    """Share the tests out among processes."""
    return _Apart(config, log) if config.getoption("dist") == "load" else None


@pytest.fixture(autouse=True)
def own_chance(request: pytest.FixtureRequest) -> None:
    """Let each test draw its own numbers from the seed, the same alone as among others."""
    random.seed(f"{run_seed()} {request.node.nodeid}")
    exchanges.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let a failure show the calls that led to it, and how to repeat it alone."""
    report = yield
    if report.failed:
        if calls := exchanges.shown():
            report.sections.append((CALLS, calls))
        report.sections.append(("Repeat it alone", _repeated(item)))
    return report


def _repeated(item: pytest.Item) -> str:
    given = [
        f"{name}={os.environ[name]}" for name in (_SEED, "TANDEM_FAST_PATHS") if name in os.environ
    ]
    deepest = max(
        place
        for place, name in enumerate(_DEPTHS)
        if place == _depth_of(item.config) or item.get_closest_marker(name)
    )
    deep = [f"--{_DEPTHS[deepest]}"] if deepest else []
    return " ".join([*given, "./scripts/test -n 0", *deep, f"'{item.nodeid}'"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests counted (`record_property("summary", …)`), passed or not."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            counted = dict(report.user_properties) if report.when == "call" else {}
            if "summary" in counted:
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(str(counted["summary"]))
