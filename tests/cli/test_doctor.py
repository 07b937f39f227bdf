"""Commands say what is wrong with a database, and what to do."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from api.local import embedded_servers
from persistence.migrate import upgrade
from services.settings.settings import Settings
from tests import commands
from tests.cli.test_create_admin import tandem
from tests.conftest import Addresses, settings_for
from tests.shop import Person
from tests.worker.work import eventually, free_port


@pytest.fixture
async def empty(addresses: Addresses) -> AsyncIterator[Settings]:
    """Settings of a database without tables."""
    name = f"tandem_empty_{uuid4().hex[:12]}"
    async with addresses.administer() as server:
        await server.execute(f"CREATE DATABASE {name}")
    yield settings_for(addresses.database(name), addresses.redis_url)
    await addresses.drop(name)


async def test_the_doctor_finds_nothing_wrong(settings: Settings) -> None:
    status, said = await tandem(settings, "doctor")
    assert status == 0, said
    assert "schema " in said
    assert "✗" not in said


async def test_the_doctor_says_what_brings_a_schema(empty: Settings) -> None:
    status, said = await tandem(empty, "doctor")
    assert status == 1
    assert said.count("✗") == 1
    assert "with no schema for " in said
    assert "run ./scripts/tandem migrate." in said


async def test_the_doctor_looks_at_all_when_the_database_is_away(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    status, said = await tandem(away, "doctor")
    assert status == 1
    assert "check DATABASE_URL" in said
    assert "✓ Redis" in said


async def test_the_doctor_makes_no_servers(tmp_path: Path) -> None:
    data = tmp_path / "data"
    status, said = await tandem(None, "doctor", "--data", str(data))
    assert status == 0, said
    assert _unfolded(f"! PostgreSQL none in {data} yet: ./scripts/serve starts it") in _unfolded(
        said
    )
    assert not data.exists()


async def test_the_doctor_finds_the_servers_of_a_folder(tmp_path: Path) -> None:
    data, empty = tmp_path / "data", tmp_path / "empty"
    servers = embedded_servers.start(data, durable=False)
    try:
        await asyncio.to_thread(upgrade, servers.database_url)
        status, said = await tandem(None, "doctor", "--data", str(data))
        assert status == 0, said
        assert "✓ PostgreSQL 18" in said
        assert _unfolded(f"at {servers.redis_url.removeprefix('unix://')}") in _unfolded(said)
        _, said = await tandem(None, "doctor", "--data", str(empty))
        assert re.search(rf"runningin[^()]*{re.escape(str(data))}[^()]*\(--data\)", _unfolded(said))
    finally:
        servers.stop()
    files = sorted(data.rglob("*"))
    status, said = await tandem(None, "doctor", "--data", str(data))
    assert (status, sorted(data.rglob("*"))) == (0, files)
    assert _unfolded(f"! PostgreSQL not running in {data}: ./scripts/serve") in _unfolded(said)
    assert _unfolded(f"! Redis not running in {data}") in _unfolded(said)


async def test_a_worker_alone_does_not_wait_for_tables_that_nobody_makes(empty: Settings) -> None:
    status, said = await tandem(empty, "worker")
    assert status == 1
    assert said.endswith("run ./scripts/tandem migrate.")


async def test_wallets_of_one_currency_are_not_served_in_another(
    settings: Settings, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_CURRENCY", "JPY")
    status, said = await tandem(settings, "serve", "--no-demo", "--port", str(free_port()))
    assert status == 1
    assert said == "tandem: The amounts of this database are in EUR: TANDEM_CURRENCY cannot be JPY."


def _unfolded(text: str) -> str:
    """A text without blanks, as the table breaks long paths into lines."""
    return "".join(text.split())


async def test_the_doctor_adds_up_the_connections_of_all_processes(settings: Settings) -> None:
    status, said = await commands.tandem(settings, "doctor", TANDEM_PROCESSES="2")
    assert status == 0, said
    sums = "at most 66 (2 × 20 of servers and 1 × 26 of workers), PostgreSQL takes "
    assert _unfolded(f"✓ Connections {sums}") in _unfolded(said)


async def test_start_and_doctor_warn_of_more_connections_than_postgresql_takes(
    settings: Settings, tmp_path: Path
) -> None:
    more = {"TANDEM_POOL_MAX": "5000"}
    status, said = await commands.tandem(settings, "doctor", **more)
    assert status == 0, said
    sums = "at most 10006 (1 × 5000 of servers and 1 × 5006 of workers), PostgreSQL takes "
    assert _unfolded(f"! Connections {sums}") in _unfolded(said)
    assert _unfolded("Lower TANDEM_POOL_MAX, or raise") in _unfolded(said)
    log = tmp_path / "log"
    words = ("serve", "--no-demo", "--no-worker", "--port", str(free_port()))

    async def warned() -> bool:
        return "at most 5000 (1 × 5000 of servers)" in await asyncio.to_thread(log.read_text)

    with commands.running(log, settings, *words, **more):
        await eventually(warned)
