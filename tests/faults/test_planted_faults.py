"""The parity tests can fail, and say why: each of these faults turns a named one red."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, Addresses
from tests.faults import FAULTS


@pytest.fixture(scope="module")
def outcomes(addresses: Addresses) -> dict[str, str]:
    """How the named test of every fault ended, and how all of them end without any."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    environment |= {"DATABASE_URL": addresses.database_url, "REDIS_URL": addresses.redis_url}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize("fault", [fault.__name__ for fault in FAULTS])
def test_a_planted_fault_turns_its_test_red(outcomes: dict[str, str], fault: str) -> None:
    assert outcomes[fault] == "call failed by an assertion and showed its calls"


def test_without_a_fault_the_same_tests_are_green(outcomes: dict[str, str]) -> None:
    assert outcomes["none"] == ", ".join(["call passed"] * len(set(FAULTS.values())))
