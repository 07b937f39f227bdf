"""Deleting one's account: what goes, what stays, when it is refused, and what races it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import httpx
import pytest

from persistence.mail_tokens import Purpose
from services.settings.content import DeletedContent
from tests.faces import Door, Outcome, Service
from tests.shop import PASSWORD, Person, Shop, new_key, uncrossed

SURE = {"password": PASSWORD}


async def finished(shop: Shop) -> tuple[Person, str]:
    """Somebody who has spent all their money on an order that is over, and the order's id."""
    buyer = await shop.person(balance="10.00")
    product = await shop.product("10.00")
    order = await shop.order(buyer, [(product.id, 1)], paid=True)
    await shop.invoice(buyer, order.id)
    await shop.execute("UPDATE orders SET status = 'CANCELLED' WHERE id = $1", order.id)
    return buyer, order.id


async def test_nothing_personal_is_left_in_a_deleted_account(
    door: Door, shop: Shop, user: Person
) -> None:
    asked = {
        "avatar": "https://example.com/ada.png",
        "bio": "Wrote notes.",
        "email": f"new-{user.email}",
        "currentPassword": PASSWORD,
    }
    assert (await door.call("users.updateMe", asked, caller=user)).ok
    assert (await door.call("auth.login", {"email": user.email, "password": PASSWORD})).ok
    assert (await door.call("users.deleteMe", SURE, caller=user)).ok == {"ok": True}
    [row] = await shop.rows(
        "SELECT * FROM users JOIN profiles ON user_id = users.id WHERE users.id = $1", user.id
    )
    assert row["email"] == f"deleted-{user.id}@deleted.invalid"
    assert row["username"] == f"deleted-{user.id[-12:]}"
    assert row["full_name"] == "Deleted user"
    assert row["password_hash"] == ""
    assert row["is_active"] is False
    assert row["deleted_at"] is not None
    for name in ("first_name", "last_name", "avatar", "bio", "pending_email", "last_login_at"):
        assert row[name] is None, name
    texts = " ".join(str(value) for value in row.values())
    assert user.username not in texts
    assert "Ada" not in texts


async def test_sessions_keys_and_the_password_end_with_the_account(
    door: Door, shop: Shop, user: Person
) -> None:
    elsewhere = await shop.signed_in_again(user)
    machine = await shop.machine(user, "account:read:own")
    assert (await door.call("users.deleteMe", SURE, caller=user)).ok
    for caller in (user, elsewhere, machine):
        assert (await door.call("users.me", caller=caller)).code == "TOKEN_REVOKED"
    spent = {"refreshToken": user.refresh_token}
    assert (await door.call("auth.refresh", spent)).code == "REFRESH_TOKEN_INVALID"
    known = {"email": user.email, "password": PASSWORD}
    assert (await door.call("auth.login", known)).code == "INVALID_CREDENTIALS"


async def test_the_email_and_the_username_are_free_again(door: Door, user: Person) -> None:
    assert (await door.call("users.deleteMe", SURE, caller=user)).ok
    asked = {
        "email": user.email,
        "username": user.username,
        "password": PASSWORD,
        "fullName": "Somebody Else",
    }
    tokens = (await door.call("auth.register", asked)).ok
    assert tokens["user"]["id"] != user.id


async def test_orders_and_the_audit_log_stay(
    door: Door, shop: Shop, manager: Person, admin: Person
) -> None:
    buyer, order_id = await finished(shop)
    before = (await door.call("orders.get", {"id": order_id}, caller=manager)).ok
    assert (await door.call("users.deleteMe", SURE, caller=buyer)).ok
    assert (await door.call("orders.get", {"id": order_id}, caller=manager)).ok == before
    entries = (await door.call("audit.list", {"actorId": buyer.id}, caller=admin)).ok
    done = [(entry["action"], entry["outcome"]) for entry in entries]
    assert done[0] == ("users.deleteMe", "OK")
    assert ("orders.create", "OK") in done
    assert entries[0]["changed"] == ["deletedAt"]
    assert entries[0]["entityId"] == buyer.id


async def test_a_deleted_user_is_nobodys_to_see(
    door: Door,
    shop: Shop,
    user: Person,
    other_user: Person,
    admin: Person,
    client: httpx.AsyncClient,
) -> None:
    assert (await door.call("users.deleteMe", SURE, caller=user)).ok
    for caller in (other_user, admin):
        seen = await door.call("users.get", {"id": user.id}, caller=caller)
        assert seen.code == "USER_NOT_FOUND"
        query = {"query": f'{{ node(id: "{user.id}") {{ id }} }}'}
        answer = await client.post("/graphql", json=query, headers=caller.headers)
        assert answer.json() == {"data": {"node": None}}


