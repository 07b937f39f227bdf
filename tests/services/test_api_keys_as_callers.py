"""API keys as callers: what they may do now, whatever else happens to them at that moment."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.app import create_app
from persistence.api_keys import LOCK_KEY
from persistence.database.failures import DatabaseError, LockTimeout
from persistence.database.pool import Database
from persistence.database.statements import Query, nothing
from persistence.database.transactions import QueryStats
from services.access.api_keys import new_secret
from services.access.authentication import authenticate
from services.access.tokens import hashed
from services.auth.signing_in import logout
from services.errors.common import Forbidden, Unauthenticated
from services.ids import new_id
from services.operation.context import Request
from services.process import Process, new_process
from services.products.managing import create
from tests.conftest import client_of
from tests.shop import Clock, Person, Shop, unique
from tests.worker.work import eventually

_INSERT = (
    "INSERT INTO api_keys (id, user_id, name, prefix, hash, permissions, created_at, expires_at)"
    " VALUES ($1, $2, 'test', $3, $4, $5, $6, $7)"
)
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture(autouse=True)
async def noted(process: Process) -> AsyncIterator[None]:
    """Has every use written before the next test, which may look at what changes."""
    yield
    await process.api_keys.flush()


async def machine(shop: Shop, owner: Person, *permissions: str) -> tuple[str, dict[str, str]]:
    """A key of somebody's with these permissions: its id, and the header that bears it."""
    now = shop.process.clock()
    secret, prefix = new_secret()
    key_id, ends = new_id(now), now + timedelta(days=1)
    values = (prefix, hashed(secret), list(permissions), now, ends)
    await shop.execute(_INSERT, key_id, owner.id, *values)
    return key_id, {"Authorization": f"Bearer {secret}"}


async def new_product(shop: Shop, headers: dict[str, str]) -> Any:
    """Add a product by a key; the refusal when there is one."""
    request = shop.request()
    request.bearer = headers["Authorization"].partition(" ")[2]
    raw = {"name": unique("lamp "), "price": "1.00", "categoryId": await shop.shelf()}
    try:
        return await create(request, raw)
    except Forbidden as error:
        return error


async def test_a_key_that_waits_for_its_owners_demotion_writes_nothing(
    shop: Shop, process: Process, manager: Person
) -> None:
    _, headers = await machine(shop, manager, "products:write:all")
    await shop.shelf()
    async with process.database.transaction(QueryStats()) as tx:
        await tx.run(f"UPDATE users SET role = 'USER' WHERE id = '{manager.id}'")
        writing = asyncio.create_task(new_product(shop, headers))
        await eventually(lambda: shop.value(_WAITING))
    assert isinstance(await writing, Forbidden)


async def test_a_key_in_use_keeps_no_other_from_being_noted_and_is_noted_later(
    shop: Shop, process: Process, manager: Person
) -> None:
    used = "SELECT last_used_at IS NOT NULL FROM api_keys WHERE id = $1"
    keys = [await machine(shop, manager, "products:write:all") for _ in range(2)]
    for _, headers in keys:
        await new_product(shop, headers)
    busy, idle = (key_id for key_id, _ in keys)
    async with process.database.transaction(QueryStats()) as tx:
        await tx.one(LOCK_KEY, key_id=busy)
        await process.api_keys.flush()
        assert [await shop.value(used, busy), await shop.value(used, idle)] == [False, True]
    await process.api_keys.flush()
    assert await shop.value(used, busy)


async def test_a_key_sees_other_people_only_with_the_permission_to(
    shop: Shop, client: httpx.AsyncClient, user: Person, other_user: Person
) -> None:
    asked = {"query": f'{{ node(id: "{other_user.id}") {{ id }} }}'}
    _, without = await machine(shop, user, "orders:read:own")
    _, allowed = await machine(shop, user, "users:read:public")
    answers = [await client.post("/graphql", json=asked, headers=one) for one in (without, allowed)]
    assert [answer.json()["data"]["node"] for answer in answers] == [None, {"id": other_user.id}]


