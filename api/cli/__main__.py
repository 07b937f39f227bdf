"""The `tandem` command: serve, worker, migrate, create-admin, seed, keys, audit and doctor.

Runs from the checkout as `python -m api.cli` or `./scripts/tandem`. What can be wrong with a
machine is one sentence on stderr and exit code 1, never a traceback.
"""

import asyncio
import http.client
import importlib.metadata
import os
import platform
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from api.cli import serving
from api.cli.admin import create_admin
from api.cli.audit import audit
from api.cli.common import (
    DATA,
    DataOption,
    Problem,
    err,
    load_embedded_servers,
    loading,
    out,
    place_of,
    read_settings,
    running_servers,
)
from api.cli.keys import check_keys, keys, with_database

if TYPE_CHECKING:
    from services.settings import Settings

DEMO_LOGINS = "admin manager moderator user"
DEMO_PASSWORD = "tandem-demo-1"  # noqa: S105  (development only; production refuses to seed it)
ANSWER_SECONDS = 60  # the first answer; a cold start takes under 5

app = typer.Typer(
    name="tandem", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Server processes.")] = 1,
    data: DataOption = DATA,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Load no demo data.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the folder's data first.")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Restart when code changes.")] = False,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Run no jobs.")] = False,
) -> None:
    """Serve both faces and run jobs; with servers of its own unless their URLs are set."""
    if reload and workers > 1:
        raise Problem("--reload serves with one worker: leave --workers out.")
    _interruptible()
    with suppress(KeyboardInterrupt), _counting(), _listen(host, port) as listener:
        settings = read_settings()
        if reset:
            _reset(settings, data)
        url = f"http://{'localhost' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104
        if "public_url" not in settings.model_fields_set:
            os.environ["TANDEM_PUBLIC_URL"] = url
        _mail_below(data, settings)
        if "processes" not in settings.model_fields_set:
            os.environ["TANDEM_PROCESSES"] = str(workers)
        own_database = "database_url" not in settings.model_fields_set
        with running_servers(settings, data) as settings:
            _migrate(settings)
            check_keys(settings)
            _refuse_other_currency(settings)
            try:
                _redis_version(settings)
            except Problem as problem:
                err.print(escape(str(problem)), soft_wrap=True)
            demo = not no_demo and settings.environment != "production"
            if demo:
                demo = _seed(settings) or own_database
            ready = threading.Thread(
                target=_announce,
                args=(url, port, demo, own_database, None if no_worker else _mails(settings)),
                daemon=True,
            )
            ready.start()
            with nullcontext() if no_worker else serving.worker_beside() as child:
                started = serving.run(listener, workers, reload, child, settings)
            if not started:
                raise Problem("A server process could not start: see the messages above.")
    out.print("Tandem has stopped.")


