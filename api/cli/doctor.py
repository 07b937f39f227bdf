"""`tandem doctor`: say what Tandem finds on this machine."""

import asyncio
import importlib.metadata
import logging
import os
import platform
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
import structlog
from rich.markup import escape
from rich.table import Table

from api.cli.migrate import database_version
from api.cli.reindex import counted
from api.cli.servers import (
    MORE_CONNECTIONS,
    connections_found,
    folders_below,
    load_embedded_servers,
    mail_place,
    read_settings,
    warnings,
    with_database,
)
from api.cli.terminal import Problem, out
from persistence import revision
from persistence.database.pool import Database
from persistence.reachability import place_of, reason
from services.errors.common import Unavailable
from services.files.choosing import new_store
from services.files.trying import try_out
from services.health import takes_writes
from services.search.reindexing import outdated
from services.settings.files import bucket_of, folder_of
from services.settings.settings import Settings
from services.shared_clock import MOST_OFF, SharedClock, machine_clock
from services.shop import OtherCurrency, refuse_other_currency


def doctor(data: Path) -> bool:
    """Print what is found; True when all of it is sound."""
    # The table says it, and the log would say it beside it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")  # an address that is cut off cannot be checked
    healthy = True

    def row(sound: bool | None, name: str, found: str) -> None:
        nonlocal healthy
        healthy &= sound is not False
        mark = {True: "[green]✓[/]", None: "[yellow]![/]", False: "[red]✗[/]"}[sound]
        table.add_row(mark, name, escape(found))

    row(True, "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in ("strawberry-graphql", "fastapi", "sqlmodel", "asyncpg", "uvicorn"):
        row(True, package, importlib.metadata.version(package))
    try:
        folders_below(data, read_settings())
        settings, missing = _running_servers(read_settings(), data)
        row(True, "Settings", f"valid, environment {settings.environment}")
        row(True, "Mails", mail_place(settings))
        try:
            row(*files_found(settings))
        except Problem as problem:
            row(False, "Files", str(problem))
        for name, setting, look in (
            ("PostgreSQL", "database_url", _database_found),
            ("Clock", "database_url", clock_found),
            ("Redis", "redis_url", redis_version),
        ):
            if setting in missing:
                if name != "Clock":
                    row(None, name, missing[setting])
                continue
            try:
                row(True, name, look(settings))
                if name == "PostgreSQL":
                    row(*_search_found(settings))
            except Problem as problem:
                row(False, name, str(problem))
        if "database_url" not in missing:
            with suppress(Problem):  # told above
                enough, found = connections_found(settings, settings.processes)
                advice = "" if enough else f". {MORE_CONNECTIONS}"
                row(enough or None, "Connections", found + advice)
        for sentence in warnings(settings):
            row(None, "Warning", sentence)
    except Problem as problem:
        row(False, "Set-up", str(problem))
    out.print(table)
    return healthy


def _running_servers(settings: Settings, data: Path) -> tuple[Settings, dict[str, str]]:
    """The settings with the addresses of the folder's servers that run, and words for the others.

    It starts no server and makes no folder.
    """
    unset = {"database_url", "redis_url"} - settings.model_fields_set
    if not unset:
        return settings, {}
    embedded = load_embedded_servers()
    running, addresses = embedded.look(data)
    names = {"database_url": "postgres", "redis_url": "valkey"}
    there = (data / "postgres").is_dir()
    found = f"not running in {data}" if there else f"none in {data} yet"
    others = [str(folder) for folder in embedded.running_folders() if folder != data.resolve()]
    also = f"; running in {', '.join(others)} (--data)" if others else ""
    missing = {
        setting: f"{found}: ./scripts/serve starts it{also}"
        for setting in unset
        if names[setting] not in running
    }
    update = {setting: addresses[setting] for setting in unset - missing.keys()}
    return settings.model_copy(update=update), missing


def files_found(settings: Settings) -> tuple[bool | None, str, str]:
    """Where files are stored; raises `Problem` when none can be written, read or deleted there."""
    bucket = bucket_of(settings.files_url)
    if bucket is not None:
        place = f"bucket {bucket.name} at {place_of(bucket.endpoint)}"
        keys = "TANDEM_FILES_ACCESS_KEY and TANDEM_FILES_SECRET_KEY"
        _try_out(settings, place, f"make the bucket, or check TANDEM_FILES_URL, {keys}")
        return True, "Files", f"written, read and deleted in {place}"
    folder = folder_of(settings.files_url).absolute()
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if there != folder and there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return None, "Files", f"no folder {folder} yet: the first file makes it"
    before = set(folder.iterdir()) if folder.is_dir() else set()
    try:
        advice = "let the user who runs Tandem write there, or set TANDEM_FILES_URL"
        _try_out(settings, f"folder {folder}", advice)
    finally:
        # The user who runs Tandem could not write into folders of the one who runs this.
        for made in set(folder.iterdir()) - before if folder.is_dir() else ():
            with suppress(OSError):
                made.rmdir()
    return True, "Files", f"written, read and deleted in folder {folder}"


def _try_out(settings: Settings, place: str, advice: str) -> None:
    try:
        asyncio.run(try_out(new_store(settings), datetime.now(UTC)))
    except Unavailable as error:
        why = reason(error.__cause__) if error.__cause__ else error.detail.rstrip(".")
        raise Problem(
            f"{place} cannot be used ({why}): {advice}. Without it, no picture is sent or shown."
        ) from None


def redis_version(settings: Settings) -> str:
    """Redis's version and place; raises `Problem` when it cannot be used."""
    try:
        client = redis.Redis.from_url(
            settings.redis_url, socket_connect_timeout=5, socket_timeout=5, decode_responses=True
        )
        with client:
            found: Any = client.info("server")
    except (redis.RedisError, ValueError) as error:
        raise Problem(
            f"Redis at {place_of(settings.redis_url)} cannot be used ({reason(error)}):"
            " check REDIS_URL. Without it Tandem is right, but slower."
        ) from None
    version = found.get("valkey_version") or found["redis_version"]
    return f"{version} at {place_of(settings.redis_url)}"


def clock_found(settings: Settings, machine: Callable[[], datetime] = machine_clock) -> str:
    """How far this machine's clock is off PostgreSQL's; raises `Problem` when that is too far."""

    async def measure(database: Database) -> timedelta:
        clock = SharedClock(database, machine)
        await clock.measure()
        return clock.difference or timedelta(0)

    off = with_database(settings, measure)
    way = "ahead of" if off > timedelta(0) else "behind"
    found = f"{abs(off).total_seconds():.1f} s {way} PostgreSQL's"
    if abs(off) > MOST_OFF:
        raise Problem(f"{found}: set this machine's clock, or PostgreSQL's, whichever is wrong.")
    return found


def _search_found(settings: Settings) -> tuple[bool | None, str, str]:
    """Whether lists find and sort all rows by their words and sort keys."""
    waiting = with_database(settings, outdated)
    if not waiting:
        return True, "Search", "all rows have their words and sort keys"
    found = f"{counted(waiting)} are found as before the update: run ./scripts/tandem reindex"
    return None, "Search", f"{found}, or let the worker do it."


def _database_found(settings: Settings) -> str:
    """PostgreSQL's version and schema; raises `Problem` where the schema is not this code's."""
    version = database_version(settings)
    here, newest = asyncio.run(revision.current(settings.database_url))
    if here != newest:
        found = f"schema {here}" if here else "no schema"
        raise Problem(f"{version}, with {found} for {newest}: run ./scripts/tandem migrate.")
    if not asyncio.run(takes_writes(settings.database_url)):
        raise Problem(f"{version}, takes no writes: is it a standby, or is its disk full?")
    try:
        with_database(settings, lambda database: refuse_other_currency(database, settings.currency))
    except OtherCurrency as error:
        raise Problem(f"{version}: {error}") from None
    if ignored := with_database(settings, lambda database: database.ignored_settings()):
        raise Problem(
            f"{version}, without {', '.join(ignored)}: a pool in between drops them. Give them to"
            " the role: ./scripts/tandem migrate --grant-to ROLE."
        )
    return f"{version}, schema {here}"
