"""P6: one key has one effect, whichever face or process the retry arrives at."""

import asyncio
from itertools import permutations
from typing import Any

import pytest

from tests.faces import FACES, Door, Outcome
from tests.shop import Clock, Person, Shop, good_call, new_key

#: All that take a key, but for ``auth.logoutEverywhere``: it ends the session that would ask again.
KEYED = (
    "auth.resendVerification",
    "sessions.revoke",
    "apiKeys.revoke",
    "users.updateMe",
    "users.update",
    "users.revokeSessions",
    "categories.create",
    "categories.update",
    "categories.delete",
    "products.create",
    "products.update",
    "products.archive",
    "products.adjustStock",
    "products.setImage",
    "products.removeImage",
    "deposits.create",
    "orders.create",
    "orders.pay",
    "orders.cancel",
    "coupons.create",
    "coupons.update",
    "coupons.deactivate",
    "posts.create",
    "posts.update",
    "posts.delete",
    "posts.unpublish",
    "posts.restore",
    "posts.like",
    "posts.unlike",
    "comments.create",
    "comments.update",
    "comments.delete",
    "comments.remove",
    "comments.restore",
    "projects.create",
    "projects.update",
    "projects.delete",
    "uploads.create",
    "users.setAvatar",
    "users.removeAvatar",
)
#: The least role that may call, where not everybody may.
ROLES = {
    "users.update": "ADMIN",
    "users.revokeSessions": "ADMIN",
    "categories.create": "MANAGER",
    "categories.update": "MANAGER",
    "categories.delete": "ADMIN",
    "products.create": "MANAGER",
    "products.update": "MANAGER",
    "products.archive": "ADMIN",
    "products.adjustStock": "MANAGER",
    "products.setImage": "MANAGER",
    "products.removeImage": "MANAGER",
    "coupons.create": "MANAGER",
    "coupons.update": "MANAGER",
    "coupons.deactivate": "MANAGER",
    "posts.unpublish": "MODERATOR",
    "posts.restore": "MODERATOR",
    "comments.remove": "MODERATOR",
    "comments.restore": "MODERATOR",
}
PAIRS = list(permutations(FACES, 2))


async def caller_for(shop: Shop, operation: str) -> Person:
    return await shop.person(ROLES.get(operation, "USER"), balance="100.00")


@pytest.mark.parametrize("operation", KEYED)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_a_call_repeated_on_another_face_has_one_effect_and_one_answer(
    faces: dict[str, Door], shop: Shop, operation: str, pair: tuple[str, str]
) -> None:
    caller = await caller_for(shop, operation)
    values, key = await good_call(shop, operation, caller)
    first = await faces[pair[0]].call(operation, values, caller=caller, key=key)
    assert first.ok
    assert not first.replayed
    async with shop.unchanged():
        again = await faces[pair[1]].call(operation, values, caller=caller, key=key)
    assert again.ok == first.ok
    assert again.replayed
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


async def test_a_payment_repeated_on_the_other_face_charges_once(
    faces: dict[str, Door], shop: Shop
) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer)
    key = new_key()
    paid = [
        await faces[name].call("orders.pay", {"id": order.id}, caller=buyer, key=key)
        for name in ("v1", "graphql", "v2", "graphql", "v1")
    ]
    assert len({outcome.ok["id"] for outcome in paid}) == 1
    assert [outcome.replayed for outcome in paid] == [False, True, True, True, True]
    assert await shop.balance(buyer) == 100 - order.total
    charged = "SELECT count(*) FROM transfers WHERE order_id = $1"
    assert await shop.value(charged, order.id) == 1


async def test_calls_at_the_same_moment_have_one_effect(faces: dict[str, Door], shop: Shop) -> None:
    buyer = await shop.person(balance="100.00")
    key = new_key()
    outcomes = await asyncio.gather(
        *(
            faces[name].call("deposits.create", {"amount": "7"}, caller=buyer, key=key)
            for name in FACES * 5
        )
    )
    assert len({outcome.ok["id"] for outcome in outcomes}) == 1
    assert [outcome.replayed for outcome in outcomes].count(False) == 1
    assert await shop.balance(buyer) == 107


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_a_key_is_for_one_input(
    faces: dict[str, Door], shop: Shop, user: Person, pair: tuple[str, str]
) -> None:
    first, second = (faces[name] for name in pair)
    key = new_key()
    assert (await first.call("deposits.create", {"amount": "5"}, caller=user, key=key)).ok
    async with shop.unchanged():
        other = await second.call("deposits.create", {"amount": "6"}, caller=user, key=key)
    assert (other.code, other.status) == ("IDEMPOTENCY_KEY_REUSED", 422)


