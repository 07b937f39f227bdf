"""Commands and scripts say what they are and what they cannot do, at once."""

import socket
import subprocess

import pytest

from services.settings.settings import Settings
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
            [CHECKOUT / "scripts" / script, option], capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        lines = (CHECKOUT / "scripts" / script).read_text().splitlines()
        assert ran.stdout.splitlines()[0] == lines[1].removeprefix("# ")
        assert "set -euo" not in ran.stdout


_NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
_INVALID = "The settings are not valid: "


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        ((), {}, "PostgreSQL at 127.0.0.1:1/none cannot be used (connection refused)"),
        ((), {"TANDEM_ENVIRONMEN": "production"}, f"{_INVALID}TANDEM_ENVIRONMEN is no setting"),
        ((), {"TANDEM_POOL_MAX": "x"}, f"{_INVALID}TANDEM_POOL_MAX must be a valid"),
        ((), {"TANDEM_ENVIRONMENT": "production"}, f"{_INVALID}In production TANDEM_SECRET"),
        (("--reload", "--workers", "2"), {}, "--reload serves with one worker"),
    ],
    ids=["no database", "unknown setting", "wrong setting", "unsafe production", "two ways"],
)
async def test_a_failed_start_is_one_sentence(
    settings: Settings, words: tuple[str, ...], more: dict[str, str], said: str
) -> None:
    away = settings.model_copy(update={"database_url": _NOWHERE})
    status, told = await commands.tandem(away, "serve", "--port", str(free_port()), *words, **more)
    assert status == 1
    assert told.startswith(f"tandem: {said}")
    assert told.count("\n") == 1


async def test_a_port_in_use_is_named(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, told = await commands.tandem(settings, "serve", "--port", str(port))
    assert status == 1
    assert told.startswith(f"tandem: Cannot listen on 127.0.0.1 port {port} (")
    assert told.endswith("choose another --port.\n")
