"""What admins do with accounts: list, make, change, close, and never without the last of them."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from services.ids import new_id
from tests.faces import Door
from tests.shop import PASSWORD, Clock, Person, Shop, uncrossed, unique


def account(**more: object) -> dict[str, object]:
    name = unique("grace")
    return {
        "email": f"{name}@example.com",
        "username": name,
        "password": PASSWORD,
        "fullName": "Grace Hopper",
        "role": "MODERATOR",
        **more,
    }


async def named(shop: Shop, person: Person, **columns: str) -> None:
    for column, value in columns.items():
        await shop.execute(f"UPDATE users SET {column} = $2 WHERE id = $1", person.id, value)


# Listing


async def test_accounts_are_listed_newest_first_without_the_deleted(
    door: Door, shop: Shop, admin: Person
) -> None:
    word = unique("listed")
    first, gone, last = [await shop.person() for _ in range(3)]
    sure = {"password": PASSWORD}
    assert (await door.call("users.deleteMe", sure, caller=gone)).ok
    for person in (first, gone, last):
        await named(shop, person, full_name=word)
    values = {"search": word, "total": True}
    listed = await door.call("users.list", values, caller=admin)
    assert listed.ids() == [last.id, first.id]
    assert listed.listed.total == 2
    assert listed.ok[0] == (await door.call("users.me", caller=last)).ok
    everybody = await door.call("users.list", {"first": 1, "total": True}, caller=admin)
    living = "SELECT count(*) FROM users WHERE deleted_at IS NULL"
    assert everybody.listed.total == await shop.value(living)


async def test_a_list_is_narrowed_by_role_and_standing(
    door: Door, shop: Shop, admin: Person
) -> None:
    word = unique("narrowed")
    moderator, user = await shop.person("MODERATOR"), await shop.person()
    closed = await shop.person("MODERATOR", is_active=False)
    for person in (moderator, user, closed):
        await named(shop, person, full_name=word)

    async def found(**values: Any) -> list[str]:
        listed = await door.call("users.list", {"search": word, **values}, caller=admin)
        return listed.ids()

    assert await found() == [closed.id, user.id, moderator.id]
    assert await found(role="MODERATOR") == [closed.id, moderator.id]
    assert await found(isActive=True) == [user.id, moderator.id]
    assert await found(role="MODERATOR", isActive=False) == [closed.id]
    assert await found(role="ADMIN") == []


async def test_a_search_finds_how_email_username_or_full_name_begins(
    door: Door, shop: Shop, admin: Person
) -> None:
    word = unique("Zoë")
    by_email, by_username, by_name, other = [await shop.person() for _ in range(4)]
    plain = word.replace("ë", "e")
    await named(shop, by_email, email=f"{plain}@example.com")
    await named(shop, by_username, username=f"{plain}.x")
    await named(shop, by_name, full_name=f"{word} Ångström")
    await named(shop, other, full_name=f"Not {plain}", email=f"not.{plain}@example.com")

    async def found(search: str) -> set[str]:
        return set((await door.call("users.list", {"search": search}, caller=admin)).ids())

    assert await found(plain.upper()) == {by_email.id, by_username.id}
    assert await found(f" {word.upper()} å") == {by_name.id}
    assert await found(plain[:-1]) == {by_email.id, by_username.id}
    assert await found(f"not {plain}") == {other.id}
    assert await found(f"{plain}y") == set()


@pytest.mark.parametrize(
    "search", ["%", "_", "\\", "'", '"', "100%", "a' OR 1=1 --", "&|!():*", "\U0010fffd", "ẞİ"]
)
async def test_any_text_is_searched_for_as_it_stands(
    door: Door, shop: Shop, admin: Person, search: str
) -> None:
    word = unique("w")
    person = await shop.person()
    await named(shop, person, username=f"{word}y", full_name="Somebody")

    async def found(text: str) -> list[str]:
        return (await door.call("users.list", {"search": text}, caller=admin)).ids()

    assert await found(word) == [person.id]
    assert await found(f"{word}{search}") == []


async def test_a_list_is_sorted_by_username_whatever_its_case(
    door: Door, shop: Shop, admin: Person
) -> None:
    word = unique("s")
    people = {}
    for name in ("b", "A", "C_", "a-"):
        people[name] = await shop.person()
        await named(shop, people[name], username=f"{word}{name}", full_name=word)
    expected = [people[name].id for name in ("A", "a-", "b", "C_")]
    for sort, ids in (("username", expected), ("-username", expected[::-1])):
        values = {"search": word, "sort": sort}
        assert (await door.call("users.list", values, caller=admin)).ids() == ids
        found, after = [], None
        while len(found) < len(ids):
            page = {**values, "first": 1, "after": after}
            listed = await door.call("users.list", page, caller=admin)
            found += listed.ids()
            after = listed.listed.end
        assert found == ids


@pytest.mark.parametrize("key", ["fullName", "email"])
async def test_a_list_is_sorted_by_name_and_email_whatever_their_case(
    door: Door, shop: Shop, admin: Person, key: str
) -> None:
    word = unique("s")
    # PostgreSQL's small letters of the last ones are not those of Python. The id breaks ties of
    # names; emails have none.
    values = ["a", "B", "B", "c", "ΑΣ", "ΑΣ", "İ"]
    people = [await shop.person() for _ in values]
    for number, (person, value) in enumerate(zip(people, values, strict=True)):
        name = f"{word} {value}"
        mail = f"{word}{value}{number}@example.com" if key == "email" else f"{word}{number}"
        await named(shop, person, username=f"{word}{number}", full_name=name, email=mail)
    whole = (await door.call("users.list", {"search": word, "sort": key}, caller=admin)).ids()
    first, *tied, last = (person.id for person in people[:4])
    assert whole[:4] == [first, *(sorted(tied) if key == "fullName" else tied), last]
    assert {*whole} == {person.id for person in people}
    for sort, ids in ((key, whole), (f"-{key}", whole[::-1])):
        for size, cursor in (("first", "after"), ("last", "before")):
            found: list[str] = []
            at = None
            while len(found) < len(ids):
                page = {"search": word, "sort": sort, size: 1, cursor: at}
                listed = await door.call("users.list", page, caller=admin)
                found += listed.ids()
                at = listed.listed.end if size == "first" else listed.listed.start
            assert found == (ids if size == "first" else ids[::-1])


async def test_v1_sorts_users_by_older_spellings(client: httpx.AsyncClient, admin: Person) -> None:
    new = await client.get("/api/v1/admin/users?sort=-fullName&perPage=2", headers=admin.headers)
    address = "/api/v1/admin/users?sort=full_name&order=desc&limit=2"
    old = await client.get(address, headers=admin.headers)
    assert (old.status_code, old.json()["data"]) == (200, new.json()["data"])


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_list_has_one_sort(client: httpx.AsyncClient, admin: Person, version: str) -> None:
    cases = {"sort=fullName,email": "INVALID_CHOICE", "sort=fullName&sort=email": "REPEATED"}
    for query, code in cases.items():
        answer = await client.get(f"/api/{version}/admin/users?{query}", headers=admin.headers)
        body = answer.json()
        [field] = body["fields"] if version == "v2" else body["error"]["details"]["fields"]
        assert (answer.status_code, field["field"], field["code"]) == (400, "sort", code)


# Making


async def test_an_admin_makes_an_account_that_can_be_signed_in_to(
    door: Door, shop: Shop, admin: Person
) -> None:
    asked = account(firstName="Grace")
    made = await door.call("users.create", asked, caller=admin)
    user = made.ok
    assert (user["role"], user["isActive"], user["version"]) == ("MODERATOR", True, 1)
    assert (user["emailVerified"], user["profile"]["firstName"]) == (False, "Grace")
    if door.name in ("v1", "v2"):
        assert made.status == 201
        assert made.headers["location"] == f"/api/{door.name}/users/{user['id']}"
    credentials = {"email": asked["email"], "password": PASSWORD}
    token = (await door.call("auth.login", credentials)).ok["accessToken"]
    assert (await door.call("wallet.get", caller=token)).ok["balance"] == "0.00"
    [job] = [
        job for job in await shop.jobs("mail.verifyEmail") if job["data"]["userId"] == user["id"]
    ]
    assert job["data"]["email"] == asked["email"]


@pytest.mark.parametrize(
    ("taken", "code"), [("email", "EMAIL_TAKEN"), ("username", "USERNAME_TAKEN")]
)
async def test_an_account_is_not_made_twice(
    door: Door, shop: Shop, admin: Person, user: Person, taken: str, code: str
) -> None:
    asked = account(**{taken: getattr(user, taken).upper()})
    async with shop.unchanged():
        outcome = await door.call("users.create", asked, caller=admin)
    assert (outcome.code, outcome.status) == (code, 409)


# Changing


async def test_an_admin_changes_an_account(
    door: Door, shop: Shop, admin: Person, user: Person
) -> None:
    before = (await door.call("users.me", caller=user)).ok
    asked = {"fullName": "Grace Hopper", "username": unique("grace"), "bio": "Compiles."}
    after = (await door.call("users.update", {"id": user.id, **asked}, caller=admin)).ok
    assert after == {
        **before,
        "fullName": asked["fullName"],
        "username": asked["username"],
        "profile": {**before["profile"], "bio": "Compiles."},
        "version": 2,
        "updatedAt": after["updatedAt"],
    }
    assert (await door.call("users.me", caller=user)).ok == after  # the session goes on
    row = await shop.last_audit("users.update", admin)
    assert row
    assert (row["entity"], row["entity_id"]) == ("user", user.id)
    assert row["changed"] == ["bio", "fullName", "username"]


async def test_an_email_from_an_admin_counts_at_once_and_unverified(
    door: Door, shop: Shop, admin: Person, user: Person
) -> None:
    await shop.execute(
        "UPDATE users SET email_verified_at = now(), pending_email = 'x@example.com' WHERE id = $1",
        user.id,
    )
    email = f"{unique('new')}@example.com"
    after = (await door.call("users.update", {"id": user.id, "email": email}, caller=admin)).ok
    assert (after["email"], after["emailVerified"], after["pendingEmail"]) == (email, False, None)
    [job] = [job for job in await shop.jobs("mail.verifyEmail") if job["data"]["email"] == email]
    assert job["data"]["userId"] == user.id
    renamed = {"id": user.id, "fullName": "Somebody Else", "email": email}
    await shop.execute("UPDATE users SET email_verified_at = now() WHERE id = $1", user.id)
    again = (await door.call("users.update", renamed, caller=admin)).ok
    assert (again["emailVerified"], again["version"]) == (True, 3)


async def test_names_of_others_are_refused_to_an_admin_as_well(
    door: Door, shop: Shop, admin: Person, user: Person, other_user: Person
) -> None:
    for name, code in (("email", "EMAIL_TAKEN"), ("username", "USERNAME_TAKEN")):
        asked = {"id": user.id, name: getattr(other_user, name).upper(), "role": "MANAGER"}
        async with shop.unchanged():
            outcome = await door.call("users.update", asked, caller=admin)
        assert (outcome.code, outcome.status) == (code, 409)


async def test_an_empty_update_of_an_account_is_refused(
    door: Door, shop: Shop, admin: Person, user: Person
) -> None:
    async with shop.unchanged():
        failure = (await door.call("users.update", {"id": user.id}, caller=admin)).failure
        assert (failure.code, failure.paths) == ("VALIDATION_FAILED", {"": "REQUIRED"})
        nulls = {"id": user.id, "role": None, "isActive": None}
        failure = (await door.call("users.update", nulls, caller=admin)).failure
    assert failure.paths == {"role": "REQUIRED", "isActive": "REQUIRED"}


async def test_another_role_counts_at_once_and_ends_the_sessions(
    door: Door, shop: Shop, admin: Person, user: Person
) -> None:
    machine = await shop.machine(user, "account:read:own", "orders:read:own")
    raised = (await door.call("users.update", {"id": user.id, "role": "MANAGER"}, caller=admin)).ok
    assert raised["role"] == "MANAGER"
    assert (await door.call("users.me", caller=user)).code == "TOKEN_REVOKED"
    assert (await door.call("users.me", caller=machine)).ok["role"] == "MANAGER"
    same = {"id": user.id, "role": "MANAGER", "bio": "Runs the shop."}
    again = await shop.signed_in_again(user)
    assert (await door.call("users.update", same, caller=admin)).ok
    assert (await door.call("users.me", caller=again)).ok["profile"]["bio"] == "Runs the shop."


async def test_a_closed_account_is_shut_to_sessions_keys_and_passwords_until_it_is_opened(
    door: Door, shop: Shop, admin: Person, user: Person
) -> None:
    machine = await shop.machine(user, "account:read:own")
    closed = {"id": user.id, "isActive": False}
    assert (await door.call("users.update", closed, caller=admin)).ok["isActive"] is False
    for caller in (user, machine):
        assert (await door.call("users.me", caller=caller)).code == "TOKEN_REVOKED"
    credentials = {"email": user.email, "password": PASSWORD}
    assert (await door.call("auth.login", credentials)).code == "ACCOUNT_DISABLED"
    assert (await door.call("users.update", {**closed, "isActive": True}, caller=admin)).ok
    assert (await door.call("auth.login", credentials)).ok
    for caller in (user, machine):  # what ended stays ended
        assert (await door.call("users.me", caller=caller)).code == "TOKEN_REVOKED"


async def test_all_sessions_of_a_user_end_at_once_and_their_keys_stay(
    door: Door, shop: Shop, admin: Person, user: Person, other_user: Person
) -> None:
    elsewhere = await shop.signed_in_again(user)
    machine = await shop.machine(user, "account:read:own")
    outcome = await door.call("users.revokeSessions", {"id": user.id}, caller=admin)
    assert outcome.ok == {"ok": True}
    for caller in (user, elsewhere):
        assert (await door.call("users.me", caller=caller)).code == "TOKEN_REVOKED"
    for caller in (machine, other_user, admin):
        assert (await door.call("users.me", caller=caller)).ok


@pytest.mark.parametrize("operation", ["users.update", "users.revokeSessions"])
async def test_nothing_is_done_to_a_user_who_is_not_there(
    door: Door, shop: Shop, admin: Person, user: Person, operation: str
) -> None:
    assert (await door.call("users.deleteMe", {"password": PASSWORD}, caller=user)).ok
    values = {"bio": "A ghost."} if operation == "users.update" else {}
    for id in (user.id, new_id(Clock()()), "nonsense"):
        async with shop.unchanged():
            outcome = await door.call(operation, {"id": id, **values}, caller=admin)
        assert (outcome.code, outcome.status) == ("USER_NOT_FOUND", 404)


# Never without the last admin


@pytest.mark.parametrize("change", [{"role": "MANAGER"}, {"isActive": False}])
async def test_the_last_admin_stays_one(
    door: Door, shop: Shop, admin: Person, change: dict[str, object]
) -> None:
    await shop.only_admins(admin)
    await shop.person("ADMIN", is_active=False)  # who is closed administers nothing
    values = {"id": admin.id, **change}
    async with shop.unchanged():
        failure = (await door.call("users.update", values, caller=admin)).failure
    assert (failure.code, failure.status) == ("LAST_ADMIN", 422)
    harmless = {"id": admin.id, "role": "ADMIN", "isActive": True, "bio": "The last."}
    assert (await door.call("users.update", harmless, caller=admin)).ok
    await shop.person("ADMIN")
    assert (await door.call("users.update", values, caller=admin)).ok
    assert (await door.call("users.me", caller=admin)).code == "TOKEN_REVOKED"


async def test_an_admin_who_is_closed_already_may_be_anything(
    door: Door, shop: Shop, admin: Person
) -> None:
    await shop.only_admins(admin)
    closed = await shop.person("ADMIN", is_active=False)
    values = {"id": closed.id, "role": "USER"}
    assert (await door.call("users.update", values, caller=admin)).ok["role"] == "USER"


@pytest.mark.parametrize("change", [{"role": "USER"}, {"isActive": False}])
async def test_two_admins_who_end_each_other_leave_one(
    faces: dict[str, Door], shop: Shop, change: dict[str, object]
) -> None:
    for _ in range(20):
        one, two = await shop.person("ADMIN"), await shop.person("ADMIN")
        await shop.only_admins(one, two)
        with uncrossed():
            outcomes = await asyncio.gather(
                faces["v2"].call("users.update", {"id": two.id, **change}, caller=one),
                faces["graphql"].call("users.update", {"id": one.id, **change}, caller=two),
            )
        assert Counter(outcome.code for outcome in outcomes) == {"OK": 1, "TOKEN_REVOKED": 1}
        assert await admins(shop) == 1


async def test_two_admins_who_resign_at_one_moment_leave_one(
    faces: dict[str, Door], shop: Shop
) -> None:
    for _ in range(20):
        one, two = await shop.person("ADMIN"), await shop.person("ADMIN")
        await shop.only_admins(one, two)
        outcomes = await asyncio.gather(
            *(
                faces[name].call("users.update", {"id": who.id, "role": "USER"}, caller=who)
                for name, who in (("v1", one), ("graphql", two))
            )
        )
        assert Counter(outcome.code for outcome in outcomes) == {"OK": 1, "LAST_ADMIN": 1}
        assert await admins(shop) == 1


async def admins(shop: Shop) -> int:
    return await shop.value("SELECT count(*) FROM users WHERE role = 'ADMIN' AND is_active")


async def test_the_owner_and_an_admin_change_an_account_at_one_moment(
    faces: dict[str, Door], shop: Shop, admin: Person
) -> None:
    for _ in range(20):
        owner = await shop.person()
        with uncrossed():
            own, other = await asyncio.gather(
                faces["graphql"].call("users.updateMe", {"bio": "Mine."}, caller=owner),
                faces["v2"].call("users.update", {"id": owner.id, "role": "MANAGER"}, caller=admin),
            )
        assert other.ok["role"] == "MANAGER"
        assert own.code in ("OK", "TOKEN_REVOKED")
        changes = 1 + (own.code == "OK")
        stored = "SELECT version FROM users WHERE id = $1"
        assert await shop.value(stored, owner.id) == 1 + changes


async def test_of_many_updates_of_one_version_one_is_made(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    tag = (await faces["v2"].call("users.me", caller=user)).etag
    doors = [*faces.values()] * 4
    outcomes = await asyncio.gather(
        *(
            door.call("users.updateMe", {"bio": f"Number {place}"}, caller=user, if_match=tag)
            for place, door in enumerate(doors)
        )
    )
    assert Counter(outcome.code for outcome in outcomes) == {"OK": 1, "PRECONDITION_FAILED": 11}
