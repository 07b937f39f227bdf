"""Registering, signing in, renewing and ending sessions."""

import asyncio
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from tests.faces import Door
from tests.shop import PASSWORD, Clock, Person, Shop, good_call, unique


def account(**more: object) -> dict[str, object]:
    name = unique("ada")
    return {
        "email": f"{name}@example.com",
        "username": name,
        "password": PASSWORD,
        "fullName": "Ada Lovelace",
        **more,
    }


def credentials(person: Person, password: str = PASSWORD) -> dict[str, str]:
    return {"email": person.email, "password": password}


async def test_registering_makes_an_account_with_an_empty_wallet_and_signs_in(
    door: Door, shop: Shop
) -> None:
    asked = account(firstName="Ada", lastName="Lovelace")
    tokens = (await door.call("auth.register", asked)).ok
    assert tokens["tokenType"] == "Bearer"
    assert tokens["expiresIn"] == 900
    user = tokens["user"]
    assert user["email"] == asked["email"]
    assert user["username"] == asked["username"]
    assert user["fullName"] == "Ada Lovelace"
    assert user["role"] == "USER"
    assert user["isActive"] is True
    assert user["version"] == 1
    assert user["profile"] == {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "avatar": None,
        "imageVariants": [],
        "bio": None,
    }
    me = (await door.call("users.me", caller=tokens["accessToken"])).ok
    assert me == user
    wallet = (await door.call("wallet.get", caller=tokens["accessToken"])).ok
    assert wallet["balance"] == "0.00"


async def test_the_password_is_stored_as_argon2id_at_owasp_strength(door: Door, shop: Shop) -> None:
    asked = account()
    await door.call("auth.register", asked)
    stored = await shop.value("SELECT password_hash FROM users WHERE email = $1", asked["email"])
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_text_is_trimmed_and_normalised_but_the_password_is_not(door: Door) -> None:
    asked = account(fullName="  Ame\u0301lie  ", password=" päss  wörd ")
    user = (await door.call("auth.register", asked)).ok["user"]
    assert user["fullName"] == "Am\u00e9lie"
    login = {"email": asked["email"], "password": "päss  wörd"}
    assert (await door.call("auth.login", login)).code == "INVALID_CREDENTIALS"
    login = {"email": asked["email"], "password": " päss  wörd "}
    assert (await door.call("auth.login", login)).ok


@pytest.mark.parametrize(
    ("taken", "code"), [("email", "EMAIL_TAKEN"), ("username", "USERNAME_TAKEN")]
)
async def test_an_email_and_a_username_are_unique_whatever_their_case(
    door: Door, shop: Shop, user: Person, taken: str, code: str
) -> None:
    asked = account(**{taken: getattr(user, taken).upper()})
    async with shop.unchanged():
        outcome = await door.call("auth.register", asked)
    assert (outcome.code, outcome.status) == (code, 409)


