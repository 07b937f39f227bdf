"""A role that Tandem serves as, and that cannot change what it logged."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from persistence import migrate
from persistence.database.connections import session_settings
from persistence.database.grants import Ungrantable, grant
from persistence.database.rules import APPEND_ONLY
from persistence.database.transactions import QueryStats
from services.audit.chain import seal, verify
from services.jobs.handlers import HANDLERS
from services.process import database_limits, new_process
from tests import commands
from tests.cli.test_create_admin import tandem
from tests.conftest import Addresses, settings_for
from tests.shop import Shop
from tests.worker.work import done, queue, working


@pytest.fixture
async def role(fresh_database: str, addresses: Addresses) -> AsyncIterator[str]:
    """A role that may log in, and nothing else."""
    name = f"app_{uuid4().hex[:12]}"
    async with addresses.administer() as server:
        await server.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    owner = await asyncpg.connect(fresh_database, timeout=60)
    await owner.execute(f"DROP OWNED BY {name}")
    await owner.execute(f"DROP ROLE {name}")
    await owner.close(timeout=60)


def as_role(url: str, role: str) -> str:
    """The address of the same database for somebody else."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, role: str, password_hash: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    """A shop that is served as that role, after `tandem migrate` granted it what it needs."""
    url = as_role(fresh_database, role)
    settings = settings_for(url, addresses.redis_url, mail_folder=tmp_path)
    status, said = await commands.tandem(
        settings_for(fresh_database, addresses.redis_url),
        *("migrate", "--grant-to", role),
        TANDEM_LOCK_SECONDS=str(settings.lock_seconds),
        TANDEM_IDLE_TRANSACTION_SECONDS=str(settings.idle_transaction_seconds),
    )
    assert status == 0, said
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def test_everything_works_as_that_role(shop: Shop) -> None:
    buyer = await shop.person(balance="50.00")
    order = await shop.order(buyer, paid=True, cancelled=True)
    assert order.status == "CANCELLED"
    assert await seal(shop.process) > 0
    reader = shop.process.database.reader(QueryStats())
    assert (await verify(reader, shop.process.audit_keys, 1, None, 0)).valid
    await shop.process.sequencer.run()
    assert await shop.value("SELECT position FROM event_head") > 0
    # It may own no table, and yet makes and drops the partitions of the log.
    began = shop.process.clock().date()
    await queue(shop, "events.keepDays")
    await queue(shop, "mail.resetPassword", email=buyer.email)
    async with working(shop, HANDLERS):
        await done(shop)
    made = await shop.value("SELECT count(*) FROM pg_class WHERE relname ~ '^events_[0-9]+$'")
    # Past midnight there may be one more.
    assert 8 <= made <= 8 + (shop.process.clock().date() - began).days
    # A server that starts finds nothing to migrate.
    await asyncio.to_thread(migrate.upgrade, shop.process.settings.database_url)


FORBIDDEN = (
    "UPDATE audit_log SET outcome = 'OK'",
    "UPDATE audit_seals SET position = 1",
    "UPDATE payments SET amount = 1, status = 'FAILED'",
    *(f"DELETE FROM {table}" for table in (*APPEND_ONLY, "audit_chain")),
    *(f"TRUNCATE {table}" for table in (*APPEND_ONLY, "audit_chain", "audit_unsealed")),
    "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    "DROP TRIGGER audit_log_refuse ON audit_log",
    "DROP TABLE audit_seals",
    "ALTER TABLE audit_log RENAME TO elsewhere",
    "CREATE OR REPLACE FUNCTION tandem_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN RETURN NULL; END'",
    "SET session_replication_role = replica",
    "INSERT INTO audit_chain VALUES (1, 0, '')",
)


async def test_the_limits_hold_for_that_role_whatever_a_pool_in_between_drops(
    shop: Shop, role: str
) -> None:
    settings = shop.process.settings
    connection = await asyncpg.connect(settings.database_url, timeout=60)
    try:
        for name, value in session_settings(database_limits(settings)).items():
            found = "SELECT setting FROM pg_settings WHERE lower(name) = $1"
            assert await connection.fetchval(found, name) == value, name
    finally:
        await connection.close(timeout=60)


async def test_that_role_cannot_change_what_is_there_for_good(shop: Shop) -> None:
    for change in FORBIDDEN:
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
            await shop.execute(change)
        # PostgreSQL refuses, not our trigger, which an owner could switch off.
        assert "append-only" not in str(refused.value), change


async def test_a_role_that_is_above_grants_is_refused(
    fresh_database: str, addresses: Addresses, role: str
) -> None:
    for name in (urlsplit(fresh_database).username or "postgres", "nobody_at_all"):
        with pytest.raises(Ungrantable):
            await grant(fresh_database, name, {})
    owner = await asyncpg.connect(fresh_database, timeout=60)
    await owner.execute(f"ALTER TABLE audit_log OWNER TO {role}")
    with pytest.raises(Ungrantable, match="owns tables"):
        await grant(fresh_database, role, {})
    await owner.execute("ALTER TABLE audit_log OWNER TO CURRENT_USER")
    await owner.close(timeout=60)
    status, said = await tandem(
        settings_for(fresh_database, addresses.redis_url), "migrate", "--grant-to", "nobody_at_all"
    )
    assert status == 1
    assert "There is no role nobody_at_all" in said
