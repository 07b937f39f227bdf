"""The caller's own account, and who a token speaks for."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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


def _forged(shop: Shop, user: Person, **changes: object) -> str:
    """A token of ours with claims changed, signed with a key that is not ours."""
    claims = jwt.decode(user.token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(user.token)["kid"]
    stranger = Ed25519PrivateKey.generate()
    return jwt.encode({**claims, **changes}, stranger, algorithm="EdDSA", headers={"kid": kid})


@pytest.mark.parametrize("kind", ["rubbish", "empty", "forged", "hmac", "none", "long", "cut"])
async def test_a_token_that_is_not_ours_is_refused(
    door: Door, shop: Shop, user: Person, kind: str
) -> None:
    claims = jwt.decode(user.token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(user.token)["kid"]
    token = {
        "rubbish": "rubbish",
        "empty": "",
        "forged": _forged(shop, user),
        "hmac": jwt.encode(claims, "secret" * 10, algorithm="HS256", headers={"kid": kid}),
        "none": jwt.encode(claims, "", algorithm="none", headers={"kid": kid}),
        "long": user.token + "x" * 5000,
        "cut": user.token[:-3],
    }[kind]
    outcome = await door.call("users.me", caller=token)
    assert (outcome.code, outcome.status) == ("UNAUTHENTICATED", 401)


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "sid", "jti", "role", "iat", "nbf", "exp"])
async def test_every_claim_is_required(door: Door, shop: Shop, user: Person, claim: str) -> None:
    keys = shop.process.tokens
    claims = jwt.decode(user.token, options={"verify_signature": False})
    del claims[claim]
    kid = jwt.get_unverified_header(user.token)["kid"]
    token = jwt.encode(claims, keys._private, algorithm="EdDSA", headers={"kid": kid})
    assert (await door.call("users.me", caller=token)).code == "UNAUTHENTICATED"


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
