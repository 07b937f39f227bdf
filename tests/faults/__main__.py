"""Runs the tests of all faults; see the package.

Everything is imported once, and every run is a fork of that: a run takes about a second.
"""

import multiprocessing
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from queue import Empty
from typing import Any

import pytest

import api.app
import tests.conftest  # noqa: F401
from tests.faults import FAULTS, report
from tests.suite import CALLS

_SECONDS = 240
_PLAIN = [
    "-q",
    "--no-header",
    *("-p", "no:cacheprovider"),
    *("-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
]


class Watch:
    """How the one test of a run ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a call that ended, and what else went wrong."""
        if report.when == "call" or report.failed:
            wrong = "an assertion" if "AssertionError" in report.longreprtext else "an error"
            calls = "its calls" if CALLS in dict(report.sections) else "no calls"
            told = f" by {wrong} and showed {calls}" * report.failed
            self.ended.append(f"{report.when} {report.outcome}{told}")


def run(plant: Callable[[], None] | None, tests: list[str], outcomes: Any) -> None:
    """In a process of its own: break one thing, or nothing, and run tests."""
    if plant is not None:
        plant()
    watch = Watch()
    pytest.main([*_PLAIN, *tests], plugins=[watch])
    outcomes.put(watch.ended)


def ended(plant: Callable[[], None] | None, tests: list[str]) -> str:
    """How tests end with a fault, or without one."""
    forking = multiprocessing.get_context("fork")
    outcomes = forking.Queue()
    child = forking.Process(target=run, args=(plant, tests, outcomes))
    child.start()
    try:
        found = outcomes.get(timeout=_SECONDS)
    except Empty:
        child.kill()
        found = ["not ended"]
    child.join(_SECONDS)
    return ", ".join(found)


def main() -> None:
    """Every fault, and none."""
    assert api.app.create_app
    for plugin in entry_points(group="pytest11"):
        if plugin.name != "valkey":  # which pytest's own settings leave out
            plugin.load()
    found = {plant.__name__: ended(plant, [test]) for plant, test in FAULTS.items()}
    found["none"] = ended(None, list(dict.fromkeys(FAULTS.values())))
    sys.stdout.write("\n" + report(found) + "\n")


if __name__ == "__main__":
    main()
