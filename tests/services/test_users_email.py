"""Another email for one's own account: who may ask for it, and who is told."""

import asyncio
from typing import Any

import pytest

from tests.faces import Door
from tests.shop import PASSWORD, Person, Shop, new_key, unique

WRONG = "not-the-password"
KEPT = "SELECT fingerprint, outcome FROM idempotency_keys WHERE caller_id = $1 AND key = $2"


def address() -> str:
    """An email that nobody has."""
    return f"{unique('new')}@example.com"


def another(password: str = PASSWORD) -> dict[str, str]:
    """A new email, and a password with it."""
    return {"email": address(), "currentPassword": password}


async def mails(shop: Shop, person: Person) -> list[tuple[str, str]]:
    """The mails about somebody's addresses that are queued: which, and to whom."""
    return [
        (name, job["data"]["email"])
        for name in ("mail.emailChanging", "mail.verifyEmail")
        for job in await shop.jobs(name)
        if job["data"]["userId"] == person.id
    ]


async def test_an_email_is_not_changed_without_the_password(
    door: Door, shop: Shop, user: Person
) -> None:
    for email in (address(), user.email.upper()):
        async with shop.unchanged():  # jobs among all else
            asked = {"email": email, "bio": "Mine."}
            failure = (await door.call("users.updateMe", asked, caller=user)).failure
        assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
        assert failure.paths == {"currentPassword": "REQUIRED"}
    assert await mails(shop, user) == []


async def test_a_form_may_send_the_email_back_as_it_is_without_the_password(
    door: Door, shop: Shop, user: Person
) -> None:
    asked = {"email": user.email, "bio": "Mine."}
    changed = (await door.call("users.updateMe", asked, caller=user)).ok
    assert (changed["email"], changed["pendingEmail"]) == (user.email, None)
    assert changed["profile"]["bio"] == "Mine."
    assert await mails(shop, user) == []


@pytest.mark.parametrize(
    ("given", "code"), [(None, "REQUIRED"), ("short", "TOO_SHORT"), ("x" * 129, "TOO_LONG")]
)
async def test_what_can_be_no_password_is_named(
    door: Door, shop: Shop, user: Person, given: str | None, code: str
) -> None:
    asked = {"email": address(), "currentPassword": given}
    async with shop.unchanged():
        failure = (await door.call("users.updateMe", asked, caller=user)).failure
    assert failure.paths == {"currentPassword": code}


async def test_a_wrong_password_changes_nothing_mails_nobody_and_is_in_the_audit_log(
    door: Door, shop: Shop, user: Person
) -> None:
    async with shop.unchanged():
        asked = {**another(WRONG), "bio": "Mine."}
        outcome = await door.call("users.updateMe", asked, caller=user)
    assert (outcome.code, outcome.status) == ("INVALID_CREDENTIALS", 401)
    assert await mails(shop, user) == []
    assert await shop.audits(user) == [("users.updateMe", "INVALID_CREDENTIALS")]
    row = await shop.last_audit("users.updateMe", user)
    assert row
    assert (row["entity"], row["entity_id"], row["changed"]) == ("user", user.id, [])
    assert WRONG not in str(row)


async def test_the_right_password_asks_the_new_address_and_tells_the_present_one(
    door: Door, shop: Shop, user: Person
) -> None:
    asked = another()
    changed = (await door.call("users.updateMe", asked, caller=user)).ok
    assert (changed["email"], changed["pendingEmail"]) == (user.email, asked["email"])
    told, asking = ("mail.emailChanging", user.email), ("mail.verifyEmail", asked["email"])
    assert await mails(shop, user) == [told, asking]
    jobs = [job["data"] for job in await shop.jobs("mail.emailChanging")]
    assert {"userId": user.id, "email": user.email} in jobs
    assert asked["email"] not in str(jobs)
    row = await shop.last_audit("users.updateMe", user)
    assert row
    assert (row["outcome"], row["changed"]) == ("OK", ["pendingEmail"])
    assert PASSWORD not in str(row)


async def test_the_present_address_is_told_once_of_each_new_one(
    door: Door, shop: Shop, user: Person
) -> None:
    async def told() -> int:
        return [name for name, _ in await mails(shop, user)].count("mail.emailChanging")

    first, second = another(), another()
    for asked in (first, first):
        assert (await door.call("users.updateMe", asked, caller=user)).ok
        assert await told() == 1
    assert (await door.call("users.updateMe", second, caller=user)).ok
    assert await told() == 2
    for _ in range(2):  # taking it back, and once more where nothing is pending
        back = {"email": user.email, "currentPassword": PASSWORD}
        changed = (await door.call("users.updateMe", back, caller=user)).ok
        assert changed["pendingEmail"] is None
        assert await told() == 2


