"""`tandem keys`: see and rotate the keys that access tokens are signed with."""

from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rich.table import Table

from api.cli.servers import read_settings, running_servers, with_database, with_process
from api.cli.terminal import Problem, out
from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.signing_keys import SIGNING_KEYS, SigningKeyRow
from services.access.signing import (
    Rotation,
    RotationUnderWay,
    Seal,
    SealedElsewhere,
    replace_at_once,
    rotate,
)
from services.settings.settings import Settings
from services.shared_clock import SharedClock


def list_keys(data: Path) -> None:
    """List the keys, the oldest first, with the present role of each."""
    with running_servers(read_settings(), data) as settings:
        rows, now = with_database(settings, _keys_now)
    table = Table("Key", "Signs from (UTC)", "Verifies until", "Now", box=None, pad_edge=False)
    for row, successor in zip_longest(rows, rows[1:]):
        end = _at(row.retires_at) if row.retires_at else "–"
        table.add_row(row.kid, _at(row.signs_from), end, _state(row, successor, now))
    out.print(table if rows else "There is no key yet: the first process makes it.")


def rotate_keys(data: Path, *, compromised: bool) -> None:
    """Replace the signing key: after the usual wait, or at once when it is ``compromised``."""
    with running_servers(read_settings(), data) as settings:
        seal = Seal(*settings.secrets)

        async def act(database: Database) -> Rotation:
            now = await _time(database)
            if compromised:
                return await replace_at_once(database, seal, now)
            publish = timedelta(seconds=settings.jwks_seconds)
            life = timedelta(seconds=settings.access_token_seconds)
            return await rotate(database, seal, now, publish=publish, life=life)

        try:
            done = with_database(settings, act)
        except RotationUnderWay as error:
            raise Problem(
                f"{error} Wait for that, or end all older keys at once with --compromised."
            ) from None
        except SealedElsewhere as error:
            raise Problem(str(error)) from None
    out.print("\n".join(_report(done, settings, compromised)), soft_wrap=True)


def check_keys(settings: Settings) -> None:
    """Make the first key when there is none; raises `Problem` when the keys do not open."""
    try:
        with_process(settings, lambda process: process.tokens.load())
    except SealedElsewhere as error:
        raise Problem(str(error)) from None


async def _keys_now(database: Database) -> tuple[list[SigningKeyRow], datetime]:
    """The stored keys, the oldest first, and the time."""
    return await database.reader(QueryStats()).all(SIGNING_KEYS), await _time(database)


async def _time(database: Database) -> datetime:
    """The time by which servers decide which key signs."""
    clock = SharedClock(database)
    await clock.measure()
    return clock()


def _report(done: Any, settings: Settings, compromised: bool) -> list[str]:
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
