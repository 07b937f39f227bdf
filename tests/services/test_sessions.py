"""Where somebody is signed in: seen, and ended one by one or all at once."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.faces import Door
from tests.shop import Clock, Person, Shop, new_key

ASK = "id userAgent current createdAt usedAt expiresAt"


async def asked(client: httpx.AsyncClient, document: str, caller: Person) -> Any:
    """What GraphQL says to a document."""
    body = {"query": document}
    return (await client.post("/graphql", json=body, headers=caller.headers)).json()


async def test_live_sessions_are_listed_newest_first(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    later, ended = await shop.signed_in_again(user), await shop.signed_in_again(user)
    await shop.revoke(ended)
    listed = await door.call("sessions.list", {"total": True}, caller=user)
    assert listed.ids() == [later.session_id, user.session_id]
    assert listed.listed.total == 2
    assert [session["current"] for session in listed.ok] == [False, True]
    assert listed.ok[0]["userAgent"] == "tests"
    assert set(listed.ok[0]) == set(ASK.split())
    assert (await door.call("sessions.list", caller=other_user)).ids() == [other_user.session_id]


async def test_a_session_that_expired_is_not_listed(
    door: Door, shop: Shop, user: Person, clock: Clock
) -> None:
    clock.forward(days=5)
    later = await shop.signed_in_again(user)
    clock.forward(days=3)
    tokens = (await door.call("auth.refresh", {"refreshToken": later.refresh_token})).ok
    listed = await door.call("sessions.list", caller=tokens["accessToken"])
    assert listed.ids() == [later.session_id]


async def test_the_list_pages_on_from_another_face(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    await shop.signed_in_again(user)
    await shop.signed_in_again(user)
    everything = (await faces["v2"].call("sessions.list", caller=user)).ids()
    for one in faces.values():
        first = await one.call("sessions.list", {"first": 1}, caller=user)
        for other in faces.values():
            values = {"first": 5, "after": first.listed.end}
            rest = await other.call("sessions.list", values, caller=user)
            assert first.ids() + rest.ids() == everything


async def test_the_user_agent_is_that_of_the_sign_in(
    client: httpx.AsyncClient, user: Person
) -> None:
    values = {"email": user.email, "password": user.password}
    headers = {"User-Agent": "Ada's browser"}
    tokens = (await client.post("/api/v2/auth/login", json=values, headers=headers)).json()
    headers = {"Authorization": f"Bearer {tokens['accessToken']}"}
    items = (await client.get("/api/v2/me/sessions", headers=headers)).json()["items"]
    assert [item["userAgent"] for item in items if item["current"]] == ["Ada's browser"]


async def test_a_session_is_ended_at_once(door: Door, shop: Shop, user: Person) -> None:
    lost = await shop.signed_in_again(user)
    assert (await door.call("wallet.get", caller=lost)).ok
    outcome = await door.call("sessions.revoke", {"id": lost.session_id}, caller=user)
    assert outcome.error is None
    assert (await door.call("wallet.get", caller=lost)).code == "TOKEN_REVOKED"
    refreshed = await door.call("auth.refresh", {"refreshToken": lost.refresh_token})
    assert refreshed.code == "REFRESH_TOKEN_INVALID"
    assert (await door.call("sessions.list", caller=user)).ids() == [user.session_id]


async def test_the_session_that_asks_may_end_itself(door: Door, user: Person) -> None:
    outcome = await door.call("sessions.revoke", {"id": user.session_id}, caller=user)
    assert outcome.error is None
    assert (await door.call("sessions.list", caller=user)).code == "TOKEN_REVOKED"


@pytest.mark.parametrize("whose", ["another's", "ended", "expired", "unknown", "malformed"])
async def test_a_session_that_is_not_there_is_not_found(
    door: Door, shop: Shop, user: Person, other_user: Person, whose: str
) -> None:
    other = await shop.signed_in_again(user)
    if whose == "ended":
        await shop.revoke(other)
    if whose == "expired":
        late = "UPDATE sessions SET expires_at = now() - interval '1 day' WHERE id = $1"
        await shop.execute(late, other.session_id)
    session_id = {
        "another's": other_user.session_id,
        "unknown": "01890000-0000-7000-8000-000000000000",
        "malformed": "nonsense",
    }.get(whose, other.session_id)
    async with shop.unchanged():
        outcome = await door.call("sessions.revoke", {"id": session_id}, caller=user)
    assert (outcome.code, outcome.status) == ("SESSION_NOT_FOUND", 404)


async def test_logging_out_everywhere_ends_every_session_and_no_key(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    elsewhere = await shop.signed_in_again(user)
    machine = await shop.machine(user, "wallet:read:own")
    assert (await door.call("auth.logoutEverywhere", caller=user)).ok == {"ok": True}
    for caller in (user, elsewhere):
        assert (await door.call("wallet.get", caller=caller)).code == "TOKEN_REVOKED"
        refreshed = await door.call("auth.refresh", {"refreshToken": caller.refresh_token})
        assert refreshed.code == "REFRESH_TOKEN_INVALID"
    assert (await door.call("wallet.get", caller=machine)).ok
    assert (await door.call("wallet.get", caller=other_user)).ok


async def test_sessions_that_end_each_other_at_one_moment_wait_for_each_other(
    door: Door, shop: Shop, user: Person
) -> None:
    callers = [user, *[await shop.signed_in_again(user) for _ in range(9)]]
    ids = [caller.session_id for caller in callers]
    outcomes = await asyncio.gather(
        *(door.call("auth.logoutEverywhere", caller=caller) for caller in callers[:5]),
        *(
            door.call("sessions.revoke", {"id": id}, caller=caller, key=new_key())
            for id, caller in zip(reversed(ids), callers, strict=True)
        ),
    )
    # Those that locked each other out would be undone again and again, and some for good.
    codes = {outcome.code for outcome in outcomes}
    assert codes <= {"OK", "TOKEN_REVOKED", "SESSION_NOT_FOUND"}
    live = "SELECT count(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL"
    assert await shop.value(live, user.id) == 0


async def test_the_lists_of_a_user_are_the_users_own(
    client: httpx.AsyncClient, shop: Shop, user: Person, admin: Person
) -> None:
    await shop.machine(user, "wallet:read:own")
    document = (
        f'{{ node(id: "{user.id}") {{ ... on User {{ email sessions {{ nodes {{ id }} }} '
        "apiKeys { nodes { id } } } } }"
    )
    own = await asked(client, document, user)
    assert "errors" not in own
    assert own["data"]["node"]["sessions"] == {"nodes": [{"id": user.session_id}]}
    assert len(own["data"]["node"]["apiKeys"]["nodes"]) == 1
    said = await asked(client, document, admin)
    # The admin sees the account, and neither the user's lists nor their own in place of them.
    assert said["data"]["node"] == {"email": user.email, "sessions": None, "apiKeys": None}
    told = [(error["path"], error["extensions"]["code"]) for error in said["errors"]]
    assert sorted(told) == [
        (["node", "apiKeys"], "FORBIDDEN"),
        (["node", "sessions"], "FORBIDDEN"),
    ]


async def test_lists_under_several_users_tell_them_apart(
    client: httpx.AsyncClient, shop: Shop, user: Person, admin: Person
) -> None:
    document = (
        f'{{ nodes(ids: ["{user.id}", "{admin.id}"]) '
        "{ ... on User { sessions(first: 5) { nodes { id } } } } }"
    )
    said = await asked(client, document, admin)
    assert said["data"]["nodes"] == [
        {"sessions": None},
        {"sessions": {"nodes": [{"id": admin.session_id}]}},
    ]
    assert [error["path"] for error in said["errors"]] == [["nodes", 0, "sessions"]]


async def test_a_session_is_a_node_for_its_user_while_it_lasts(
    client: httpx.AsyncClient, shop: Shop, user: Person, admin: Person, clock: Clock
) -> None:
    other = await shop.signed_in_again(user)
    document = f'{{ node(id: "{other.session_id}") {{ ... on Session {{ {ASK} }} }} }}'
    found = (await asked(client, document, user))["data"]["node"]
    [listed] = [
        item
        for item in (await client.get("/api/v2/me/sessions", headers=user.headers)).json()["items"]
        if item["id"] == other.session_id
    ]
    assert found == listed
    assert (await asked(client, document, admin))["data"] == {"node": None}
    machine = await shop.machine(user, "account:read:own")
    assert (await asked(client, document, machine))["data"] == {"node": None}
    clock.forward(days=6)
    later = await shop.signed_in_again(user)
    clock.forward(days=2)
    tokens = await client.post("/api/v2/auth/refresh", json={"refreshToken": later.refresh_token})
    headers = {"Authorization": f"Bearer {tokens.json()['accessToken']}"}
    body = {"query": document}
    said = await client.post("/graphql", json=body, headers=headers)
    assert said.json()["data"] == {"node": None}