async def test_the_condition_is_part_of_the_input(door: Door, shop: Shop) -> None:
    buyer = await shop.person(balance="100.00")
    order, key = await shop.order(buyer), new_key()
    values = {"id": order.id}
    assert (await door.call("orders.cancel", values, caller=buyer, key=key)).ok
    other = await door.call("orders.cancel", values, caller=buyer, key=key, if_match="1.abc")
    assert other.code == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_a_condition_may_cross_faces_with_its_key(
    faces: dict[str, Door], shop: Shop, pair: tuple[str, str]
) -> None:
    """REST writes the tag in quotes, GraphQL without."""
    buyer = await shop.person(balance="100.00")
    order, key = await shop.order(buyer), new_key()
    values, condition = {"id": order.id}, f"{order.version}-{order.id[-8:]}.abc"
    for number, name in enumerate(pair):
        outcome = await faces[name].call(
            "orders.cancel", values, caller=buyer, key=key, if_match=condition
        )
        assert outcome.ok
        assert outcome.replayed == (number > 0)


async def test_a_key_given_twice_is_refused_on_every_face(client: Any, shop: Shop) -> None:
    buyer = await shop.person()
    sent = [*buyer.headers.items(), ("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    document = 'mutation { createDeposit(input: {amount: "5"}) { id } }'
    async with shop.unchanged():
        for path, body in (
            ("/api/v2/wallet/deposits", {"amount": "5"}),
            ("/api/v1/wallet/deposits", {"amount": "5"}),
            ("/graphql", {"query": document}),
        ):
            answer = await client.post(path, json=body, headers=sent)
            assert "VALIDATION_FAILED" in answer.text, path


async def test_a_key_is_the_callers_own_and_the_operations_own(
    door: Door, shop: Shop, user: Person, other_user: Person
) -> None:
    key = new_key()
    for caller in (user, other_user):
        outcome = await door.call("deposits.create", {"amount": "30"}, caller=caller, key=key)
        assert outcome.ok
        assert not outcome.replayed
    product = await shop.product()
    values = {"lines": [{"productId": product.id, "quantity": 1}]}
    outcome = await door.call("orders.create", values, caller=user, key=key)
    assert outcome.ok
    assert not outcome.replayed


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_a_declared_error_is_replayed_although_the_call_would_go_well_by_now(
    faces: dict[str, Door], shop: Shop, pair: tuple[str, str]
) -> None:
    buyer = await shop.person(balance="60.00")
    product = await shop.product("60.00")
    first = await shop.order(buyer, [(product.id, 1)])
    second = await shop.order_beyond_holds(buyer, [(product.id, 1)])
    await shop.pay(buyer, first.id)
    key, values = new_key(), {"id": second.id}
    refused = await faces[pair[0]].call("orders.pay", values, caller=buyer, key=key)
    assert refused.code == "INSUFFICIENT_FUNDS"
    assert not refused.replayed
    await shop.deposit(buyer, "60.00")
    async with shop.unchanged():
        again = await faces[pair[1]].call("orders.pay", values, caller=buyer, key=key)
    assert again.replayed
    assert again.error == refused.error
    fresh = await faces[pair[1]].call("orders.pay", values, caller=buyer, key=new_key())
    assert fresh.ok


async def test_bad_input_leaves_the_key_free(door: Door, shop: Shop, user: Person) -> None:
    key = new_key()
    wrong = await door.call("deposits.create", {"amount": "0"}, caller=user, key=key)
    assert wrong.code == "VALIDATION_FAILED"
    right = await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
    assert right.ok
    assert not right.replayed


async def test_the_session_is_checked_before_a_replay(door: Door, shop: Shop, user: Person) -> None:
    key = new_key()
    assert (await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)).ok
    await shop.revoke(user)
    again = await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
    assert again.code == "TOKEN_REVOKED"


@pytest.mark.parametrize(
    "key", ["", " ", '""', '" "', "two words", "k" * 256, "ключ".encode().decode("latin-1")]
)
async def test_a_key_is_visible_ascii(door: Door, shop: Shop, user: Person, key: str) -> None:
    async with shop.unchanged():
        outcome = await _sent(door, user, key)
    assert (outcome.code, outcome.status) == ("VALIDATION_FAILED", 400)
    assert outcome.failure.paths == {"idempotencyKey": "INVALID_FORMAT"}


async def _sent(door: Door, user: Person, key: str) -> Outcome:
    if door.name in ("direct", "graphql") or (key.isascii() and key == key.strip() != ""):
        return await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
    # Bytes that httpx would not put into a header from text.
    headers: Any = {b"Idempotency-Key": key.encode("latin-1")}
    return await door.call("deposits.create", {"amount": "5"}, caller=user, headers=headers)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_quotes_and_blanks_around_a_key_are_no_part_of_it(
    faces: dict[str, Door], shop: Shop, user: Person, pair: tuple[str, str]
) -> None:
    key = new_key()
    first = await faces[pair[0]].call("deposits.create", {"amount": "5"}, caller=user, key=key)
    for spelled in (f'"{key}"', f'  "{key}" ', f'" {key}"', f"\t{key} "):
        async with shop.unchanged():
            again = await faces[pair[1]].call(
                "deposits.create", {"amount": "5"}, caller=user, key=spelled
            )
        assert again.ok == first.ok, spelled
        assert again.replayed


async def test_a_key_is_the_value_of_a_structured_string(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    key = f'{new_key()}"\\'
    written = key.replace("\\", "\\\\").replace('"', '\\"')
    first = await faces["v2"].call(
        "deposits.create", {"amount": "5"}, caller=user, key=f'"{written}"'
    )
    for door in (faces["graphql"], faces["v1"]):
        again = await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
        assert again.ok == first.ok
    # A quote that is not closed is a part of the key.
    other = await faces["v2"].call("deposits.create", {"amount": "5"}, caller=user, key=f'"{key}')
    assert not other.replayed


async def test_the_header_and_the_argument_name_one_key_however_spelled(
    client: Any, user: Person
) -> None:
    document = 'mutation {{ createDeposit(input: {{amount: "5"}}, idempotencyKey: "{}") {{ id }} }}'
    key = new_key()
    headers = {**user.headers, "Idempotency-Key": f'"{key}"'}
    made = await client.post("/graphql", json={"query": document.format(key)}, headers=headers)
    assert "errors" not in made.json()
    other = await client.post("/graphql", json={"query": document.format("k")}, headers=headers)
    assert other.json()["errors"][0]["extensions"]["fields"][0]["code"] == "CONFLICT"


async def test_a_long_key_of_255_is_taken(door: Door, user: Person) -> None:
    key = new_key().ljust(255, "x")
    assert (await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)).ok


async def test_a_key_counts_for_a_day(door: Door, shop: Shop, user: Person, clock: Clock) -> None:
    key = new_key()
    first = await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
    clock.forward(hours=23.9)
    later = await _signed_in_again(door, shop, user, key)
    assert later.ok == first.ok
    clock.forward(hours=0.2)
    fresh = await _signed_in_again(door, shop, user, key)
    assert fresh.ok["id"] != first.ok["id"]
    assert not fresh.replayed
    assert await shop.balance(user) == 10


async def _signed_in_again(door: Door, shop: Shop, user: Person, key: str) -> Outcome:
    token = shop.process.tokens.issue(user.id, user.session_id, "USER", shop.process.clock())
    return await door.call("deposits.create", {"amount": "5"}, caller=token, key=key)


async def test_a_retry_waits_for_the_first_call_and_gets_its_answer(
    faces: dict[str, Door], shop: Shop
) -> None:
    buyer = await shop.person(balance="100.00")
    order, key = await shop.order(buyer), new_key()
    async with shop.process.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT 1 FROM orders WHERE id = $1 FOR UPDATE", order.id)
        calls = [
            asyncio.create_task(
                faces[name].call("orders.pay", {"id": order.id}, caller=buyer, key=key)
            )
            for name in ("graphql", "v2")
        ]
        # Both are under way once one of them stands before the locked order.
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        while not await shop.value(waiting):
            assert not any(call.done() for call in calls)
        await transaction.rollback()
    outcomes = await asyncio.gather(*calls)
    assert outcomes[0].ok == outcomes[1].ok
    assert sorted(outcome.replayed for outcome in outcomes) == [False, True]


async def test_a_key_whose_first_call_goes_on_for_too_long_is_in_use(
    door: Door, shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key()
    async with shop.process.database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "INSERT INTO idempotency_keys (caller_id, operation, key, fingerprint) "
            "VALUES ($1, 'deposits.create', $2, $3)",
            user.id,
            key,
            b"the first call, on another process",
        )
        async with shop.unchanged():
            with monkeypatch.context() as briefly:
                briefly.setattr(shop.process.key_turns, "wait_seconds", 0.5)
                outcome = await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)
        await transaction.rollback()
    assert (outcome.code, outcome.status) == ("IDEMPOTENCY_KEY_IN_USE", 409)
    assert (await door.call("deposits.create", {"amount": "5"}, caller=user, key=key)).ok


async def test_graphql_takes_the_key_from_the_header_of_a_single_mutation(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    key, headers = new_key(), {}
    headers["Idempotency-Key"] = key
    graphql, v2 = faces["graphql"], faces["v2"]
    first = await graphql.call("deposits.create", {"amount": "5"}, caller=user, headers=headers)
    again = await v2.call("deposits.create", {"amount": "5"}, caller=user, key=key)
    assert again.ok == first.ok
    assert again.replayed


@pytest.mark.parametrize("operation", ["auth.register", "auth.login", "auth.refresh"])
async def test_what_returns_secrets_takes_no_notice_of_a_key(
    door: Door, shop: Shop, user: Person, operation: str
) -> None:
    headers = {"Idempotency-Key": new_key()}
    seen = set()
    for _ in range(2):
        values, _key = await good_call(shop, operation, user)
        outcome = await door.call(operation, values, headers=headers)
        assert not outcome.replayed
        seen.add(outcome.ok["refreshToken"])
    assert len(seen) == 2
    assert (
        await shop.value("SELECT count(*) FROM idempotency_keys WHERE caller_id = $1", user.id) == 0
    )