async def test_a_key_sees_as_much_of_its_owner_by_id_as_it_may(
    shop: Shop, client: httpx.AsyncClient, user: Person
) -> None:
    asked = {"query": f'{{ node(id: "{user.id}") {{ __typename }} }}'}
    kinds = []
    for permissions in (["users:read:public"], ["users:read:public", "account:read:own"]):
        _, headers = await machine(shop, user, *permissions)
        answer = await client.post("/graphql", json=asked, headers=headers)
        kinds.append(answer.json()["data"]["node"]["__typename"])
    assert kinds == ["PublicUser", "User"]


async def test_a_key_sees_whose_order_it_is_only_with_the_permission_to(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    user = await shop.person(balance="1000.00")
    order = await shop.order(user)
    asked = {"query": f'{{ order(id: "{order.id}") {{ customer {{ id }} }} }}'}
    _, without = await machine(shop, user, "orders:read:own")
    _, allowed = await machine(shop, user, "orders:read:own", "users:read:public")
    answers = [await client.post("/graphql", json=asked, headers=one) for one in (without, allowed)]
    found = [answer.json()["data"]["order"]["customer"] for answer in answers]
    assert found == [None, {"id": user.id}]


async def test_ends_that_were_restored_from_another_cluster_are_not_read_at_every_look(
    shop: Shop, process: Process
) -> None:
    somebody = await shop.person()
    await shop.revoke(somebody)
    await process.revocations.poll()
    assert process.revocations.ended(somebody.session_id)
    other = await shop.person()
    await shop.execute("ALTER TABLE sessions DISABLE TRIGGER sessions_ended")
    await shop.execute(
        "UPDATE sessions SET revoked_at = now(), changed_in = '9000000000' WHERE id = $1",
        other.session_id,
    )
    await shop.execute("ALTER TABLE sessions ENABLE TRIGGER sessions_ended")
    await process.revocations.poll()
    assert not process.revocations.ended(other.session_id)


@pytest.mark.parametrize("text", ["tdm_", "tdm_short", f"tdm_{'x' * 44}", f"tdm_{'é' * 43}"])
async def test_what_does_not_look_like_a_key_is_not_looked_for(shop: Shop, text: str) -> None:
    request = shop.request()
    request.bearer = text
    with pytest.raises(Unauthenticated):
        await authenticate(request)
    assert request.stats.statements == 0


async def test_an_ended_session_stays_ended_when_the_clock_jumps_ahead_and_back(
    shop: Shop, user: Person, clock: Clock
) -> None:
    await shop.revoke(user)
    clock.forward(hours=1)
    await shop.process.revocations.poll()
    clock.forward(hours=-1)
    assert shop.process.revocations.ended(user.session_id)


async def test_a_look_that_fails_is_not_the_failure_of_what_was_done(
    shop: Shop, user: Person
) -> None:
    settings = shop.process.settings.model_copy(update={"lock_seconds": 0.2})
    process = new_process(settings, shop.process.clock)
    try:
        async with shop.process.database.transaction(QueryStats()) as tx:
            await tx.run("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(LockTimeout):
                await process.revocations.poll()
            request = Request(process, id="test-look", face="test")
            await logout(request, {"refreshToken": user.refresh_token})
    finally:
        await process.close()
    ended = "SELECT revoked_at IS NOT NULL FROM sessions WHERE id = $1"
    assert await shop.value(ended, user.session_id)


async def test_a_database_error_says_nothing_of_the_row(shop: Shop, user: Person) -> None:
    query = Query(sa.text(f"UPDATE users SET full_name = NULL WHERE id = '{user.id}'"), nothing)
    with pytest.raises(DatabaseError) as refused:
        async with shop.process.database.transaction(QueryStats()) as tx:
            await tx.all(query)
    told = "".join(traceback.format_exception(refused.value))
    assert "full_name" in told
    assert user.email not in told


async def test_a_token_that_cannot_be_looked_up_is_unavailable_on_every_face(
    shop: Shop, user: Person
) -> None:
    process = new_process(shop.process.settings, shop.process.clock)
    await process.tokens.load()
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", process.database.limits)
    await process.close()
    process.database = nowhere
    async with client_of(create_app(process)) as client:
        told = await client.get("/api/v2/me", headers=user.headers)
        asked = {"query": "{ me { id } }"}
        refused = await client.post("/graphql", json=asked, headers=user.headers)
    [error] = refused.json()["errors"]
    assert (told.status_code, refused.status_code) == (503, 503)
    assert (told.json()["code"], error["extensions"]["code"]) == ("UNAVAILABLE", "UNAVAILABLE")
