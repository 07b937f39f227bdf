"""`tandem audit`, and the worker that seals, as processes of their own on a real database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from persistence import migrate
from persistence.database.transactions import QueryStats
from services.audit.chain import seal, verify
from services.process import new_process
from tests.cli.test_create_admin import tandem
from tests.commands import running
from tests.conftest import Addresses, settings_for
from tests.shop import Shop
from tests.worker.work import eventually


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop whose log is its own."""
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    yield Shop(process, password_hash)
    await process.close()


async def test_a_head_is_exported_and_the_log_verified_against_it(shop: Shop) -> None:
    settings = shop.process.settings
    status, said = await tandem(settings, "audit", "head")
    assert (status, "No entry is sealed yet" in said) == (1, True)
    person = await shop.person()
    for _ in range(3):
        await shop.deposit(person, "1.00")
    await seal(shop.process)
    status, head = await tandem(settings, "audit", "head")
    assert (status, head.partition(":")[0], len(head)) == (0, "3", 66)
    assert await tandem(settings, "audit", "verify", "--head", head) == (
        0,
        "3 entries, nothing wrong.",
    )
    status, said = await tandem(settings, "audit", "verify", "--head", f"4:{'0' * 64}")
    assert status == 1
    assert said.startswith("CUT_OFF 4 - ")
    status, said = await tandem(settings, "audit", "verify", "--head", "nonsense")
    assert (status, "A head looks like" in said) == (1, True)


async def test_a_worker_seals_what_is_written(shop: Shop, tmp_path: Path) -> None:
    await shop.deposit(await shop.person(), "1.00")

    async def all_sealed() -> bool:
        return not await shop.value("SELECT count(*) FROM audit_unsealed")

    log = tmp_path / "log"
    settings = shop.process.settings
    with running(log, settings, "worker", TANDEM_AUDIT_SEAL_SECONDS="0.2"):
        await eventually(all_sealed)
        await shop.deposit(await shop.person(), "1.00")
        await eventually(all_sealed)
        last = "SELECT encode(hash, 'hex') FROM audit_seals ORDER BY position DESC LIMIT 1"
        hash = await shop.value(last)

        async def told() -> bool:
            return f'"hash":"{hash}"' in log.read_text().replace(": ", ":")

        # Whoever keeps logs keeps heads. The line comes after the commit.
        await eventually(told)


async def test_entries_that_are_older_than_proofs_are_sealed_first_and_are_well(
    shop: Shop, fresh_database: str
) -> None:
    await _migrated(fresh_database, "0009")
    for number in range(3):
        await shop.execute(
            "INSERT INTO audit_log (id, action, changed, outcome, request_id) "
            "VALUES ($1, 'orders.pay', '{}', 'OK', 'old')",
            f"01900000-0000-7000-8000-00000000000{number}",
        )
    await asyncio.to_thread(migrate.upgrade, fresh_database)
    person = await shop.person()
    await shop.deposit(person, "1.00")
    reader, keys = shop.process.database.reader(QueryStats()), shop.process.audit_keys
    assert (await verify(reader, keys, 1, None, 3)).valid
    assert await seal(shop.process) == 4
    result = await verify(reader, keys, 1, None, 3)
    assert (result.valid, result.checked) == (True, 4)
    assert (await verify(reader, keys, 3, None, 3)).valid
    # Who can write the database cannot make them more than the operator knows of.
    forged = (await verify(reader, keys, 1, None, 2)).problems
    assert [(problem.kind, problem.position) for problem in forged] == [("INSERTED", 3)]
    # There are as many of them as there were.
    newer = "01900000-0000-7000-8000-000000000009"
    await shop.execute(
        "WITH entry AS (INSERT INTO audit_log (id, action, changed, outcome, request_id) "
        "VALUES ($1, 'orders.pay', '{}', 'OK', 'old') RETURNING id) "
        "INSERT INTO audit_unsealed SELECT id FROM entry",
        newer,
    )
    await seal(shop.process)
    [problem] = (await verify(reader, keys, 1, None, 3)).problems
    assert (problem.kind, problem.position, problem.entry_id) == ("INSERTED", 5, newer)


async def _migrated(url: str, revision: str) -> None:
    """Take the database back to a revision."""

    def back(connection: sa.Connection) -> None:
        command.downgrade(migrate.configuration(connection), revision)

    engine = migrate.engine_for(url)
    async with engine.connect() as connection:
        await connection.run_sync(back)
        await connection.commit()
    await engine.dispose()
