"""Migrations, run by Alembic through SQLAlchemy's asyncpg dialect."""

import asyncio
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

_FOLDER = Path(__file__).parent / "migrations"
#: Two processes that start together must not migrate at the same time.
_MIGRATION_LOCK = 7_426_330


def engine_for(database_url: str) -> AsyncEngine:
    """An engine for migrations and checks; requests use `persistence.database.pool` instead."""
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    return create_async_engine(url, poolclass=NullPool)


def configuration(connection: sa.Connection | None = None) -> Config:
    """Alembic's configuration, on a connection when there is one."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to a revision; quick when it is there already."""
    asyncio.run(_upgrade(database_url, revision))


def recreate(database_url: str) -> None:
    """Drop all of Tandem's tables and make them anew; everything in them is lost."""
    asyncio.run(_upgrade(database_url, "head", from_base=True))


async def current(database_url: str) -> tuple[str | None, str | None]:
    """The database's revision and the newest one."""
    engine = engine_for(database_url)
    try:
        async with engine.connect() as connection:
            here = await connection.run_sync(_revision)
    finally:
        await engine.dispose()
    return here, ScriptDirectory.from_config(configuration()).get_current_head()


async def _upgrade(database_url: str, revision: str, *, from_base: bool = False) -> None:
    engine = engine_for(database_url)
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_lock(_MIGRATION_LOCK)))
            if from_base:
                await connection.run_sync(
                    lambda sync: command.downgrade(configuration(sync), "base")
                )
            await connection.run_sync(lambda sync: command.upgrade(configuration(sync), revision))
            await connection.commit()
    finally:
        await engine.dispose()


def _revision(connection: sa.Connection) -> str | None:
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()
