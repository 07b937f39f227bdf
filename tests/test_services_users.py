"""The caller's own account, and who a token speaks for."""

import pytest

from services.core.ids import new_id
from tests.faces import Door
from tests.shop import Clock, Person, Shop, new_key


async def test_my_account_is_mine(door: Door, user: Person) -> None:
    me = (await door.call("users.me", caller=user)).ok
    assert me["id"] == user.id
    assert me["email"] == user.email
    assert me["profile"]["firstName"] == "Ada"
    assert "passwordHash" not in me


async def test_my_account_needs_a_token(door: Door) -> None:
    outcome = await door.call("users.me")
    assert (outcome.code, outcome.status) == ("UNAUTHENTICATED", 401)


async def test_a_token_ends_after_fifteen_minutes(door: Door, user: Person, clock: Clock) -> None:
    clock.forward(minutes=14)
    assert (await door.call("users.me", caller=user)).ok
    clock.forward(minutes=2)
    outcome = await door.call("users.me", caller=user)
    assert (outcome.code, outcome.status) == ("TOKEN_EXPIRED", 401)


async def test_a_token_from_the_future_is_refused(door: Door, shop: Shop, user: Person) -> None:
    clock = shop.process.clock
    assert isinstance(clock, Clock)
    clock.forward(minutes=10)
    token = shop.process.tokens.issue(user.id, user.session_id, "USER", clock())
    clock.forward(minutes=-10)
    assert (await door.call("users.me", caller=token)).code == "UNAUTHENTICATED"


async def test_a_revoked_session_is_refused_at_once(door: Door, shop: Shop, user: Person) -> None:
    await shop.revoke(user)
    outcome = await door.call("users.me", caller=user)
    assert (outcome.code, outcome.status) == ("TOKEN_REVOKED", 401)


async def test_a_session_that_was_never_there_writes_nothing(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    process = shop.process
    now = process.clock()
    unknown = process.tokens.issue(user.id, new_id(now), "USER", now)
    someone_elses = process.tokens.issue(user.id, other_user.session_id, "USER", now)
    for token in (unknown, someone_elses):
        async with shop.unchanged():
            outcome = await door.call(
                "deposits.create", {"amount": "5"}, caller=token, key=new_key()
            )
        assert outcome.code == "TOKEN_REVOKED"


@pytest.mark.parametrize("change", ["is_active = false", "role = 'USER'"])
async def test_whoever_changes_an_account_ends_its_sessions_and_the_role_they_had(
    door: Door, shop: Shop, admin: Person, change: str
) -> None:
    assert (await door.call("audit.list", caller=admin)).error is None
    await shop.execute(f"UPDATE users SET {change} WHERE id = $1", admin.id)
    await shop.process.revocations.poll()
    assert (await door.call("audit.list", caller=admin)).code == "TOKEN_REVOKED"


async def test_a_bad_token_is_refused_where_none_is_needed(
    door: Door, shop: Shop, user: Person
) -> None:
    await shop.revoke(user)
    assert (await door.call("products.list", caller="rubbish")).code == "UNAUTHENTICATED"
    assert (await door.call("products.list", caller=user)).code == "TOKEN_REVOKED"
    assert (await door.call("products.list")).error is None