async def test_an_order_shows_a_placeholder_for_a_customer_who_is_gone(
    shop: Shop, manager: Person, client: httpx.AsyncClient, faces: dict[str, Door]
) -> None:
    buyer, order_id = await finished(shop)
    assert (await faces["v2"].call("users.deleteMe", SURE, caller=buyer)).error is None
    query = {"query": f'{{ order(id: "{order_id}") {{ customer {{ id username avatar }} }} }}'}
    answer = await client.post("/graphql", json=query, headers=manager.headers)
    seen = answer.json()["data"]["order"]["customer"]
    assert seen == {"id": buyer.id, "username": f"deleted-{buyer.id[-12:]}", "avatar": None}


async def test_mailed_tokens_go_with_the_account(door: Door, shop: Shop, user: Person) -> None:
    token = await shop.mailed(user, Purpose.RESET_PASSWORD)
    assert (await door.call("users.deleteMe", SURE, caller=user)).ok
    asked = {"token": token, "newPassword": "another-password"}
    assert (await door.call("auth.resetPassword", asked)).code == "TOKEN_INVALID"
    kept = "SELECT count(*) FROM mail_tokens WHERE user_id = $1"
    assert await shop.value(kept, user.id) == 0


async def test_the_wrong_password_deletes_nothing(door: Door, shop: Shop, user: Person) -> None:
    async with shop.unchanged():
        wrong = await door.call("users.deleteMe", {"password": "not-the-password"}, caller=user)
    assert (wrong.code, wrong.status) == ("INVALID_CREDENTIALS", 401)
    assert await shop.audits(user) == [("users.deleteMe", "INVALID_CREDENTIALS")]


async def test_money_keeps_an_account_from_being_deleted(door: Door, shop: Shop) -> None:
    owner = await shop.person(balance="0.01")
    async with shop.unchanged():
        failure = (await door.call("users.deleteMe", SURE, caller=owner)).failure
    assert (failure.code, failure.status) == ("ACCOUNT_NOT_EMPTY", 422)
    left = {"balance": "0.01", "currency": "EUR", "pendingDeposits": 0, "openOrders": 0}
    assert failure.details == left
    assert (await door.call("users.me", caller=owner)).ok


async def test_money_on_its_way_keeps_an_account_from_being_deleted(door: Door, shop: Shop) -> None:
    owner = await shop.person()
    await shop.execute(
        "INSERT INTO deposits (id, user_id, amount, currency, status) "
        "VALUES (gen_random_uuid(), $1, 5, 'EUR', 'PENDING')",
        owner.id,
    )
    async with shop.unchanged():
        failure = (await door.call("users.deleteMe", SURE, caller=owner)).failure
    assert failure.details["pendingDeposits"] == 1


@pytest.mark.parametrize(("paid", "balance"), [(False, "10.00"), (True, "0.00")])
async def test_an_open_order_keeps_an_account_from_being_deleted(
    door: Door, shop: Shop, paid: bool, balance: str
) -> None:
    owner = await shop.person(balance="10.00")
    product = await shop.product("10.00")
    await shop.order(owner, [(product.id, 1)], paid=paid)
    async with shop.unchanged():
        failure = (await door.call("users.deleteMe", SURE, caller=owner)).failure
    assert failure.code == "ACCOUNT_NOT_EMPTY"
    assert (failure.details["openOrders"], failure.details["balance"]) == (1, balance)


async def test_an_invoice_to_be_written_keeps_the_buyers_name(door: Door, shop: Shop) -> None:
    buyer = await shop.person(balance="10.00")
    product = await shop.product("10.00")
    order = await shop.order(buyer, [(product.id, 1)], paid=True)
    await shop.execute("UPDATE orders SET status = 'DELIVERED' WHERE id = $1", order.id)
    async with shop.unchanged():
        failure = (await door.call("users.deleteMe", SURE, caller=buyer)).failure
    assert (failure.code, failure.details["openOrders"]) == ("ACCOUNT_NOT_EMPTY", 1)
    await shop.invoice(buyer, order.id)
    assert (await door.call("users.deleteMe", SURE, caller=buyer)).ok


