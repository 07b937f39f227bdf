"""Migrations, run by Alembic through SQLAlchemy's asyncpg dialect.

Functions import Alembic when they run it: it is a hundred modules, and most starts find the
database at the newest revision.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from persistence.database_url import connection_options
from persistence.revision import current

_FOLDER = Path(__file__).parent / "migrations"
#: Two processes that start together must not migrate at the same time.
_MIGRATION_LOCK = 7_426_330
#: How often a process tries the lock.
_LOCK_SECONDS = 0.2


class Refused(Exception):
    """A migration would lose something; the message is one sentence for a person."""


def engine_for(database_url: str) -> AsyncEngine:
    """An engine for migrations and grants; requests use `persistence.database.pool` instead."""
    options = connection_options(database_url)
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(**options),
        poolclass=NullPool,
    )


def configuration(
    connection: sa.Connection | None = None, *, loses_everything: bool = False
) -> Any:
    """Alembic's configuration, on a connection when there is one.

    ``loses_everything`` lets a way back run that would refuse, to keep what is stored.
    """
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["loses_everything"] = loses_everything
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to a revision; quick when it is at the newest already."""
    asyncio.run(_upgrade(database_url, revision))


def recreate(database_url: str) -> None:
    """Drop all of Tandem's tables and make them anew; everything in them is lost."""
    asyncio.run(_upgrade(database_url, "head", from_base=True))


async def _upgrade(database_url: str, revision: str, *, from_base: bool = False) -> None:
    if revision == "head" and not from_base:
        here, newest = await current(database_url)
        if here == newest:
            return
    from alembic import command

    engine = engine_for(database_url)
    try:
        async with engine.connect() as connection, _locked(engine):
            if from_base:
                await connection.run_sync(
                    lambda sync: command.downgrade(
                        configuration(sync, loses_everything=True), "base"
                    )
                )
            await connection.run_sync(lambda sync: command.upgrade(configuration(sync), revision))
            await connection.commit()
    finally:
        await engine.dispose()


@asynccontextmanager
async def _locked(engine: AsyncEngine) -> AsyncIterator[None]:
    """Hold the lock of migrations, on a connection without a transaction.

    An index that is built concurrently waits for the transactions of all others. One that waited
    for the lock would be among them, so the lock is tried again and again instead.
    """
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        lock = sa.select(sa.func.pg_try_advisory_lock(_MIGRATION_LOCK))
        while not await alone.scalar(lock):  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(_LOCK_SECONDS)
        yield
