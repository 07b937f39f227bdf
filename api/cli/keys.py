"""`tandem keys`: see and rotate the keys that access tokens are signed with."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from api.cli.common import DATA, DataOption, Problem, out, place_of, read_settings, running_servers

if TYPE_CHECKING:
    from services.settings import Settings

keys = typer.Typer(help="See and rotate the keys that sign access tokens.", no_args_is_help=True)


@keys.command("list")
def list_keys(data: DataOption = DATA) -> None:
    """List the keys, the oldest first, and what each of them does now."""
    from persistence.database.transactions import QueryStats
    from persistence.signing_keys import SIGNING_KEYS

    with running_servers(read_settings(), data) as settings:
        rows = with_database(
            settings, lambda database: database.reader(QueryStats()).all(SIGNING_KEYS)
        )
    table = Table("Key", "Signs from (UTC)", "Verifies until", "Now", box=None, pad_edge=False)
    now = datetime.now(UTC)
    for row, successor in zip_longest(rows, rows[1:]):
        end = _at(row.retires_at) if row.retires_at else "–"
        table.add_row(row.kid, _at(row.signs_from), end, _state(row, successor, now))
    out.print(table if rows else "There is no key yet: the first process makes it.")


@keys.command("rotate")
def rotate_keys(
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="End the old keys, and every access token, at once."),
    ] = False,
    data: DataOption = DATA,
) -> None:
    """Put a new signing key in the place of the old one, so that nobody is signed out."""
    from services.access.signing import (
        RotationUnderWay,
        Seal,
        SealedElsewhere,
        replace_at_once,
        rotate,
    )

    with running_servers(read_settings(), data) as settings:
        seal, now = Seal(*settings.secrets), datetime.now(UTC)

        def act(database: Any) -> Awaitable[Any]:
            if compromised:
                return replace_at_once(database, seal, now)
            publish = timedelta(seconds=settings.jwks_seconds)
            life = timedelta(seconds=settings.access_token_seconds)
            return rotate(database, seal, now, publish=publish, life=life)

        try:
            done = with_database(settings, act)
        except RotationUnderWay as error:
            raise Problem(
                f"{error} Wait for that, or end all older keys at once with --compromised."
            ) from None
        except SealedElsewhere as error:
            raise Problem(str(error)) from None
    out.print("\n".join(_told(done, settings, compromised)), soft_wrap=True)


def check_keys(settings: "Settings") -> None:
    """Make the first key when there is none; raises `Problem` when the keys do not open."""
    from services.access.signing import SealedElsewhere
    from services.operation.context import new_process

    async def load() -> None:
        process = new_process(settings.model_copy(update={"pool_min": 1}))
        try:
            await process.tokens.load()
        finally:
            await process.close()

    try:
        asyncio.run(load())
    except SealedElsewhere as error:
        raise Problem(str(error)) from None


def with_database(settings: "Settings", act: Callable[[Any], Awaitable[Any]]) -> Any:
    """What ``act`` answers, with a database of its own."""
    from persistence.database.failures import DatabaseError, NotMigrated
    from services.operation.context import new_database

    async def run() -> Any:
        database = new_database(settings.model_copy(update={"pool_min": 1}))
        try:
            return await act(database)
        finally:
            await database.close()

    place = place_of(settings.database_url)
    try:
        return asyncio.run(run())
    except NotMigrated:
        raise Problem(f"The database at {place} is not migrated: run `tandem migrate`.") from None
    except DatabaseError as error:
        raise Problem(f"PostgreSQL at {place} cannot be used ({type(error).__name__}).") from None


def _told(done: Any, settings: "Settings", compromised: bool) -> list[str]:
    """A rotation in plain words."""
    kid = done.key.kid
    if compromised:
        return [
            f"{kid} signs now. Ended: {', '.join(done.ended) or 'none'}.",
            "Every process refuses their tokens within a second; clients get new ones with their"
            " refresh tokens.",
            f"Others that keep the JWKS may trust them for {settings.jwks_seconds} s more:"
            " have them fetch it again.",
        ]
    if done.retiring is None:
        return [f"There was no key to replace: {kid} signs now."]
    return [
        f"{kid} is published now and signs from {_at(done.key.signs_from)} UTC.",
        f"{done.retiring} signs until then, and its tokens count until {_at(done.retires_at)} UTC.",
        "There is nothing else to do: every process follows this plan by itself.",
    ]


def _state(row: Any, successor: Any, now: datetime) -> str:
    if row.retires_at is not None and row.retires_at <= now:
        return "retired"
    if row.signs_from > now:
        return "signs later"
    return "signs" if successor is None or successor.signs_from > now else "verifies"


def _at(moment: Any) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
