"""Commands and scripts say what they are and what they cannot do, at once."""

import subprocess

import pytest

from tests import commands
from tests.conftest import CHECKOUT
from tests.worker.work import free_port


async def test_the_version_is_the_project_s() -> None:
    status, said = await commands.tandem(None, "--version")
    assert status == 0
    assert (
        f'version = "{said.removeprefix("tandem ").strip()}"'
        in (CHECKOUT / "pyproject.toml").read_text()
    )


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.7"])
async def test_a_wrong_host_is_not_taken_for_a_wrong_port(host: str) -> None:
    status, said = await commands.tandem(None, "serve", "--host", host, "--port", str(free_port()))
    assert (status, said) == (1, f"tandem: --host {host} is no address of this machine.\n")


@pytest.mark.parametrize("script", ["check", "lock", "setup", "test"])
def test_a_script_tells_what_it_does(script: str) -> None:
    for option in ("--help", "-h"):
        ran = subprocess.run(
            [CHECKOUT / "scripts" / script, option], capture_output=True, text=True, timeout=10
        )
        assert ran.returncode == 0, ran.stderr
        lines = (CHECKOUT / "scripts" / script).read_text().splitlines()
        assert ran.stdout.splitlines()[0] == lines[1].removeprefix("# ")
        assert "set -euo" not in ran.stdout