async def test_all_bad_fields_of_an_account_are_named_at_once(door: Door, shop: Shop) -> None:
    asked = {
        "email": "not an address",
        "username": "a!",
        "password": "short",
        "fullName": "x" * 101,
        "firstName": "",
    }
    async with shop.unchanged():
        failure = (await door.call("auth.register", asked)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert failure.paths == {
        "email": "INVALID_FORMAT",
        "username": "TOO_SHORT",
        "password": "TOO_SHORT",
        "fullName": "TOO_LONG",
        "firstName": "TOO_SHORT",
    }


async def test_control_characters_are_refused(door: Door) -> None:
    failure = (await door.call("auth.register", account(fullName="Ada\u0007"))).failure
    assert failure.paths == {"fullName": "INVALID_FORMAT"}


async def test_signing_in_gives_tokens_and_notes_when(door: Door, user: Person) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    tokens = (await door.call("auth.login", credentials(user))).ok
    assert tokens["user"]["id"] == user.id
    assert datetime.fromisoformat(tokens["user"]["lastLoginAt"]) > before
    assert tokens["user"]["version"] == 1  # signing in is no change of the account
    assert (await door.call("users.me", caller=tokens["accessToken"])).ok["id"] == user.id


async def test_the_email_is_found_whatever_its_case(door: Door, user: Person) -> None:
    asked = {"email": f" {user.email.upper()} ", "password": PASSWORD}
    assert (await door.call("auth.login", asked)).ok["user"]["id"] == user.id


async def test_an_unknown_account_and_a_wrong_password_answer_alike(
    door: Door, shop: Shop, user: Person
) -> None:
    async with shop.unchanged():
        wrong = await door.call("auth.login", credentials(user, "wrong-password"))
        unknown = await door.call(
            "auth.login", {"email": f"{unique()}@example.com", "password": PASSWORD}
        )
    assert (wrong.code, wrong.status) == ("INVALID_CREDENTIALS", 401)
    assert wrong.error == unknown.error


async def test_a_disabled_account_is_told_only_after_the_right_password(
    door: Door, shop: Shop
) -> None:
    closed = await shop.person(is_active=False)
    async with shop.unchanged():
        assert (await door.call("auth.login", credentials(closed))).code == "ACCOUNT_DISABLED"
        wrong = await door.call("auth.login", credentials(closed, "wrong-password"))
    assert wrong.code == "INVALID_CREDENTIALS"


async def test_refreshing_spends_the_token_and_keeps_the_session(
    door: Door, shop: Shop, user: Person
) -> None:
    tokens = (await door.call("auth.refresh", {"refreshToken": user.refresh_token})).ok
    assert tokens["refreshToken"] != user.refresh_token
    assert tokens["user"]["id"] == user.id
    sid = jwt.decode(tokens["accessToken"], options={"verify_signature": False})["sid"]
    assert sid == user.session_id
    again = (await door.call("auth.refresh", {"refreshToken": tokens["refreshToken"]})).ok
    assert again["refreshToken"] not in (tokens["refreshToken"], user.refresh_token)


async def test_a_token_spent_a_moment_ago_is_the_clients_own_race(
    door: Door, shop: Shop, user: Person
) -> None:
    tokens = (await door.call("auth.refresh", {"refreshToken": user.refresh_token})).ok
    async with shop.unchanged():
        late = await door.call("auth.refresh", {"refreshToken": user.refresh_token})
    assert (late.code, late.status) == ("REFRESH_TOKEN_USED", 409)
    assert (await door.call("users.me", caller=tokens["accessToken"])).ok
    assert (await door.call("auth.refresh", {"refreshToken": tokens["refreshToken"]})).ok


async def test_a_token_spent_long_ago_is_theft_and_ends_the_session(
    door: Door, shop: Shop, user: Person, clock: Clock
) -> None:
    tokens = (await door.call("auth.refresh", {"refreshToken": user.refresh_token})).ok
    clock.forward(seconds=11)
    stolen = await door.call("auth.refresh", {"refreshToken": user.refresh_token})
    assert (stolen.code, stolen.status) == ("REFRESH_TOKEN_INVALID", 401)
    assert (await door.call("users.me", caller=tokens["accessToken"])).code == "TOKEN_REVOKED"
    heir = await door.call("auth.refresh", {"refreshToken": tokens["refreshToken"]})
    assert heir.code == "REFRESH_TOKEN_INVALID"
    told = await shop.rows(
        "SELECT outcome FROM audit_log WHERE action = 'auth.refresh' AND entity_id = $1",
        user.session_id,
    )
    assert "REFRESH_TOKEN_INVALID" in {row["outcome"] for row in told}


async def test_an_unknown_refresh_token_is_invalid(door: Door, shop: Shop) -> None:
    async with shop.unchanged():
        outcome = await door.call("auth.refresh", {"refreshToken": "tdr_nothing"})
    assert (outcome.code, outcome.status) == ("REFRESH_TOKEN_INVALID", 401)


async def test_a_session_ends_when_its_time_is_over(
    door: Door, shop: Shop, user: Person, clock: Clock
) -> None:
    clock.forward(days=7, seconds=1)
    outcome = await door.call("auth.refresh", {"refreshToken": user.refresh_token})
    assert outcome.code == "REFRESH_TOKEN_INVALID"


async def test_refreshing_lengthens_the_session(
    door: Door, shop: Shop, user: Person, clock: Clock
) -> None:
    clock.forward(days=6)
    tokens = (await door.call("auth.refresh", {"refreshToken": user.refresh_token})).ok
    clock.forward(days=6)
    assert (await door.call("auth.refresh", {"refreshToken": tokens["refreshToken"]})).ok


async def test_a_disabled_account_refreshes_no_more(door: Door, shop: Shop, user: Person) -> None:
    await shop.execute("UPDATE users SET is_active = false WHERE id = $1", user.id)
    outcome = await door.call("auth.refresh", {"refreshToken": user.refresh_token})
    assert outcome.code == "REFRESH_TOKEN_INVALID"


async def test_logging_out_ends_the_session_at_once(door: Door, user: Person) -> None:
    assert (await door.call("users.me", caller=user)).ok
    assert (await door.call("auth.logout", {"refreshToken": user.refresh_token})).error is None
    assert (await door.call("users.me", caller=user)).code == "TOKEN_REVOKED"
    outcome = await door.call("auth.refresh", {"refreshToken": user.refresh_token})
    assert outcome.code == "REFRESH_TOKEN_INVALID"


async def test_logging_out_needs_no_access_token_and_minds_no_bad_one(
    door: Door, user: Person, clock: Clock
) -> None:
    clock.forward(minutes=16)
    outcome = await door.call("auth.logout", {"refreshToken": user.refresh_token}, caller=user)
    assert outcome.error is None
    outcome = await door.call("auth.logout", {"refreshToken": "tdr_unknown"}, caller="rubbish")
    assert outcome.error is None


@pytest.mark.parametrize("operation", ["auth.login", "auth.refresh", "auth.register"])
async def test_signing_in_minds_no_bad_token(door: Door, user: Person, operation: str) -> None:
    values = {
        "auth.login": credentials(user),
        "auth.refresh": {"refreshToken": user.refresh_token},
        "auth.register": account(),
    }[operation]
    assert (await door.call(operation, values, caller="rubbish")).error is None


async def test_an_access_token_carries_every_claim(door: Door, user: Person) -> None:
    tokens = (await door.call("auth.login", credentials(user))).ok
    header = jwt.get_unverified_header(tokens["accessToken"])
    assert header["alg"] == "EdDSA"
    assert header["kid"]
    claims = jwt.decode(tokens["accessToken"], options={"verify_signature": False})
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "role", "iat", "nbf", "exp"}
    assert claims["sub"] == user.id
    assert claims["exp"] - claims["iat"] == 900


