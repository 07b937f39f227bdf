"""The revision of the database's schema, and the newest one that this code knows.

Every start and every server's probes ask for them, so this module does not load Alembic.
"""

from functools import cache
from pathlib import Path

import asyncpg

from persistence.database_url import connection_options

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
#: Reads Alembic's own table.
_REVISION = "SELECT version_num FROM alembic_version"
#: Time limits of connecting, and of the one statement.
_SECONDS = 5


@cache
def newest() -> str:
    """The newest migration's revision: the number that its file's name begins with."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))


async def current(database_url: str) -> tuple[str | None, str]:
    """The database's revision, None before the first migration, and the newest one.

    Opens a connection of its own; raises what the driver raises.
    """
    connection = await asyncpg.connect(**connection_options(database_url), timeout=_SECONDS)
    try:
        here = await connection.fetchval(_REVISION, timeout=_SECONDS)
    except asyncpg.UndefinedTableError:
        here = None
    except BaseException:
        # A server that does not answer would not answer a farewell either.
        connection.terminate()
        raise
    await connection.close(timeout=_SECONDS)
    return here, newest()