async def test_a_pending_email_is_taken_back_with_the_password_only(
    door: Door, shop: Shop, user: Person
) -> None:
    asked = another()
    assert (await door.call("users.updateMe", asked, caller=user)).ok
    async with shop.unchanged():
        back = {"email": user.email, "currentPassword": WRONG}
        outcome = await door.call("users.updateMe", back, caller=user)
        assert outcome.code == "INVALID_CREDENTIALS"
        outcome = await door.call("users.updateMe", {"email": user.email}, caller=user)
        assert outcome.failure.paths == {"currentPassword": "REQUIRED"}


async def test_everything_else_changes_without_a_password_and_none_is_looked_at(
    door: Door, shop: Shop, user: Person
) -> None:
    asked: dict[str, Any] = {
        "username": unique("ada"),
        "fullName": "Augusta Ada",
        "firstName": "Augusta",
        "lastName": "King",
        "avatar": "https://example.com/ada.png",
        "bio": "Mine.",
    }
    for name, value in asked.items():
        assert (await door.call("users.updateMe", {name: value}, caller=user)).ok
    with_password = {"bio": "Still mine.", "currentPassword": WRONG}
    changed = (await door.call("users.updateMe", with_password, caller=user)).ok
    assert changed["profile"]["bio"] == "Still mine."
    row = await shop.last_audit("users.updateMe", user)
    assert row
    assert row["changed"] == ["bio"]
    assert await mails(shop, user) == []


async def test_the_password_alone_is_nothing_to_change(
    door: Door, shop: Shop, user: Person
) -> None:
    async with shop.unchanged():
        asked = {"currentPassword": PASSWORD}
        failure = (await door.call("users.updateMe", asked, caller=user)).failure
    assert (failure.code, failure.paths) == ("VALIDATION_FAILED", {"": "REQUIRED"})


async def test_an_admin_changes_emails_without_a_password_and_takes_none(
    door: Door, shop: Shop, user: Person, admin: Person
) -> None:
    asked = {"id": user.id, "email": address()}
    async with shop.unchanged():
        given = {**asked, "currentPassword": PASSWORD}
        failure = (await door.call("users.update", given, caller=admin)).failure
    assert failure.paths == {"currentPassword": "UNKNOWN_FIELD"}
    assert (await door.call("users.update", asked, caller=admin)).ok["email"] == asked["email"]


async def test_what_is_kept_of_a_keyed_call_does_not_hold_its_password(
    door: Door, shop: Shop, user: Person
) -> None:
    email = address()

    async def kept(asked: dict[str, str], code: str) -> bytes:
        key = new_key()
        assert (await door.call("users.updateMe", asked, caller=user, key=key)).code == code
        [row] = await shop.rows(KEPT, user.id, key)
        assert asked["currentPassword"] not in str(row)
        return row["fingerprint"]

    wrong = await kept({"email": email, "currentPassword": WRONG}, "INVALID_CREDENTIALS")
    right = await kept({"email": email, "currentPassword": PASSWORD}, "OK")
    assert wrong == right
    assert await kept(another(), "OK") != right


async def test_a_key_answers_as_the_first_time_whichever_password_comes_with_it(
    door: Door, shop: Shop, user: Person
) -> None:
    asked, key = another(WRONG), new_key()
    right = {**asked, "currentPassword": PASSWORD}
    async with shop.unchanged():
        for values in (asked, right):
            outcome = await door.call("users.updateMe", values, caller=user, key=key)
            assert outcome.code == "INVALID_CREDENTIALS"
    assert outcome.replayed
    again = await door.call("users.updateMe", right, caller=user, key=new_key())
    assert again.ok["pendingEmail"] == right["email"]


async def test_a_password_that_is_changed_meanwhile_moves_no_email(
    door: Door, shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password was right when it was looked at, and is not when the email would change."""
    passwords = shop.process.passwords
    verify, looked, go_on = passwords.verify, asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any) -> bool:
        found = await verify(*given)
        looked.set()
        await go_on.wait()
        return found

    with monkeypatch.context() as slow:
        slow.setattr(passwords, "verify", slowly)
        late = asyncio.create_task(door.call("users.updateMe", another(), caller=user))
        await asyncio.wait_for(looked.wait(), 60)
    changed = {"currentPassword": PASSWORD, "newPassword": "another-password"}
    assert (await door.call("users.changePassword", changed, caller=user)).ok
    async with shop.unchanged():
        go_on.set()
        assert (await late).code == "INVALID_CREDENTIALS"
    assert await mails(shop, user) == []
    assert await shop.audits(user) == [
        ("users.changePassword", "OK"),
        ("users.updateMe", "INVALID_CREDENTIALS"),
    ]


async def test_the_wrong_password_is_told_before_another_version(
    door: Door, shop: Shop, user: Person
) -> None:
    for password, code in ((WRONG, "INVALID_CREDENTIALS"), (PASSWORD, "PRECONDITION_FAILED")):
        async with shop.unchanged():
            outcome = await door.call(
                "users.updateMe", another(password), caller=user, if_match='"99.0"'
            )
        assert outcome.code == code