async def test_twenty_refreshes_at_once_have_one_winner(
    door: Door, shop: Shop, user: Person
) -> None:
    outcomes = await asyncio.gather(
        *(door.call("auth.refresh", {"refreshToken": user.refresh_token}) for _ in range(20))
    )
    codes = sorted(outcome.code for outcome in outcomes)
    assert codes == ["OK", *["REFRESH_TOKEN_USED"] * 19]
    live = "SELECT count(*) FROM refresh_tokens WHERE session_id = $1 AND used_at IS NULL"
    assert await shop.value(live, user.session_id) == 1


async def test_the_audit_log_holds_no_personal_values(door: Door, shop: Shop) -> None:
    asked = account()
    made = (await door.call("auth.register", asked)).ok
    [entry] = await shop.rows("SELECT * FROM audit_log WHERE entity_id = $1", made["user"]["id"])
    assert entry["changed"] == ["email", "username", "fullName", "profile"]
    kept = " ".join(str(value) for value in entry.values())
    for secret in (asked["email"], asked["username"], PASSWORD, "Lovelace"):
        assert str(secret) not in kept


@pytest.mark.parametrize(
    "operation", ["auth.register", "auth.login", "auth.refresh", "apiKeys.create"]
)
async def test_answers_that_carry_tokens_are_kept_by_nobody(
    faces: dict[str, Door], shop: Shop, user: Person, operation: str
) -> None:
    for name, face in faces.items():
        values, _ = await good_call(shop, operation, user)
        outcome = await face.call(operation, values, caller=user)
        assert {"accessToken", "secret"} & set(outcome.ok)
        assert outcome.headers["Cache-Control"] == "no-store", name
