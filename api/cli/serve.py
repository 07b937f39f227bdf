"""`tandem serve`: both faces and the jobs, with servers of its own unless their URLs are set."""

import errno
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from rich.console import Console
from rich.panel import Panel

from api.cli.keys import check_keys
from api.cli.loading import loading
from api.cli.migrate import migrate_database
from api.cli.servers import (
    folders_below,
    interrupt_on_signals,
    keep_database_currency,
    load_embedded_servers,
    mail_place,
    read_settings,
    running_servers,
    warn,
    warn_of_connections,
)
from api.cli.terminal import Problem, beside_log, err, out
from services import logs
from services.settings.settings import Settings

log = structlog.get_logger("tandem.serve")

DEMO_LOGINS = "admin manager moderator user"
DEMO_PASSWORD = "tandem-demo-1"  # noqa: S105  (development only; production refuses to seed it)
#: Errors of listening that another port would not mend.
_WRONG_HOST = {socket.EAI_NONAME, socket.EAI_AGAIN, errno.EADDRNOTAVAIL}
ANSWER_SECONDS = 60  # the first answer; a cold start takes under 5


@dataclass(frozen=True)
class Options:
    """The options of `tandem serve`; see `tandem serve --help`."""

    host: str
    port: int
    workers: int
    data: Path
    demo: bool
    reset: bool
    reload: bool
    worker: bool

    @property
    def url(self) -> str:
        """The address for a browser on this machine."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{host}:{self.port}"


def serve(options: Options) -> None:
    """Serve until a signal; raises `Problem` when something has to be put right first."""
    interrupt_on_signals()
    listening = _listen(options.host, options.port)
    with suppress(KeyboardInterrupt), listening as listener:
        settings = read_settings()
        logs.configure(
            level=settings.least_level,
            service="tandem-serve",
            environment=settings.environment,
        )
        if options.reset:
            _reset(settings, options.data)
        _set_defaults(options, settings)
        own_database = "database_url" not in settings.model_fields_set
        with running_servers(settings, options.data) as settings:
            demo = _prepare(settings, demo=options.demo, own_database=own_database)
            warn_of_connections(settings, options.workers, int(options.worker))
            mails = mail_place(settings) if options.worker else None
            ready = threading.Thread(
                target=_announce, args=(options, demo, own_database, mails), daemon=True
            )
            ready.start()
            # uvicorn takes 0.1 s to load, which other commands and mistakes need not pay.
            from api.cli import server_processes

            worker = server_processes.worker_beside(reload=options.reload)
            beside = worker if options.worker else nullcontext()
            with beside as child:
                started = server_processes.run(
                    listener, options.workers, options.reload, child, settings, _tell_stopping
                )
            if not started:
                raise Problem("A server process could not start: see the messages above.")
    beside_log.print("Tandem has stopped.")


def _tell_stopping() -> None:
    """Say on a terminal that what runs is finished first."""
    if out.is_terminal:
        out.print("Stopping: waiting for requests and jobs that run. Ctrl-C again ends them.")


def _set_defaults(options: Options, settings: Settings) -> None:
    """Set environment variables from the options; child processes read them too."""
    if "public_url" not in settings.model_fields_set:
        os.environ["TANDEM_PUBLIC_URL"] = options.url
    if "processes" not in settings.model_fields_set:
        os.environ["TANDEM_PROCESSES"] = str(options.workers)
    folders_below(options.data, settings)


def _prepare(settings: Settings, *, demo: bool, own_database: bool) -> bool:
    """Migrate, check, and load the demo shop if asked; returns whether the shop is there."""
    warn(settings)
    migrate_database(settings)
    check_keys(settings)
    keep_database_currency(settings)
    if not demo or settings.environment == "production":
        return False
    with loading():
        from api.cli.seed import seed_database

    return seed_database(settings) or own_database


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Bind the port before anything slow starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno in _WRONG_HOST:
                raise Problem(f"--host {host} is no address of this machine.") from None
            raise Problem(
                f"Cannot listen on {host} port {port} ({error.strerror}): choose another --port."
            ) from None
        listener.set_inheritable(True)
        yield listener


def _reset(settings: Settings, data: Path) -> None:
    if "database_url" in settings.model_fields_set:
        raise Problem("--reset deletes embedded data only: unset DATABASE_URL, or empty it there.")
    embedded = load_embedded_servers()
    try:
        embedded.reset(data)
    except embedded.EmbeddedError as error:
        raise Problem(str(error)) from None


def _announce(options: Options, demo: bool, own_database: bool, mails: str | None) -> None:
    """Print all addresses once the server answers."""
    url = options.url
    host = urlsplit(url).hostname or "localhost"
    limit = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < limit:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, options.port, timeout=2)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status < 500:
                break
        time.sleep(0.05)
    else:
        err.print(f"Tandem does not answer on {url} yet: see the messages above.")
        return
    lines = _box(url, demo, own_database, mails)
    # Lines are not wrapped: a broken curl line cannot be pasted.
    width = max(map(len, lines)) + 4
    log.info("ready", url=url)
    console = Console(highlight=False, stderr=beside_log.stderr, width=max(width, out.width))
    console.print(
        Panel("\n".join(lines), title="Tandem is ready", expand=False, title_align="left")
    )


def _box(url: str, demo: bool, own_database: bool, mails: str | None) -> list[str]:
    """The lines of the box: addresses, logins, what to try, how to stop and reset."""
    lines = [
        f"Explorer   {url}/",
        f"GraphQL    {url}/graphql",
        f"REST       {url}/api/v2",
        f"Reference  {url}/docs",
        f"Operators  {url}/ops",
        "",
    ]
    if demo:
        logins = [f"{name}@example.com" for name in DEMO_LOGINS.split()]
        lines += [
            f"Log in as  {logins[0]}, {logins[1]},",
            f"           {logins[2]}, {logins[3]}",
            f"Password   {DEMO_PASSWORD}",
            "",
        ]
    if mails:
        lines += [f"Mails      {mails}"]
    lines += [f"Try        curl '{url}/api/v2/products?first=3'", "Stop       Ctrl-C"]
    if own_database:
        lines += ["Reset      the same command with --reset"]
    return lines