async def test_the_last_admin_stays(door: Door, shop: Shop, admin: Person) -> None:
    await shop.only_admins(admin)
    async with shop.unchanged():
        failure = (await door.call("users.deleteMe", SURE, caller=admin)).failure
    assert (failure.code, failure.status) == ("LAST_ADMIN", 422)
    await shop.person("ADMIN", is_active=False)  # who is closed administers nothing
    assert (await door.call("users.deleteMe", SURE, caller=admin)).code == "LAST_ADMIN"
    await shop.person("ADMIN")
    assert (await door.call("users.deleteMe", SURE, caller=admin)).ok


# What happens at the same moment


async def waiting(shop: Shop, number: int) -> None:
    """Until so many wait for a lock."""
    waits = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(60):
        while await shop.value(waits) < number:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)


@asynccontextmanager
async def wallet_held(shop: Shop, owner: Person) -> AsyncIterator[None]:
    """Somebody else holds the wallet while the block runs."""
    async with shop.process.database.connection() as connection, connection.transaction():
        held = "SELECT FROM accounts WHERE user_id = $1 FOR UPDATE"
        await connection.execute(held, owner.id)
        yield


async def writer_of(shop: Shop, owner: Person, kind: str) -> Person:
    """The owner through another session, or through an API key."""
    if kind == "key":
        return await shop.machine(owner, "deposits:write:own")
    return await shop.signed_in_again(owner)


@pytest.mark.parametrize("kind", ["session", "key"])
async def test_a_deposit_that_began_before_is_seen(
    faces: dict[str, Door], shop: Shop, kind: str
) -> None:
    owner = await shop.person()
    writer = await writer_of(shop, owner, kind)
    with uncrossed():
        async with asyncio.TaskGroup() as calls, wallet_held(shop, owner):
            written = calls.create_task(deposit(faces["graphql"], writer))
            await waiting(shop, 1)
            deleted = calls.create_task(faces["v2"].call("users.deleteMe", SURE, caller=owner))
            await waiting(shop, 2)
    assert (written.result().code, deleted.result().code) == ("OK", "ACCOUNT_NOT_EMPTY")
    assert (await faces["v1"].call("users.me", caller=owner)).ok


@pytest.mark.parametrize("kind", ["session", "key"])
async def test_a_deposit_that_begins_after_is_refused(
    faces: dict[str, Door], shop: Shop, kind: str
) -> None:
    owner = await shop.person()
    writer = await writer_of(shop, owner, kind)
    with uncrossed():
        async with asyncio.TaskGroup() as calls, wallet_held(shop, owner):
            deleted = calls.create_task(faces["v2"].call("users.deleteMe", SURE, caller=owner))
            await waiting(shop, 1)
            written = calls.create_task(deposit(faces["graphql"], writer))
            await waiting(shop, 2)
    assert (deleted.result().code, written.result().code) == ("OK", "TOKEN_REVOKED")
    assert await shop.balance(owner) == 0


@pytest.mark.parametrize("kind", ["session", "key"])
async def test_a_deposit_at_any_moment_is_seen_or_refused(
    faces: dict[str, Door], shop: Shop, kind: str
) -> None:
    for number in range(20):
        owner = await shop.person()
        writer = await writer_of(shop, owner, kind)
        with uncrossed():
            deleted, written = await asyncio.gather(
                faces["v2"].call("users.deleteMe", SURE, caller=owner),
                after(number, deposit(faces["graphql"], writer)),
            )
        codes = (deleted.code, written.code)
        assert codes in {("OK", "TOKEN_REVOKED"), ("ACCOUNT_NOT_EMPTY", "OK")}
        closed = "SELECT deleted_at IS NOT NULL FROM users WHERE id = $1"
        assert await shop.value(closed, owner.id) == (deleted.code == "OK")


async def test_two_admins_who_leave_at_one_moment_leave_one(
    faces: dict[str, Door], shop: Shop
) -> None:
    for _ in range(20):
        leaving = [await shop.person("ADMIN") for _ in range(2)]
        await shop.only_admins(*leaving)
        with uncrossed():
            outcomes = await asyncio.gather(
                *(
                    faces[name].call("users.deleteMe", SURE, caller=person)
                    for name, person in zip(("graphql", "v2"), leaving, strict=True)
                )
            )
        assert sorted(outcome.code for outcome in outcomes) == ["LAST_ADMIN", "OK"]