@contextmanager
def _counting() -> Iterator[None]:
    """A folder in which all processes count, so that whichever is asked speaks for all.

    prometheus_client looks for it when it is imported, which is later.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-metrics-") as folder:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
        yield


@app.command()
def worker(
    data: DataOption = DATA,
    follow: Annotated[bool, typer.Option("--follow", hidden=True)] = False,
) -> None:
    """Run jobs alone, on a migrated database; SIGTERM and Ctrl-C let running jobs finish."""
    with loading():
        from api.worker import run

    _interruptible()
    settings = read_settings()
    _mail_below(data, settings)
    with suppress(KeyboardInterrupt), running_servers(settings, data):
        settings = read_settings()  # again: where mails go may have been told meanwhile
        if not follow:
            _refuse_without_tables(settings)
        run(settings, follow=follow)


@app.command()
def migrate(
    grant_to: Annotated[
        str | None,
        typer.Option(help="A role for Tandem to serve as, which cannot change what it logged."),
    ] = None,
    data: DataOption = DATA,
) -> None:
    """Bring the database to the newest schema, as the owner of its tables."""
    with running_servers(read_settings(), data) as settings:
        _migrate(settings)
        if grant_to is not None:
            _grant(settings, grant_to)
    out.print("The database is at the newest schema.")


app.command("create-admin")(create_admin)


@app.command()
def seed(data: DataOption = DATA) -> None:
    """Load the demo data into an empty database."""
    if read_settings().environment == "production":
        raise Problem("Demo data has a published password: production does not load it.")
    with running_servers(read_settings(), data) as settings:
        _migrate(settings)
        loaded = _seed(settings)
    out.print("Demo data loaded." if loaded else "The database holds data already: left as it is.")


@app.command()
def doctor(data: DataOption = DATA) -> None:
    """Say what Tandem finds here: versions, settings, PostgreSQL, Redis."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")  # an address that is cut off cannot be checked
    healthy = True

    def row(sound: bool, name: str, found: str) -> None:
        nonlocal healthy
        healthy &= sound
        table.add_row("[green]✓[/]" if sound else "[red]✗[/]", name, escape(found))

    row(True, "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in ("strawberry-graphql", "fastapi", "sqlmodel", "asyncpg", "uvicorn"):
        row(True, package, importlib.metadata.version(package))
    try:
        _mail_below(data, read_settings())
        with running_servers(read_settings(), data) as settings:
            row(True, "Settings", f"valid, environment {settings.environment}")
            row(True, "Mails", _mails(settings))
            for name, look in (("PostgreSQL", _database_found), ("Redis", _redis_version)):
                try:
                    row(True, name, look(settings))
                except Problem as problem:
                    row(False, name, str(problem))
    except Problem as problem:
        row(False, "Set-up", str(problem))
    out.print(table)
    raise typer.Exit(0 if healthy else 1)


def main() -> None:
    """Runs the command; a Problem becomes its sentence."""
    try:
        app(prog_name="tandem")
    except Problem as problem:
        err.print(f"[red]tandem:[/] {escape(str(problem))}", soft_wrap=True)
        sys.exit(1)


def _interruptible() -> None:
    """SIGTERM is like Ctrl-C until something handles both better."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Takes the port before anything slow starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise Problem(
                f"Cannot listen on {host} port {port} ({error.strerror}): choose another --port."
            ) from None
        listener.set_inheritable(True)
        yield listener


def _mail_below(data: Path, settings: "Settings") -> None:
    """Mails that go into a folder go beside the other data, unless they were given a place."""
    if "mail_folder" not in settings.model_fields_set and settings.development:
        os.environ["TANDEM_MAIL_FOLDER"] = str(data.resolve() / "mail")


def _mails(settings: "Settings") -> str:
    """Where mails go, for a person."""
    if settings.smtp_url is not None:
        return f"sent by {place_of(settings.smtp_url.get_secret_value())}"
    return f"written into {settings.mail_folder}"


def _reset(settings: "Settings", data: Path) -> None:
    if "database_url" in settings.model_fields_set:
        raise Problem("--reset deletes embedded data only: unset DATABASE_URL, or empty it there.")
    embedded = load_embedded_servers()
    try:
        embedded.reset(data)
    except embedded.EmbeddedError as error:
        raise Problem(str(error)) from None


def _migrate(settings: "Settings") -> None:
    from persistence.database.migrate import upgrade

    _database_version(settings)  # says what is wrong with the address before Alembic does
    upgrade(settings.database_url)


def _refuse_without_tables(settings: "Settings") -> None:
    """A worker alone would find no queue, and say so for ever; a database that is away may come."""
    from sqlalchemy.exc import SQLAlchemyError

    from persistence.database import migrate
    from persistence.database.failures import DRIVER_ERRORS

    try:
        here, _ = asyncio.run(migrate.current(settings.database_url))
    except (*DRIVER_ERRORS, SQLAlchemyError):
        return
    if here is None:
        raise Problem("The database has none of Tandem's tables: run ./scripts/tandem migrate.")


def _refuse_other_currency(settings: "Settings") -> None:
    """An installation has one currency: amounts are compared and added without a look at it."""
    from persistence.database.transactions import QueryStats
    from persistence.wallet import KEPT_CURRENCY

    kept = with_database(
        settings, lambda database: database.reader(QueryStats()).one(KEPT_CURRENCY)
    )
    if kept not in (None, settings.currency):
        raise Problem(f"The wallets here hold {kept}: TANDEM_CURRENCY cannot be another.")


def _database_found(settings: "Settings") -> str:
    """PostgreSQL's version and the schema; raises `Problem` where it is not this code's."""
    from persistence.database import migrate

    version = _database_version(settings)
    here, newest = asyncio.run(migrate.current(settings.database_url))
    if here != newest:
        found = f"schema {here}" if here else "no schema"
        raise Problem(f"{version}, with {found} for {newest}: run ./scripts/tandem migrate.")
    return f"{version}, schema {here}"


def _grant(settings: "Settings", role: str) -> None:
    from persistence.database.grants import Ungrantable, grant

    try:
        asyncio.run(grant(settings.database_url, role))
    except Ungrantable as error:
        raise Problem(str(error)) from None


def _seed(settings: "Settings") -> bool:
    from api.local.demo.seed import seed as load

    with out.status("Loading demo data …") as status:
        return asyncio.run(load(settings, lambda step: status.update(f"Loading demo data: {step}")))


def _database_version(settings: "Settings") -> str:
    import asyncpg

    async def look() -> str:
        url = settings.database_url.replace("postgresql+asyncpg:", "postgresql:", 1)
        connection = await asyncpg.connect(url, timeout=5)
        try:
            return await connection.fetchval("SHOW server_version", timeout=5)
        finally:
            await connection.close(timeout=5)

    try:
        return f"{asyncio.run(look())} at {place_of(settings.database_url)}"
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Problem(
            f"PostgreSQL at {place_of(settings.database_url)} cannot be used"
            f" ({str(error) or 'no answer in time'}): check DATABASE_URL."
        ) from None


def _redis_version(settings: "Settings") -> str:
    import redis

    try:
        client = redis.Redis.from_url(
            settings.redis_url, socket_connect_timeout=5, socket_timeout=5, decode_responses=True
        )
        with client:
            found: Any = client.info("server")
    except (redis.RedisError, ValueError) as error:
        raise Problem(
            f"Redis at {place_of(settings.redis_url)} cannot be used ({error}): check REDIS_URL."
            " Without it Tandem is right, but slower."
        ) from None
    version = found.get("valkey_version") or found["redis_version"]
    return f"{version} at {place_of(settings.redis_url)}"


def _announce(url: str, port: int, demo: bool, own_database: bool, mails: str | None) -> None:
    """Prints where everything is, once it really answers."""
    host = urlsplit(url).hostname or "localhost"
    limit = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < limit:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, port, timeout=2)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status < 500:
                break
        time.sleep(0.05)
    else:
        err.print(f"Tandem does not answer on {url} yet: see the messages above.")
        return
    lines = [
        f"GraphQL    {url}/graphql",
        f"REST       {url}/api/v2",
        f"Reference  {url}/docs",
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
    # Never wrapped: a broken curl line cannot be pasted.
    width = max(map(len, lines)) + 4
    Console(highlight=False, width=max(width, out.width)).print(
        Panel("\n".join(lines), title="Tandem is ready", expand=False, title_align="left")
    )


if __name__ == "__main__":
    main()
