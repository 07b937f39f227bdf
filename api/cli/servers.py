"""Access for commands: to settings, embedded servers, the database and a whole process."""

import asyncio
import os
import re
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import ValidationError
from rich.markup import escape

from api.cli.terminal import Problem, err
from persistence.database.failures import DatabaseError, NotMigrated
from persistence.database.pool import Database
from persistence.reachability import place_of, reason
from services.errors.base import TandemError
from services.errors.common import Unavailable
from services.jobs.lanes import QUEUE_CONNECTIONS
from services.process import Process, new_database, new_process
from services.settings.names import UnknownSetting, variable
from services.settings.production import open_connections
from services.settings.settings import Settings
from services.shop import OtherCurrency, keep_currency

Answer = TypeVar("Answer")
_SERVER_NAMES = {"postgres": "PostgreSQL", "valkey": "Valkey"}
MORE_CONNECTIONS = "Lower TANDEM_POOL_MAX, or raise PostgreSQL's max_connections."
#: How often a command looks at its embedded servers.
_LOOK_SECONDS = 1


def read_settings() -> Settings:
    """The settings of the environment; raises `Problem` when they are not valid."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [_setting_problem(problem) for problem in error.errors()]
        raise Problem("The settings are not valid: " + "; ".join(wrong) + ".") from None
    except UnknownSetting as error:
        raise Problem(f"The settings are not valid: {error}") from None


def _setting_problem(problem: Any) -> str:
    name = str(problem["loc"][0]).upper() if problem["loc"] else ""
    name = name and variable(name.removeprefix("TANDEM_").lower())
    said = problem["msg"].removeprefix("Value error, ")
    # Our own messages go on after the name; pydantic's begin with a word for the value.
    return f"{name} {re.sub(r'^(Input|String) should ', 'must ', said)}".strip()


@contextmanager
def running_servers(settings: Settings, data: Path) -> Iterator[Settings]:
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
    stopping = threading.Event()
    try:
        # Workers are separate processes and read the environment again.
        if own_database:
            os.environ["DATABASE_URL"] = servers.database_url
        if own_redis:
            os.environ["REDIS_URL"] = servers.redis_url
        watch = threading.Thread(target=_keep_running, args=(servers, stopping), daemon=True)
        watch.start()
        yield read_settings()
    finally:
        stopping.set()
        for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C must leave nothing running
            signal.signal(number, signal.SIG_IGN)
        servers.stop()


def _keep_running(servers: Any, stopping: threading.Event) -> None:
    """Start embedded servers again when they end; end the command when that is not possible."""
    embedded = load_embedded_servers()
    while not stopping.wait(_LOOK_SECONDS):
        try:
            for name in servers.start_what_ended():
                err.print(f"{_SERVER_NAMES[name]} had ended. It runs again.")
        except embedded.EmbeddedError as error:
            err.print(f"An embedded server ended: {error}. Tandem stops.", soft_wrap=True)
            os.kill(os.getpid(), signal.SIGTERM)
            return


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


def with_database(settings: Settings, act: Callable[[Database], Awaitable[Answer]]) -> Answer:
    """Run ``act`` with a database opened for it; raises `Problem` when that is not usable."""

    async def run() -> Answer:
        database = new_database(settings.model_copy(update={"pool_min": 1}))
        database.reachability.tells = False
        try:
            return await act(database)
        finally:
            await database.close()

    return _run(settings, run)


def with_process(settings: Settings, act: Callable[[Process], Awaitable[Answer]]) -> Answer:
    """Run ``act`` with a whole process, which operations need; raises `Problem` likewise."""

    async def run() -> Answer:
        process = new_process(settings.model_copy(update={"pool_min": 1}))
        process.database.reachability.tells = False
        try:
            with suppress(DatabaseError):  # ``act`` meets it again, and says it in its own way
                await process.shared_clock.measure()
            return await act(process)
        finally:
            await process.close()

    return _run(settings, run)


def keep_database_currency(settings: Settings) -> None:
    """Record the currency in the database; raises `Problem` where another one is recorded."""
    try:
        with_database(settings, lambda database: keep_currency(database, settings.currency))
    except OtherCurrency as error:
        raise Problem(str(error)) from None


def _run(settings: Settings, act: Callable[[], Any]) -> Any:
    place = place_of(settings.database_url)
    try:
        return asyncio.run(act())
    except NotMigrated:
        raise Problem(f"The database at {place} is not migrated: run `tandem migrate`.") from None
    except DatabaseError as error:
        raise Problem(
            f"PostgreSQL at {place} cannot be used ({reason(error)}): check DATABASE_URL."
        ) from None


def database_problem(settings: Settings, error: TandemError) -> str | None:
    """A sentence about the database, where an operation failed because of it."""
    place = place_of(settings.database_url)
    if isinstance(error.__cause__, NotMigrated):
        return f"The database at {place} is not migrated: run `tandem migrate`."
    if isinstance(error, Unavailable):
        return f"PostgreSQL at {place} cannot be used: check DATABASE_URL."
    return None


def warnings(settings: Settings) -> list[str]:
    """Warnings to an operator at the start, in sentences."""
    if settings.development:
        return []
    return open_connections(settings.database_url, settings.redis_url)


def connections_found(settings: Settings, servers: int, workers: int = 1) -> tuple[bool, str]:
    """Whether PostgreSQL takes as many connections as all pools may open, and the sum in words."""
    limit = with_database(settings, lambda database: database.connection_limit())
    worker = settings.pool_max + QUEUE_CONNECTIONS
    most = servers * settings.pool_max + workers * worker
    sums = [f"{servers} × {settings.pool_max} of servers"]
    sums += [f"{workers} × {worker} of workers"] if workers else []
    found = f"at most {most} ({' and '.join(sums)}), PostgreSQL takes {limit}"
    return most <= limit, found


def warn_of_connections(settings: Settings, servers: int, workers: int) -> None:
    """Warn where the pools may open more connections than PostgreSQL takes."""
    enough, found = connections_found(settings, servers, workers)
    if not enough:
        warning = f"Connections: {found}. {MORE_CONNECTIONS}"
        err.print(f"[yellow]tandem:[/] {escape(warning)}", soft_wrap=True)


def warn(settings: Settings) -> None:
    """Write the warnings to stderr."""
    for sentence in warnings(settings):
        err.print(f"[yellow]tandem:[/] {escape(sentence)}", soft_wrap=True)


def interrupt_on_signals() -> None:
    """Treat SIGTERM like Ctrl-C until a server handles both better."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


def folders_below(data: Path, settings: Settings) -> None:
    """Put mails and files beside the other data, unless the settings name a place for them."""
    if "mail_folder" not in settings.model_fields_set and settings.development:
        os.environ["TANDEM_MAIL_FOLDER"] = str(data.resolve() / "mail")
    if "files_url" not in settings.model_fields_set:
        os.environ["TANDEM_FILES_URL"] = f"file:{quote(str(data.resolve() / 'files'))}"


def mail_place(settings: Settings) -> str:
    """The destination of mail, in words."""
    if settings.smtp_url is not None:
        return f"sent by {place_of(settings.smtp_url.get_secret_value())}"
    return f"written into {settings.mail_folder}"
