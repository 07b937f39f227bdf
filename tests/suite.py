"""How the suite runs: its depth, its seed, its order, and the report of a failure.

`tests/conftest.py` hands these hooks to pytest.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import exchanges
from tests.faces import DOORS

_TESTS = Path(__file__).parent

#: The environment variable of the run's seed. Every test draws its random numbers from it.
_SEED = "TANDEM_TEST_SEED"
#: Set where the seed was drawn; processes of the run inherit it.
_DRAWN = "TANDEM_TEST_SEED_DRAWN"
_LAST_SEED = "tandem/seed"

#: The title of the calls in a failure's report.
CALLS = "The last calls and their answers"

#: The depths of a run. Each contains those before it. An option and a marker have the same name.
_DEPTHS = ("usual", "thorough", "soak")
#: How many times as long a random game is, by the run's depth.
LONGER = (1, 5, 50)

#: Files whose tests share servers or a run of all faults: one process runs all tests of a file.
_TOGETHER = (
    "test_books.py",
    "test_dockerfile.py",
    "test_planted_faults.py",
    "test_races.py",
    "test_revocation.py",
)

#: Files that take long. They start first, so that the run does not end with one of them alone.
_FIRST = (
    *_TOGETHER,
    "test_machine.py",
    "test_walk.py",
    "test_compiled.py",
    "test_schemathesis.py",
    "test_tokens_rotation.py",
    "test_kills.py",
    "test_process.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the depths."""
    group = parser.getgroup("tandem")
    group.addoption(
        "--thorough", action="store_true", help="also run deep tests, and longer random games"
    )
    group.addoption(
        "--soak", action="store_true", help="also run floods, and random games that take minutes"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose the run's seed: the given one, with --last-failed the last run's, else a new one."""
    cache = getattr(config, "cache", None)  # runs of planted faults have no cache
    if _SEED not in os.environ:
        drawn = random.randrange(1_000_000)
        last = cache.get(_LAST_SEED, drawn) if cache else drawn
        again = config.getoption("lf", False)
        os.environ[_SEED] = str(last if again else drawn)
        if not again:
            os.environ[_DRAWN] = "true"
    if cache and not hasattr(config, "workerinput"):
        cache.set(_LAST_SEED, run_seed())
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(run_seed())
    # Hypothesis draws new examples on every run, keeps nothing in the checkout and sets no time
    # limit, neither for a test nor for drawing its examples.
    hypothesis.settings.register_profile(
        "tandem",
        database=None,
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
        max_examples=100 * LONGER[_depth_of(config)],
    )
    hypothesis.settings.load_profile("tandem")


def seed_was_drawn() -> bool:
    """Was the run's seed drawn for it, and not given to repeat something?"""
    return _DRAWN in os.environ


def run_seed() -> int:
    """The run's seed."""
    return int(os.environ[_SEED])


def pytest_report_header() -> str:
    """Show the seed that repeats the run."""
    return f"seed: {_SEED}={run_seed()}"


def _depth_of(config: pytest.Config) -> int:
    return max(place for place, name in enumerate(_DEPTHS) if config.getoption(name, True))


@pytest.fixture(scope="session")
def depth(pytestconfig: pytest.Config) -> int:
    """The run's depth: 0 is usual, 1 thorough, 2 soak."""
    return _depth_of(pytestconfig)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that are deeper than the run, and start long ones first."""
    failed: dict[str, bool] = {}
    if config.getoption("lf", False):
        assert config.cache
        failed = config.cache.get("cache/lastfailed", {})
    deeper = _DEPTHS[_depth_of(config) + 1 :]
    one_door = _other_doors(items) if _is_whole_usual_run(config) else set[str]()
    kept, left_out = list[pytest.Item](), list[pytest.Item]()
    for item in items:
        too_deep = any(map(item.get_closest_marker, deeper)) or item.nodeid in one_door
        (left_out if too_deep and item.nodeid not in failed else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    # xdist sends this to the process that reports.
    getattr(config, "workeroutput", {})["left_out"] = [item.nodeid for item in left_out]
    items[:] = sorted(kept, key=lambda item: item.path.name not in _FIRST)


def _is_whole_usual_run(config: pytest.Config) -> bool:
    """Does this run have every usual test? Named files and words run on all doors."""
    whole = [Path(argument).resolve() for argument in config.args] == [_TESTS]
    chosen = any(config.getoption(name, None) for name in ("keyword", "markexpr", "lf"))
    return whole and not chosen and _depth_of(config) == 0


def _other_doors(items: list[pytest.Item]) -> set[str]:
    """The tests that a whole usual run leaves to the thorough part.

    A test that goes through a `door` runs once for each of its values, on a door that the run's
    seed draws. The doors of a test's values take turns, so that a test of four values uses all.
    """
    tests: dict[str, dict[tuple[int, ...], list[pytest.Item]]] = {}
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is None or "door" not in callspec.params:
            continue
        # The doors of one value are given the same object.
        value = tuple(id(given) for name, given in callspec.params.items() if name != "door")
        values = tests.setdefault(item.nodeid.partition("[")[0], {})
        values.setdefault(value, []).append(item)
    others = set[str]()
    for name, values in tests.items():
        first = random.Random(f"{run_seed()} {name}").randrange(len(DOORS))
        for turn, doors in enumerate(values.values(), first):
            kept = doors[turn % len(doors)]
            others.update(item.nodeid for item in doors if item is not kept)
    return others


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Count the deselected tests, which are the same in every xdist process."""
    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    if left_out := getattr(node, "workeroutput", {}).get("left_out"):
        reporter.stats["deselected"] = [SimpleNamespace(nodeid=nodeid) for nodeid in left_out]


class _Apart(LoadScopeScheduling):
    """Gives each test to a free process, but all tests of a file in `_TOGETHER` to one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return file if file.endswith(_TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Apart | None:
    """Choose how xdist shares the tests out."""
    return _Apart(config, log) if config.getoption("dist") == "load" else None


@pytest.fixture(autouse=True)
def own_chance(request: pytest.FixtureRequest) -> None:
    """Seed `random` for each test by its name, so that it draws the same numbers when run alone."""
    random.seed(f"{run_seed()} {request.node.nodeid}")
    exchanges.forget()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add to a failure's report the last calls, and the command that repeats the test alone."""
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