async def test_a_refund_at_that_moment_is_not_lost(
    faces: dict[str, Door], shop: Shop, manager: Person
) -> None:
    product = await shop.product("10.00", stock=20)
    for number in range(20):
        buyer = await shop.person(balance="10.00")
        placed = await shop.order(buyer, [(product.id, 1)], paid=True)
        cancel = faces["graphql"].call("orders.cancel", {"id": placed.id}, caller=manager)
        deleted, cancelled = await asyncio.gather(
            faces["v2"].call("users.deleteMe", SURE, caller=buyer), after(number, cancel)
        )
        assert (deleted.code, cancelled.code) == ("ACCOUNT_NOT_EMPTY", "OK")
        assert await shop.balance(buyer) == 10


async def test_signing_in_at_that_moment_opens_nothing(faces: dict[str, Door], shop: Shop) -> None:
    for _ in range(10):
        owner = await shop.person()
        credentials = {"email": owner.email, "password": PASSWORD}
        deleted, entered = await asyncio.gather(
            faces["v2"].call("users.deleteMe", SURE, caller=owner),
            faces["graphql"].call("auth.login", credentials),
        )
        assert deleted.ok
        assert entered.code in ("OK", "INVALID_CREDENTIALS")
        live = "SELECT count(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL"
        assert await shop.value(live, owner.id) == 0


async def deposit(door: Door, caller: Person) -> Outcome:
    return await door.call("deposits.create", {"amount": "5.00"}, caller=caller, key=new_key())


async def after(number: int, call: Awaitable[Outcome]) -> Outcome:
    """A call that begins a little later each time, over the time that verifying a password takes.

    Whatever moment it hits, the outcome must be one of those that are right.
    """
    await asyncio.sleep(number * 0.008)
    return await call


async def test_published_content_stays_as_a_deleted_users_and_drafts_and_likes_go(
    door: Door, client: httpx.AsyncClient, shop: Shop, user: Person, other_user: Person
) -> None:
    post, draft = await shop.post(user, liked=True), await shop.post(user, is_published=False)
    other = await shop.post(other_user)
    assert (await door.call("posts.like", {"id": other.id}, caller=user)).ok["likes"] == 1
    comment = await shop.comment(user, other.id, content="Well put.")
    assert (await door.call("users.deleteMe", SURE, caller=user)).ok
    left = (await door.call("posts.get", {"id": post.id})).ok
    assert (left["title"], left["likes"]) == (post.title, 0)
    shown = (await door.call("posts.get", {"id": other.id})).ok
    assert (shown["likes"], shown["commentCount"]) == (0, 1)
    assert (await door.call("comments.get", {"id": comment.id})).ok["content"] == "Well put."
    moderator = await shop.person("MODERATOR")
    gone = await door.call("posts.get", {"id": draft.id}, caller=moderator)
    assert gone.code == "POST_NOT_FOUND"
    document = f'{{ post(id: "{post.id}") {{ author {{ username avatar }} }} }}'
    answer = await client.post("/graphql", json={"query": document})
    author = answer.json()["data"]["post"]["author"]
    assert author == {"username": f"deleted-{user.id[-12:]}", "avatar": None}


async def test_content_goes_with_the_account_where_the_shop_wants_that(
    shop: Shop, user: Person, other_user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = shop.process.settings.model_copy(update={"deleted_content": DeletedContent.REMOVE})
    monkeypatch.setattr(shop.process, "settings", settings)
    post, other = await shop.post(user), await shop.post(other_user)
    await shop.comment(other_user, post.id)
    plain = await shop.comment(user, other.id)
    answered = await shop.comment(user, other.id)
    reply = await shop.comment(other_user, other.id, parentId=answered.id)
    door = Service(shop)
    assert (await door.call("posts.get", {"id": other.id})).ok["commentCount"] == 3
    assert (await door.call("users.deleteMe", SURE, caller=user)).ok
    assert (await door.call("posts.get", {"id": post.id})).code == "POST_NOT_FOUND"
    assert (await door.call("comments.get", {"id": plain.id})).code == "COMMENT_NOT_FOUND"
    [left] = (await door.call("comments.list", {"id": other.id})).ok
    assert (left["id"], left["status"], left["authorId"]) == (answered.id, "DELETED", None)
    assert (await door.call("comments.replies", {"id": answered.id})).ids() == [reply.id]
    assert (await door.call("posts.get", {"id": other.id})).ok["commentCount"] == 1
