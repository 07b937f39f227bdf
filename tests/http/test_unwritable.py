"""A database that takes no writes: callers may try again, readiness says so, nothing is lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from api.app import create_app
from persistence.database import pool
from services.process import new_process
from tests.conftest import Addresses, client_of, running, settings_for
from tests.faces import FACES, door_named
from tests.shop import Person, Shop

#: What PostgreSQL says, by SQLSTATE, and whether it means that it cannot be written.
SAID = {
    "25006": ("it only reads", True),
    "53100": ("its disk is full", True),
    "53200": ("it is out of memory", True),
    "58030": ("its disk fails", True),
    "57P01": ("it shuts down", False),
    "57P02": ("it crashed", False),
    "57P03": ("it starts up", False),
}
_REFUSE = """
CREATE FUNCTION tests_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER tests_refuse BEFORE UPDATE ON users EXECUTE FUNCTION tests_refuse();
"""
_TAKE_AGAIN = "DROP TRIGGER tests_refuse ON users; DROP FUNCTION tests_refuse()"


@pytest.fixture(scope="module")
async def database(addresses: Addresses) -> AsyncIterator[str]:
    """A database of this file's own."""
    name = f"tandem_unwritable_{uuid4().hex[:12]}"
    yield await addresses.create(name)
    await addresses.drop(name)


@pytest.fixture
async def shop(database: str, addresses: Addresses, password_hash: str) -> AsyncIterator[Shop]:
    """A shop whose process keeps one connection."""
    process = new_process(settings_for(database, addresses.redis_url, pool_min=1))
    yield Shop(process, password_hash)
    await process.close()


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application over that shop."""
    async with running(create_app(shop.process)) as app, client_of(app) as client:
        yield client


@asynccontextmanager
async def refusing(shop: Shop, state: str) -> AsyncIterator[None]:
    """Let PostgreSQL refuse to change users with this SQLSTATE in the block."""
    owner = await asyncpg.connect(shop.process.settings.database_url, timeout=60)
    await owner.execute(_REFUSE.format(state=state))
    try:
        yield
    finally:
        await owner.execute(_TAKE_AGAIN)
        await owner.close(timeout=60)


async def rename(client: httpx.AsyncClient, shop: Shop, face: str, person: Person) -> Any:
    """Change a person's name on a face."""
    door = door_named(face, shop, client)
    return await door.call("users.updateMe", {"fullName": "Ada Byron"}, caller=person)


async def ready(client: httpx.AsyncClient) -> int:
    return (await client.get("/health/ready")).status_code


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    "state", SAID, ids=[f"{state} {said}" for state, (said, _) in SAID.items()]
)
async def test_a_write_that_the_database_cannot_take_may_be_sent_again(
    shop: Shop,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    face: str,
) -> None:
    monkeypatch.setattr(pool, "_NOT_WRITABLE_SECONDS", 60)
    monkeypatch.setattr("services.health._SHARED_SECONDS", 0)
    monkeypatch.setattr("services.health._CHECK_SECONDS", 60)
    ada = await shop.person()
    assert await ready(client) == 200
    async with refusing(shop, state):
        async with shop.unchanged():
            refused = await rename(client, shop, face, ada)
        assert (refused.code, refused.status) == ("UNAVAILABLE", 503)
        whole = (await client.get("/health")).json()
        assert (whole["database"], whole["writes"]) == ("ok", "error" if SAID[state][1] else "ok")
        assert await ready(client) == (503 if SAID[state][1] else 200)
        # Reads go on.
        me = await door_named(face, shop, client).call("users.me", {}, caller=ada)
        assert me.error is None
    changed = await rename(client, shop, face, ada)
    assert changed.error is None
    assert await ready(client) == 200


async def test_a_refused_write_says_when_to_try_again(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    ada = await shop.person()
    async with refusing(shop, "53100"):
        for base in ("/api/v1", "/api/v2"):
            answer = await client.patch(
                f"{base}/me", json={"fullName": "Ada Byron"}, headers=ada.headers
            )
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_connection_to_a_standby_is_not_used_again(
    shop: Shop, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address may lead to another server by now, as after a failover."""
    monkeypatch.setattr("services.health._SHARED_SECONDS", 0)
    monkeypatch.setattr("services.health._CHECK_SECONDS", 60)
    monkeypatch.setattr(pool, "_NOT_WRITABLE_SECONDS", 0)
    ada = await shop.person()
    url = shop.process.settings.database_url
    owner = await asyncpg.connect(url, timeout=60)
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await owner.execute("SET default_transaction_read_only = off")
    settings = shop.process.settings.model_copy(update={"pool_max": 1})
    process = new_process(settings)
    there = Shop(process, "")
    try:
        async with running(create_app(process)) as app, client_of(app) as reading:
            assert await ready(reading) == 503
            async with shop.unchanged():
                refused = await rename(reading, there, "v2", ada)
            assert (refused.code, refused.status) == ("UNAVAILABLE", 503)
            await owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            # A periodic task may have opened the next connection before the change.
            answers = [await rename(reading, there, "v2", ada) for _ in range(2)]
            assert answers[-1].error is None
            assert await ready(reading) == 200
    finally:
        await owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await owner.close(timeout=60)
        await process.close()


async def test_a_graphql_write_that_may_be_sent_again_says_when(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    """Balancers and clients that retry see the header, also where the status is 200."""
    ada = await shop.person()
    document = 'mutation { updateMe(input: {fullName: "Ada Byron"}) { id } }'
    async with refusing(shop, "53100"):
        answer = await client.post("/graphql", json={"query": document}, headers=ada.headers)
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAVAILABLE"
    assert error["extensions"]["details"] == {"retryAfterSeconds": 1}
    assert answer.headers["Retry-After"] == "1"
