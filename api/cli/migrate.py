"""`tandem migrate`: bring the database to the newest schema."""

import asyncio
from pathlib import Path

import asyncpg

from api.cli.servers import read_settings, running_servers
from api.cli.terminal import Problem, out
from persistence.database.connections import session_settings
from persistence.database.failures import DRIVER_ERRORS
from persistence.database.grants import Ungrantable, grant
from persistence.database_url import connection_options
from persistence.migrate import Refused, upgrade
from persistence.reachability import place_of, reason
from services.process import database_limits
from services.settings.settings import Settings


def migrate(data: Path, grant_to: str | None) -> None:
    """Migrate; the role ``grant_to`` may then serve requests but not change the audit log.

    Accounts that have one email in different spellings are named, and stay as they are.
    """
    from api.cli.emails import print_clashes

    with running_servers(read_settings(), data) as settings:
        migrate_database(settings)
        clashing = print_clashes(settings)
        if grant_to is not None:
            limits = session_settings(database_limits(settings))
            try:
                asyncio.run(grant(settings.database_url, grant_to, limits))
            except Ungrantable as error:
                raise Problem(str(error)) from None
    out.print("The database is at the newest schema.")
    if clashing:
        out.print(
            f"{clashing:,} emails, named above, have more than one account, in different spellings."
            " Nothing was changed: see `tandem emails`."
        )


def migrate_database(settings: Settings) -> None:
    """Run the migrations; raises `Problem` when PostgreSQL cannot be used, or they refuse."""
    database_version(settings)  # says what is wrong with the address before Alembic does
    try:
        upgrade(settings.database_url)
    except Refused as error:
        raise Problem(str(error)) from None


def database_version(settings: Settings) -> str:
    """PostgreSQL's version and place; raises `Problem` when it cannot be used."""

    async def look() -> str:
        options = connection_options(settings.database_url)
        connection = await asyncpg.connect(**options, timeout=5)
        try:
            return await connection.fetchval("SHOW server_version", timeout=5)
        finally:
            await connection.close(timeout=5)

    try:
        return f"{asyncio.run(look())} at {place_of(settings.database_url)}"
    except (ValueError, *DRIVER_ERRORS) as error:
        raise Problem(
            f"PostgreSQL at {place_of(settings.database_url)} cannot be used"
            f" ({reason(error)}): check DATABASE_URL."
        ) from None
