"""The caller's own account, users as others see them, and who a token speaks for."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from persistence.mail_tokens import Purpose
from services.catalogue import OPERATIONS
from services.ids import new_id
from services.operation.inputs import FORMS
from tests.faces import Door
from tests.shop import PASSWORD, Clock, Person, Shop, new_key, unique


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


# Changing one's account


async def test_what_is_given_changes_and_what_is_left_out_stays(door: Door, user: Person) -> None:
    before = (await door.call("users.me", caller=user)).ok
    asked = {"fullName": "Countess Lovelace", "bio": "First line.\nSecond line."}
    after = (await door.call("users.updateMe", asked, caller=user)).ok
    changed = {
        "fullName": "Countess Lovelace",
        "profile": {**before["profile"], "bio": "First line.\nSecond line."},
        "version": 2,
    }
    assert after == {**before, **changed, "updatedAt": after["updatedAt"]}
    assert after["updatedAt"] > before["updatedAt"]
    assert (await door.call("users.me", caller=user)).ok == after


async def test_null_clears_what_may_be_empty(door: Door, user: Person) -> None:
    picture = "https://example.com/ada.png?size=80#face"
    await door.call("users.updateMe", {"avatar": picture, "bio": "Wrote notes."}, caller=user)
    kept = (await door.call("users.updateMe", {"bio": None}, caller=user)).ok["profile"]
    named = {"firstName": "Ada", "lastName": "Lovelace", "imageVariants": []}
    assert kept == {**named, "avatar": picture, "bio": None}
    asked: dict[str, Any] = dict.fromkeys(("firstName", "lastName", "avatar", "bio"))
    cleared = (await door.call("users.updateMe", asked, caller=user)).ok["profile"]
    assert cleared == {**asked, "imageVariants": []}


async def test_null_is_refused_for_what_may_not_be_empty(
    door: Door, shop: Shop, user: Person
) -> None:
    asked: dict[str, Any] = dict.fromkeys(("email", "username", "fullName", "bio"))
    async with shop.unchanged():
        failure = (await door.call("users.updateMe", asked, caller=user)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert failure.paths == dict.fromkeys(("email", "username", "fullName"), "REQUIRED")


async def test_an_empty_update_is_refused(door: Door, shop: Shop, user: Person) -> None:
    async with shop.unchanged():
        failure = (await door.call("users.updateMe", {}, caller=user)).failure
    assert (failure.code, failure.paths) == ("VALIDATION_FAILED", {"": "REQUIRED"})


async def test_what_is_the_same_already_is_no_change(door: Door, shop: Shop, user: Person) -> None:
    me = (await door.call("users.me", caller=user)).ok
    asked = {"fullName": me["fullName"], "username": me["username"], "bio": None}
    async with shop.unchanged():
        assert (await door.call("users.updateMe", asked, caller=user)).ok == me
    row = await shop.last_audit("users.updateMe", user)
    assert row
    assert (row["entity"], row["entity_id"], row["changed"]) == ("user", user.id, [])


async def test_the_audit_row_names_what_changed_and_holds_no_value(
    door: Door, shop: Shop, user: Person
) -> None:
    asked = {
        "fullName": "Somebody Else",
        "bio": "A secret.",
        "email": f"{unique()}@example.com",
        "currentPassword": PASSWORD,
    }
    assert (await door.call("users.updateMe", asked, caller=user)).ok
    row = await shop.last_audit("users.updateMe", user)
    assert row
    assert (row["entity"], row["entity_id"]) == ("user", user.id)
    assert row["changed"] == ["bio", "fullName", "pendingEmail"]
    assert not any(value in str(row) for value in asked.values())


async def test_all_bad_fields_of_an_update_are_named_at_once(
    door: Door, shop: Shop, user: Person
) -> None:
    asked = {
        "email": "nobody",
        "username": "a b",
        "fullName": "x" * 101,
        "firstName": " ",
        "lastName": "Love\u0007lace",
        "avatar": "https://example.com/" + "x" * 481,
        "bio": "x" * 1001,
    }
    async with shop.unchanged():
        failure = (await door.call("users.updateMe", asked, caller=user)).failure
    assert failure.paths == {
        "email": "INVALID_FORMAT",
        "username": "INVALID_FORMAT",
        "fullName": "TOO_LONG",
        "firstName": "TOO_SHORT",
        "lastName": "INVALID_FORMAT",
        "avatar": "TOO_LONG",
        "bio": "TOO_LONG",
    }
    messages = {path: message for path, _, message in failure.fields}
    assert (
        messages["username"]
        == "Use only letters from A to Z, digits, dots, hyphens and underscores."
    )


def test_every_pattern_of_a_text_has_words() -> None:
    found = {pattern for one in OPERATIONS for pattern in patterns(vars(one.input))}
    assert found == FORMS.keys()
    assert len(found) >= 5


def patterns(part: Any) -> Iterator[str]:
    """The patterns of texts in pydantic's schema of a model."""
    if isinstance(part, Mapping):
        part = part.get("__pydantic_core_schema__", part)
        if part.get("type") == "str" and "pattern" in part:
            yield part["pattern"]
        for inner in part.values():
            yield from patterns(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from patterns(inner)


@pytest.mark.parametrize(
    "avatar",
    ["ada.png", "javascript:alert(1)", "data:image/png;base64,AAAA", "https://", "http://a b.c/"],
)
async def test_an_avatar_is_an_address_on_the_web(door: Door, user: Person, avatar: str) -> None:
    failure = (await door.call("users.updateMe", {"avatar": avatar}, caller=user)).failure
    assert failure.paths == {"avatar": "INVALID_FORMAT"}


async def test_a_username_of_another_is_taken_whatever_its_case(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    asked = {"username": other_user.username.upper(), "bio": "Mine."}
    async with shop.unchanged():
        outcome = await door.call("users.updateMe", asked, caller=user)
    assert (outcome.code, outcome.status) == ("USERNAME_TAKEN", 409)
    mine = user.username.upper()
    renamed = (await door.call("users.updateMe", {"username": mine}, caller=user)).ok
    assert renamed["username"] == mine


async def test_names_of_deleted_accounts_are_nobody_elses(
    door: Door, shop: Shop, user: Person
) -> None:
    asked = {"username": "Deleted-ada", "email": "deleted-ada@Deleted.invalid"}
    async with shop.unchanged():
        failure = (await door.call("users.updateMe", asked, caller=user)).failure
    assert failure.paths == {"username": "RESERVED", "email": "RESERVED"}


async def test_a_new_email_counts_once_it_is_verified(door: Door, shop: Shop, user: Person) -> None:
    email = f"{unique('new')}@example.com"
    asked = {"email": email, "currentPassword": PASSWORD}
    changed = (await door.call("users.updateMe", asked, caller=user)).ok
    assert (changed["email"], changed["pendingEmail"]) == (user.email, email)
    [job] = [job for job in await shop.jobs("mail.verifyEmail") if job["data"]["email"] == email]
    assert job["data"] == {"userId": user.id, "email": email}
    early = {"email": email, "password": PASSWORD}
    assert (await door.call("auth.login", early)).code == "INVALID_CREDENTIALS"
    token = await shop.mailed(user, Purpose.VERIFY_EMAIL, email=email)
    assert (await door.call("auth.verifyEmail", {"token": token})).ok
    me = (await door.call("users.me", caller=user)).ok
    assert (me["email"], me["pendingEmail"], me["emailVerified"]) == (email, None, True)


async def test_the_present_email_takes_a_pending_one_back(
    door: Door, shop: Shop, user: Person
) -> None:
    email = f"{unique('new')}@example.com"
    asked = {"email": email, "currentPassword": PASSWORD}
    await door.call("users.updateMe", asked, caller=user)
    async with shop.unchanged():  # the same again asks for no second mail
        again = (await door.call("users.updateMe", asked, caller=user)).ok
    assert again["pendingEmail"] == email
    asked = {"email": user.email, "currentPassword": PASSWORD}
    back = (await door.call("users.updateMe", asked, caller=user)).ok
    assert (back["email"], back["pendingEmail"], back["version"]) == (user.email, None, 3)
    token = await shop.mailed(user, Purpose.VERIFY_EMAIL, email=email)
    assert (await door.call("auth.verifyEmail", {"token": token})).code == "TOKEN_INVALID"


async def test_an_email_of_another_is_taken_and_nobody_is_mailed(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    async with shop.unchanged():  # jobs among all else
        asked = {
            "email": other_user.email.upper(),
            "bio": "Mine.",
            "currentPassword": PASSWORD,
        }
        outcome = await door.call("users.updateMe", asked, caller=user)
    assert (outcome.code, outcome.status) == ("EMAIL_TAKEN", 409)


async def test_the_legacy_face_takes_put_for_patch_and_the_current_does_not(
    client: httpx.AsyncClient, user: Person
) -> None:
    for path in ("/api/v1/me", "/api/me"):
        body = {"fullName": unique("Ada ")}
        answer = await client.put(path, json=body, headers=user.headers)
        assert answer.status_code == 200
        assert answer.json()["data"]["fullName"] == body["fullName"]
        assert answer.json()["data"]["firstName"] == "Ada"
    answer = await client.put("/api/v2/me", json={"fullName": "Ada"}, headers=user.headers)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}


async def test_an_update_with_a_key_tells_absent_from_null(door: Door, user: Person) -> None:
    key = new_key()
    asked = {"firstName": "Augusta"}
    assert (await door.call("users.updateMe", asked, caller=user, key=key)).ok
    cleared = {**asked, "bio": None}
    outcome = await door.call("users.updateMe", cleared, caller=user, key=key)
    assert outcome.code == "IDEMPOTENCY_KEY_REUSED"


# The password


def passwords(current: str, new: str) -> dict[str, str]:
    return {"currentPassword": current, "newPassword": new}


async def signs_in(door: Door, person: Person, password: str) -> bool:
    code = (await door.call("auth.login", {"email": person.email, "password": password})).code
    assert code in ("OK", "INVALID_CREDENTIALS")
    return code == "OK"


async def test_changing_the_password_ends_all_other_sessions(
    door: Door, shop: Shop, user: Person
) -> None:
    elsewhere = await shop.signed_in_again(user)
    machine = await shop.machine(user, "account:read:own")
    asked = passwords(PASSWORD, "another-password")
    assert (await door.call("users.changePassword", asked, caller=user)).ok == {"ok": True}
    assert (await door.call("users.me", caller=user)).ok["version"] == 1
    assert (await door.call("users.me", caller=machine)).ok
    assert (await door.call("users.me", caller=elsewhere)).code == "TOKEN_REVOKED"
    spent = {"refreshToken": elsewhere.refresh_token}
    assert (await door.call("auth.refresh", spent)).code == "REFRESH_TOKEN_INVALID"
    assert not await signs_in(door, user, PASSWORD)
    assert await signs_in(door, user, "another-password")


async def test_changing_the_password_drops_the_email_to_be(
    door: Door, shop: Shop, user: Person
) -> None:
    theirs = f"{unique('theirs')}@example.com"
    moved = {"email": theirs, "currentPassword": PASSWORD}
    changed = (await door.call("users.updateMe", moved, caller=user)).ok
    assert changed["pendingEmail"] == theirs
    asked = passwords(PASSWORD, "another-password")
    assert (await door.call("users.changePassword", asked, caller=user)).ok
    me = (await door.call("users.me", caller=user)).ok
    assert (me["email"], me["pendingEmail"]) == (user.email, None)
    assert me["version"] == changed["version"] + 1


async def test_a_wrong_password_changes_nothing(door: Door, shop: Shop, user: Person) -> None:
    await shop.signed_in_again(user)
    async with shop.unchanged():
        asked = passwords("not-the-password", "another-password")
        outcome = await door.call("users.changePassword", asked, caller=user)
        assert (outcome.code, outcome.status) == ("INVALID_CREDENTIALS", 401)
        short = passwords(PASSWORD, "short")
        failure = (await door.call("users.changePassword", short, caller=user)).failure
        assert failure.paths == {"newPassword": "TOO_SHORT"}
    assert await shop.audits(user) == [("users.changePassword", "INVALID_CREDENTIALS")]


@pytest.mark.parametrize(
    ("operation", "values"),
    [
        ("users.changePassword", passwords(PASSWORD, "another-password")),
        ("users.deleteMe", {"password": PASSWORD}),
        (
            "users.updateMe",
            {"email": "a-machines@example.com", "currentPassword": PASSWORD},
        ),
    ],
)
async def test_an_api_key_changes_no_account_of_its_owner(
    door: Door, shop: Shop, user: Person, operation: str, values: dict[str, str]
) -> None:
    machine = await shop.machine(user, "account:read:own")
    async with shop.unchanged():
        assert (await door.call(operation, values, caller=machine)).code == "FORBIDDEN"
    assert (await door.call("users.me", caller=machine)).ok


# Others


async def test_other_people_see_only_what_is_public(
    door: Door, user: Person, other_user: Person, manager: Person
) -> None:
    picture = "https://example.com/ada.png"
    await door.call("users.updateMe", {"avatar": picture}, caller=user)
    for caller in (other_user, manager):
        seen = await door.call("users.get", {"id": user.id}, caller=caller)
        shown = {"id": user.id, "username": user.username, "avatar": picture}
        assert seen.ok == {**shown, "imageVariants": []}
        assert seen.etag is None
        assert "deprecation" not in seen.headers


async def test_oneself_and_an_admin_see_the_account(
    door: Door, user: Person, admin: Person
) -> None:
    me = await door.call("users.me", caller=user)
    for caller in (user, admin):
        seen = await door.call("users.get", {"id": user.id.upper()}, caller=caller)
        assert seen.ok == me.ok
        assert seen.etag == me.etag


async def test_a_machine_sees_the_account_with_the_permission_for_that(
    door: Door, shop: Shop, user: Person, admin: Person
) -> None:
    expected = (
        (user, ("users:read:public",), False),
        (user, ("users:read:public", "account:read:own"), True),
        (admin, ("users:read:public", "account:read:own"), False),
        (admin, ("users:read:public", "users:read:all"), True),
    )
    for owner, permissions, whole in expected:
        machine = await shop.machine(owner, *permissions)
        seen = (await door.call("users.get", {"id": user.id}, caller=machine)).ok
        assert ("email" in seen) == whole, permissions
    nothing = await shop.machine(user, "account:read:own")
    refused = await door.call("users.get", {"id": user.id}, caller=nothing)
    assert refused.code == "FORBIDDEN"


async def test_a_user_who_is_not_there_is_not_found(door: Door, user: Person) -> None:
    for id in (new_id(Clock()()), "nonsense", ""):
        if id or door.name in ("direct", "graphql"):
            outcome = await door.call("users.get", {"id": id}, caller=user)
            assert (outcome.code, outcome.status) == ("USER_NOT_FOUND", 404)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_either_view_of_a_user_can_be_trimmed(
    client: httpx.AsyncClient, user: Person, other_user: Person, version: str
) -> None:
    async def trimmed(caller: Person) -> Any:
        path = f"/api/{version}/users/{user.id}?fields=username,avatar,email"
        answer = (await client.get(path, headers=caller.headers)).json()
        return answer["data"] if version == "v1" else answer

    public = {"username": user.username, "avatar": None}
    assert await trimmed(other_user) == public
    own = {"username": user.username, "email": user.email}
    assert await trimmed(user) == (own | {"avatar": None} if version == "v1" else own)


async def test_the_account_is_reached_through_the_union(
    client: httpx.AsyncClient, user: Person, other_user: Person
) -> None:
    document = """query ($id: ID!) {
        user(id: $id) { __typename ... on Node { id } ... on User { profile { firstName } } }
    }"""
    seen = {}
    for caller in (user, other_user):
        body = {"query": document, "variables": {"id": user.id}}
        answer = await client.post("/graphql", json=body, headers=caller.headers)
        seen[caller.id] = answer.json()["data"]["user"]
    own = {"__typename": "User", "id": user.id, "profile": {"firstName": "Ada"}}
    assert seen == {user.id: own, other_user.id: {"__typename": "PublicUser", "id": user.id}}
