"""Getting back into an account, and proving that an email is one's own."""

import asyncio
from typing import Any

import httpx
import pytest

from persistence.mail_tokens import Purpose
from tests.faces import DOCUMENTS, FACES, Door, Service, written
from tests.shop import PASSWORD, Clock, Person, Shop, unique

NEW = "another-password"


async def emails(shop: Shop, person: Person) -> tuple[str, bool, str | None, int]:
    """Somebody's email, whether it is verified, the one to be, and the account's version."""
    [row] = await shop.rows(
        "SELECT email, email_verified_at IS NOT NULL AS verified, pending_email, version "
        "FROM users WHERE id = $1",
        person.id,
    )
    return row["email"], row["verified"], row["pending_email"], row["version"]


async def queued(shop: Shop, name: str, email: str) -> list[dict[str, Any]]:
    """What the jobs that mail to this address were given."""
    return [job["data"] for job in await shop.jobs(name) if job["data"]["email"] == email]


async def pending(shop: Shop, person: Person) -> str:
    """A new email that somebody is to have once it is verified."""
    email = f"{unique('new')}@example.com"
    await shop.execute("UPDATE users SET pending_email = $2 WHERE id = $1", person.id, email)
    return email


async def test_registering_asks_to_verify_the_email(door: Door, shop: Shop) -> None:
    name = unique("ada")
    email = f"{name}@example.com"
    values = {"email": email, "username": name, "password": PASSWORD, "fullName": "Ada"}
    user = (await door.call("auth.register", values)).ok["user"]
    assert user["emailVerified"] is False
    assert await queued(shop, "mail.verifyEmail", email) == [{"userId": user["id"], "email": email}]
    async with shop.unchanged():
        assert (await door.call("auth.register", values)).code == "EMAIL_TAKEN"


async def test_asking_for_a_reset_queues_a_mail_to_that_address(
    door: Door, shop: Shop, user: Person
) -> None:
    for email in (user.email, f"{unique('nobody')}@example.com"):
        assert (await door.call("auth.requestPasswordReset", {"email": email})).ok == {"ok": True}
        assert await queued(shop, "mail.resetPassword", email) == [{"email": email}]


async def answers(shop: Shop, client: httpx.AsyncClient, email: str) -> list[tuple[Any, ...]]:
    """All that each face says to a request for a reset, but for what names the request."""
    document, variables = written(
        DOCUMENTS["auth.requestPasswordReset"], {"email": email}, None, None
    )
    asked = {
        "/graphql": {"query": document, "variables": variables},
        "/api/v1/auth/password-reset": {"email": email},
        "/api/v2/auth/password-reset": {"email": email},
    }
    said = []
    for path, body in asked.items():
        response = await client.post(path, json=body)
        body = {**response.json(), "requestId": None, "timestamp": None}
        headers = dict(response.headers)
        timing, _ = headers.pop("server-timing"), headers.pop("x-request-id")
        said.append((response.status_code, body, headers, timing.partition("desc=")[2]))
    return said


async def test_asking_for_a_reset_tells_nothing_of_whether_there_is_an_account(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    known = await answers(shop, client, user.email)
    unknown = await answers(shop, client, "x" * (len(user.email) - 12) + "@example.com")
    assert known == unknown  # the number of statements is among it
    assert len(known) == 3
    assert all("statements" in timing for *_, timing in known)


async def test_a_reset_sets_the_password_and_ends_every_session_and_key(
    door: Door, shop: Shop, user: Person
) -> None:
    elsewhere = await shop.signed_in_again(user)
    machine = await shop.machine(user, "wallet:read:own")
    token = await shop.mailed(user, Purpose.RESET_PASSWORD)
    assert (await door.call("auth.resetPassword", {"token": token, "newPassword": NEW})).ok
    for caller in (user, elsewhere):
        assert (await door.call("wallet.get", caller=caller)).code == "TOKEN_REVOKED"
        refreshed = await door.call("auth.refresh", {"refreshToken": caller.refresh_token})
        assert refreshed.code == "REFRESH_TOKEN_INVALID"
    assert (await door.call("wallet.get", caller=machine)).code == "TOKEN_REVOKED"
    old = {"email": user.email, "password": PASSWORD}
    assert (await door.call("auth.login", old)).code == "INVALID_CREDENTIALS"
    assert (await door.call("auth.login", {**old, "password": NEW})).ok
    assert await emails(shop, user) == (user.email, True, None, 2)


async def test_whoever_was_in_an_account_before_its_reset_cannot_take_it_back(
    door: Door, shop: Shop, user: Person
) -> None:
    theirs = await pending(shop, user)
    kept = await shop.mailed(user, Purpose.VERIFY_EMAIL, email=theirs)
    token = await shop.mailed(user, Purpose.RESET_PASSWORD)
    assert (await door.call("auth.resetPassword", {"token": token, "newPassword": NEW})).ok
    assert await emails(shop, user) == (user.email, True, None, 2)
    async with shop.unchanged():
        assert (await door.call("auth.verifyEmail", {"token": kept})).code == "TOKEN_INVALID"


async def test_a_reset_is_no_change_that_is_shown_where_the_email_is_verified_already(
    door: Door, shop: Shop, user: Person
) -> None:
    await shop.execute("UPDATE users SET email_verified_at = now() WHERE id = $1", user.id)
    token = await shop.mailed(user, Purpose.RESET_PASSWORD)
    assert (await door.call("auth.resetPassword", {"token": token, "newPassword": NEW})).ok
    assert await emails(shop, user) == (user.email, True, None, 1)


async def test_a_reset_makes_all_other_tokens_for_it_void(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    used, other = [await shop.mailed(user, Purpose.RESET_PASSWORD) for _ in range(2)]
    verifying = await shop.mailed(user, Purpose.VERIFY_EMAIL)
    stranger = await shop.mailed(other_user, Purpose.RESET_PASSWORD)
    values = {"newPassword": NEW}
    assert (await door.call("auth.resetPassword", {**values, "token": used})).ok
    for token in (used, other):
        async with shop.unchanged():
            outcome = await door.call("auth.resetPassword", {**values, "token": token})
        assert (outcome.code, outcome.status) == ("TOKEN_INVALID", 422)
    assert (await door.call("auth.resetPassword", {**values, "token": stranger})).ok
    assert (await door.call("auth.verifyEmail", {"token": verifying})).ok


BAD = ("unknown", "expired", "other purpose", "closed account", "left address")


async def bad_token(shop: Shop, person: Person, kind: str, purpose: Purpose) -> str:
    """A token of that purpose that is good for nothing."""
    match kind:
        case "expired":
            return await shop.mailed(person, purpose, seconds=-1)
        case "other purpose":
            [other] = {*Purpose} - {purpose}
            return await shop.mailed(person, other)
        case "closed account":
            token = await shop.mailed(person, purpose)
            await shop.execute("UPDATE users SET is_active = false WHERE id = $1", person.id)
            return token
        case "left address":
            return await shop.mailed(person, purpose, email=f"{unique('old')}@example.com")
        case _:
            return f"tdp_{unique()}"


@pytest.mark.parametrize("kind", BAD)
async def test_a_token_that_is_good_for_nothing_resets_nothing(
    door: Door, shop: Shop, user: Person, kind: str
) -> None:
    token = await bad_token(shop, user, kind, Purpose.RESET_PASSWORD)
    async with shop.unchanged():
        outcome = await door.call("auth.resetPassword", {"token": token, "newPassword": NEW})
    assert (outcome.code, outcome.status) == ("TOKEN_INVALID", 422)


@pytest.mark.parametrize("kind", BAD)
async def test_a_token_that_is_good_for_nothing_verifies_nothing(
    door: Door, shop: Shop, user: Person, kind: str
) -> None:
    token = await bad_token(shop, user, kind, Purpose.VERIFY_EMAIL)
    async with shop.unchanged():
        outcome = await door.call("auth.verifyEmail", {"token": token})
    assert (outcome.code, outcome.status) == ("TOKEN_INVALID", 422)


async def test_a_bad_token_costs_the_same_work_as_a_good_one(
    shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = shop.process.passwords
    hashes, hash_password = [], passwords.hash

    async def counted(password: str) -> str:
        hashes.append(password)
        return await hash_password(password)

    good = await shop.mailed(user, Purpose.RESET_PASSWORD)
    monkeypatch.setattr(passwords, "hash", counted)
    for token, code in (("tdp_unknown", "TOKEN_INVALID"), (good, "OK")):
        values = {"token": token, "newPassword": NEW}
        assert (await Service(shop).call("auth.resetPassword", values)).code == code
    assert hashes == [NEW, NEW]


async def test_twenty_resets_with_one_token_have_one_winner(
    door: Door, shop: Shop, user: Person
) -> None:
    token = await shop.mailed(user, Purpose.RESET_PASSWORD)
    passwords = [f"password-number-{number}" for number in range(20)]
    outcomes = await asyncio.gather(
        *(
            door.call("auth.resetPassword", {"token": token, "newPassword": password})
            for password in passwords
        )
    )
    codes = sorted(outcome.code for outcome in outcomes)
    assert codes == ["OK", *["TOKEN_INVALID"] * 19]
    [won] = [place for place, outcome in enumerate(outcomes) if outcome.code == "OK"]
    login = {"email": user.email, "password": passwords[won]}
    assert (await door.call("auth.login", login)).ok


async def test_who_signs_in_with_the_old_password_meanwhile_is_not_signed_in(
    shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password was right when it was looked at, and is not when the session would begin."""
    passwords = shop.process.passwords
    verify, looked, go_on = passwords.verify_and_update, asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any) -> Any:
        found = await verify(*given)
        looked.set()
        await go_on.wait()
        return found

    door = Service(shop)
    token = await shop.mailed(user, Purpose.RESET_PASSWORD)
    monkeypatch.setattr(passwords, "verify_and_update", slowly)
    values = {"email": user.email, "password": PASSWORD}
    late = asyncio.create_task(door.call("auth.login", values))
    await looked.wait()
    assert (await door.call("auth.resetPassword", {"token": token, "newPassword": NEW})).ok
    async with shop.unchanged():
        go_on.set()
        assert (await late).code == "INVALID_CREDENTIALS"


async def test_verifying_marks_the_email(door: Door, shop: Shop, user: Person) -> None:
    before = (await door.call("users.me", caller=user)).ok
    token = await shop.mailed(user, Purpose.VERIFY_EMAIL)
    assert (await door.call("auth.verifyEmail", {"token": token})).ok == {"ok": True}
    after = (await door.call("users.me", caller=user)).ok
    assert (before["emailVerified"], after["emailVerified"]) == (False, True)
    assert after["version"] == before["version"] + 1
    async with shop.unchanged():
        assert (await door.call("auth.verifyEmail", {"token": token})).code == "TOKEN_INVALID"


async def test_a_new_email_counts_once_it_is_verified(door: Door, shop: Shop, user: Person) -> None:
    email = await pending(shop, user)
    late = await shop.mailed(user, Purpose.VERIFY_EMAIL)
    resetting = await shop.mailed(user, Purpose.RESET_PASSWORD)
    token = await shop.mailed(user, Purpose.VERIFY_EMAIL, email=email)
    assert await emails(shop, user) == (user.email, False, email, 1)
    assert (await door.call("auth.verifyEmail", {"token": token})).ok
    assert await emails(shop, user) == (email, True, None, 2)
    # What was mailed to the address that was left is worth nothing.
    async with shop.unchanged():
        assert (await door.call("auth.verifyEmail", {"token": late})).code == "TOKEN_INVALID"
        values = {"token": resetting, "newPassword": NEW}
        assert (await door.call("auth.resetPassword", values)).code == "TOKEN_INVALID"


async def test_verifying_the_email_that_is_leaves_the_one_to_be(
    door: Door, shop: Shop, user: Person
) -> None:
    email = await pending(shop, user)
    token = await shop.mailed(user, Purpose.VERIFY_EMAIL)
    assert (await door.call("auth.verifyEmail", {"token": token})).ok
    assert await emails(shop, user) == (user.email, True, email, 2)


async def test_an_email_that_somebody_took_meanwhile_is_taken(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    email = await pending(shop, user)
    token = await shop.mailed(user, Purpose.VERIFY_EMAIL, email=email)
    taken = "UPDATE users SET email = $2 WHERE id = $1"
    await shop.execute(taken, other_user.id, email.upper())
    async with shop.unchanged():
        outcome = await door.call("auth.verifyEmail", {"token": token})
    assert (outcome.code, outcome.status) == ("EMAIL_TAKEN", 409)
    # It was not spent: once the address is free, it is good.
    await shop.execute(taken, other_user.id, other_user.email)
    assert (await door.call("auth.verifyEmail", {"token": token})).ok


async def test_twenty_verifications_with_one_token_have_one_winner(
    door: Door, shop: Shop, user: Person
) -> None:
    token = await shop.mailed(user, Purpose.VERIFY_EMAIL)
    calls = (door.call("auth.verifyEmail", {"token": token}) for _ in range(20))
    codes = sorted(outcome.code for outcome in await asyncio.gather(*calls))
    assert codes == ["OK", *["TOKEN_INVALID"] * 19]
    assert await emails(shop, user) == (user.email, True, None, 2)


async def test_the_mail_is_sent_again_to_the_address_that_is_not_verified(
    door: Door, shop: Shop, user: Person
) -> None:
    assert (await door.call("auth.resendVerification", caller=user)).ok == {"ok": True}
    asked = {"userId": user.id, "email": user.email}
    assert await queued(shop, "mail.verifyEmail", user.email) == [asked]
    email = await pending(shop, user)
    assert (await door.call("auth.resendVerification", caller=user)).ok
    assert await queued(shop, "mail.verifyEmail", email) == [{"userId": user.id, "email": email}]
    assert await queued(shop, "mail.verifyEmail", user.email) == [asked]


async def test_where_there_is_nothing_to_verify_nothing_is_mailed(
    door: Door, shop: Shop, user: Person
) -> None:
    await shop.execute("UPDATE users SET email_verified_at = now() WHERE id = $1", user.id)
    async with shop.unchanged():
        assert (await door.call("auth.resendVerification", caller=user)).ok == {"ok": True}


@pytest.mark.parametrize(
    ("operation", "values", "paths"),
    [
        ("auth.requestPasswordReset", {"email": "nobody"}, {"email": "INVALID_FORMAT"}),
        (
            "auth.resetPassword",
            {"token": "x" * 201, "newPassword": "short"},
            {"token": "TOO_LONG", "newPassword": "TOO_SHORT"},
        ),
        ("auth.verifyEmail", {"token": " "}, {"token": "TOO_SHORT"}),
    ],
)
async def test_bad_fields_are_named(
    door: Door, shop: Shop, operation: str, values: dict[str, str], paths: dict[str, str]
) -> None:
    async with shop.unchanged():
        assert (await door.call(operation, values)).failure.paths == paths


async def test_a_token_waits_until_it_expires(
    door: Door, shop: Shop, user: Person, clock: Clock
) -> None:
    values = {"token": await shop.mailed(user, Purpose.RESET_PASSWORD), "newPassword": NEW}
    clock.forward(minutes=61)
    assert (await door.call("auth.resetPassword", values)).code == "TOKEN_INVALID"
    clock.forward(minutes=-2)
    assert (await door.call("auth.resetPassword", values)).ok


async def test_the_audit_log_holds_neither_tokens_nor_addresses(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    for name in FACES:
        token = await shop.mailed(user, Purpose.RESET_PASSWORD)
        values = {"token": token, "newPassword": NEW}
        outcome = await faces[name].call("auth.resetPassword", values)
        [entry] = await shop.audits_of(outcome.headers["x-request-id"])
        assert (entry["entity"], entry["entity_id"]) == ("user", user.id)
        kept = " ".join(str(value) for value in entry.values())
        assert not any(secret in kept for secret in (token, NEW, user.email))
