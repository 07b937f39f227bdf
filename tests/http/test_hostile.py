"""What a hostile caller tries: documents and text that cost time, timing, and lost connections."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from api.http.requests import parse_json
from persistence.database.transactions import QueryStats
from services.access.passwords import Passwords
from services.auth import signing_in as auth
from services.deposits import depositing as deposits
from services.errors.auth import InvalidCredentials
from services.errors.base import TandemError
from services.errors.common import (
    Forbidden,
    IdempotencyKeyRequired,
    Internal,
    MalformedRequest,
    Unavailable,
    ValidationFailed,
)
from services.ids import new_id, parsed
from services.orders import buying as orders_buying
from services.orders import reading as orders
from tests.shop import PASSWORD, Person, Shop, new_key, unique
from tests.worker.work import eventually


@contextmanager
def not_for_ever() -> Iterator[None]:
    """What blocks the event loop escapes every other limit; a minute stands for an hour."""

    def give_up(*_: Any) -> None:
        raise AssertionError("it goes on for ever")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


async def _ask(client: httpx.AsyncClient, query: str, **more: Any) -> dict[str, Any]:
    headers = more.pop("headers", None)
    answer = await client.post("/graphql", json={"query": query, **more}, headers=headers)
    return answer.json()


def _codes(said: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in said.get("errors", [])}


async def test_fragments_of_fragments_cost_no_more_than_they_are_long(
    client: httpx.AsyncClient,
) -> None:
    doubling = " ".join(
        f"fragment f{level} on CategoryConnection {{ ...f{level + 1} ...f{level + 1} }}"
        for level in range(40)
    )
    with not_for_ever():
        said = await _ask(
            client,
            "{ categories { ...f0 } } "
            + doubling
            + " fragment f40 on CategoryConnection { totalCount }",
        )
    assert isinstance(said["data"]["categories"]["totalCount"], int)


@pytest.mark.parametrize(
    "document",
    [
        "{ products { nodes { " + "x: category { id } " * 400 + "} } }",
        "{ " + "...f " * 400 + "} fragment f on Query { __typename }",
        "# " + "x" * 200_000 + "\n{ __typename }",
    ],
    ids=["one name everywhere", "one spread everywhere", "an endless comment"],
)
async def test_a_document_that_would_take_long_to_check_is_refused(
    client: httpx.AsyncClient, document: str
) -> None:
    with not_for_ever():
        said = await _ask(client, document)
    assert _codes(said) == {"QUERY_TOO_COMPLEX"}


def test_text_without_its_closing_quote_is_passed_over_once() -> None:
    with not_for_ever(), pytest.raises(MalformedRequest):
        parse_json(b"[]" * 65 + b'"' + b'\\"' * 200_000)


async def test_text_too_long_for_any_field_is_refused_before_it_is_normalised(shop: Shop) -> None:
    with not_for_ever(), pytest.raises(ValidationFailed) as refused:
        await auth.login(
            shop.request(), {"email": "a" + "\u0315\u0300" * 300_000, "password": PASSWORD}
        )
    assert [field.code for field in refused.value.fields] == ["TOO_LONG"]


@pytest.mark.parametrize("amount", ["1E1000000", "1e400", "9" * 41, "-1E1000000"])
async def test_a_number_beyond_all_measure_is_bad_input_and_no_fault_of_ours(
    client: httpx.AsyncClient, amount: str
) -> None:
    said = await _ask(client, f"{{ products(minPrice: {amount}) {{ nodes {{ id }} }} }}")
    assert _codes(said) == {"VALIDATION_FAILED"}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query($x: Boolean = true) { __typename @include(if: $x) }", {"x": None}),
        ('query($id: ID = "a") { product(id: $id) { id } }', {"id": None}),
    ],
)
async def test_a_null_where_none_may_be_is_the_callers_error(
    client: httpx.AsyncClient, query: str, variables: dict[str, Any]
) -> None:
    assert _codes(await _ask(client, query, variables=variables)) == {"VALIDATION_FAILED"}


async def test_a_variable_left_out_inside_json_is_left_out(
    client: httpx.AsyncClient, shop: Shop, manager: Person
) -> None:
    said = await _ask(
        client,
        'mutation($c: ID!, $x: JSON) { createProduct(input: {name: "Lamp", price: 5,'
        " categoryId: $c, metadata: {a: $x, b: [$x], c: 1.5}}) { metadata } }",
        variables={"c": await shop.shelf()},
        headers=manager.headers,
    )
    assert said["data"]["createProduct"]["metadata"] == {"b": [None], "c": 1.5}


async def test_an_empty_key_is_a_bad_key_and_not_no_key(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    buyer = await shop.person(balance="100")
    product = await shop.product()
    async with shop.unchanged():
        said = await _ask(
            client,
            f'mutation {{ createOrder(input: {{lines: [{{productId: "{product.id}",'
            ' quantity: 1}]}, idempotencyKey: "") { id } }',
            headers=buyer.headers,
        )
    assert _codes(said) == {"VALIDATION_FAILED"}


async def test_what_one_mutation_read_is_not_what_the_next_one_sees(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    buyer = await shop.person(balance="100")
    product = await shop.product("5.00", stock=10)
    place = f'createOrder(input: {{lines: [{{productId: "{product.id}", quantity: 1}}]}})'
    said = await _ask(
        client,
        f"mutation {{ a: {place} {{ lines {{ product {{ stock }} }} }}"
        f" b: {place} {{ lines {{ product {{ stock }} }} }} }}",
        headers=buyer.headers,
    )
    stocks = [said["data"][name]["lines"][0]["product"]["stock"] for name in ("a", "b")]
    assert stocks == [9, 8]


async def test_a_cursor_of_one_order_does_not_spoil_the_history_of_another(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    buyer = await shop.person(balance="100")
    first, second = await shop.order(buyer, cancelled=True), await shop.order(buyer)
    query = "query($a: String) { orders { nodes { id history(first: 1, after: $a) { nodes {"
    query += " toStatus } pageInfo { endCursor } } } } }"
    said = await _ask(client, query, headers=buyer.headers)
    nodes = {node["id"]: node for node in said["data"]["orders"]["nodes"]}
    cursor = nodes[first.id]["history"]["pageInfo"]["endCursor"]
    said = await _ask(client, query, variables={"a": cursor}, headers=buyer.headers)
    nodes = {node["id"]: node for node in said["data"]["orders"]["nodes"]}
    assert [event["toStatus"] for event in nodes[first.id]["history"]["nodes"]] == ["PENDING"]
    assert nodes[second.id]["history"] is None
    assert _codes(said) == {"VALIDATION_FAILED"}


def test_an_id_has_one_spelling() -> None:
    id = "0192f0c4-1111-7111-8111-11111111111a"
    assert parsed(id) == parsed(id.upper()) == id
    for other in (id.replace("-", ""), f"{{{id}}}", f"urn:uuid:{id}", id[:-1], f"{id} ", None, 5):
        assert parsed(other) is None
    assert parsed("0192f0c41111-7111-8111-11111111111a-") is None


@pytest.fixture
async def held_wallet(shop: Shop) -> Any:
    """Somebody whose wallet another transaction holds until it is told to let go."""
    person = await shop.person()
    holding = shop.process.database.transaction(QueryStats())
    held = await holding.__aenter__()
    await held.run(f"SELECT 1 FROM accounts WHERE user_id = '{person.id}' FOR UPDATE")
    let_go = asyncio.Event()

    async def release() -> None:
        if not let_go.is_set():
            let_go.set()
            await holding.__aexit__(None, None, None)

    yield person, release
    await release()


async def _waits(shop: Shop) -> int:
    """The process id of the one server process that waits for a lock."""
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database() AND query LIKE '%accounts%' LIMIT 1"
    )
    return await eventually(lambda: shop.value(waiting))


async def test_signing_out_waits_for_the_writes_it_could_not_stop(
    shop: Shop, held_wallet: Any
) -> None:
    person, release = held_wallet
    deposit = asyncio.create_task(
        deposits.create(shop.request(person), {"amount": "5"}, key=new_key())
    )
    await _waits(shop)
    logout = asyncio.create_task(
        auth.logout(shop.request(), {"refreshToken": person.refresh_token})
    )
    # The answer must not come while a write of the session can still commit.
    finished, _ = await asyncio.wait({logout}, timeout=0.5)
    assert not finished
    await release()
    await asyncio.gather(deposit, logout)
    with pytest.raises(TandemError) as refused:
        await deposits.create(shop.request(person), {"amount": "5"}, key=new_key())
    assert refused.value.code == "TOKEN_REVOKED"


async def test_a_connection_lost_in_the_middle_is_told_as_unavailable_and_changes_nothing(
    shop: Shop, held_wallet: Any
) -> None:
    person, release = held_wallet
    key = new_key()
    async with shop.unchanged():
        deposit = asyncio.create_task(
            deposits.create(shop.request(person), {"amount": "5"}, key=key)
        )
        pid = await _waits(shop)
        await shop.value("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises(Unavailable):
            await deposit
        await release()
    await deposits.create(shop.request(person), {"amount": "5"}, key=key)
    assert await shop.balance(person) == 5


async def test_a_role_taken_away_counts_for_the_very_next_write(shop: Shop) -> None:
    buyer, manager = await shop.person(balance="100"), await shop.person("MANAGER")
    order = await shop.order(buyer)
    request = shop.request(manager)
    await orders.get(request, {"id": order.id})
    await shop.execute("UPDATE users SET role = 'USER' WHERE id = $1", manager.id)
    async with shop.unchanged():
        with pytest.raises(TandemError) as refused:
            await orders_buying.cancel(request, {"id": order.id})
    assert refused.value.code == "TOKEN_REVOKED"


async def test_a_fault_of_ours_is_not_kept_under_a_key(shop: Shop) -> None:
    person = await shop.person()
    key, wallet = new_key(), await shop.rows("SELECT * FROM accounts WHERE user_id = $1", person.id)
    await shop.execute("DELETE FROM accounts WHERE user_id = $1", person.id)
    with pytest.raises(Internal):
        await deposits.create(shop.request(person), {"amount": "5"}, key=key)
    await shop.execute(
        "INSERT INTO accounts (id, kind, user_id, balance, currency)"
        " VALUES ($1, 'WALLET', $2, 0, 'EUR')",
        wallet[0]["id"],
        person.id,
    )
    request = shop.request(person)
    await deposits.create(request, {"amount": "5"}, key=key)
    assert not request.replayed


async def test_what_the_caller_can_put_right_leaves_the_key_free(shop: Shop) -> None:
    buyer, manager = await shop.person(balance="100"), await shop.person("MANAGER")
    order = await shop.order(buyer)
    key = new_key()
    with pytest.raises(Forbidden):
        await orders_buying.pay(shop.request(manager), {"id": order.id}, key=key)
    with pytest.raises(IdempotencyKeyRequired):
        await orders_buying.pay(shop.request(buyer), {"id": order.id})
    rows = await shop.value(
        "SELECT count(*) FROM idempotency_keys WHERE caller_id = $1", manager.id
    )
    assert rows == 0


async def test_a_wallet_takes_more_than_any_single_deposit(shop: Shop) -> None:
    person = await shop.person()
    wallet = await shop.value("SELECT id FROM accounts WHERE user_id = $1", person.id)
    transfer = new_id(shop.process.clock())
    async with shop.process.database.connection() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO transfers (id, kind) VALUES ($1, 'DEPOSIT')", transfer
        )
        for account, sign in (("00000000-0000-7000-8000-000000000002", -1), (wallet, 1)):
            await connection.execute(
                "INSERT INTO postings (id, transfer_id, account_id, amount)"
                " VALUES ($1, $2, $3, $4 * 5000000000000)",
                new_id(shop.process.clock()),
                transfer,
                account,
                sign,
            )
    await shop.deposit(person, "999999999.99")
    assert await shop.balance(person) > 5_000_000_000_000
    # Only the ledger of this test would be odd: take the planted money back.
    async with shop.process.database.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM postings WHERE transfer_id = $1", transfer)
        await connection.execute("DELETE FROM transfers WHERE id = $1", transfer)
        await connection.execute("UPDATE accounts SET balance = 999999999.99 WHERE id = $1", wallet)
        await connection.execute(
            "UPDATE postings SET balance_after = 999999999.99 WHERE account_id = $1", wallet
        )


async def test_passwords_wait_in_a_queue_with_an_end() -> None:
    passwords = Passwords(1)
    results = await asyncio.gather(
        *(passwords.verify("guess", None) for _ in range(60)), return_exceptions=True
    )
    assert sum(isinstance(result, Unavailable) for result in results) == 9
    assert results.count(False) == 51


async def test_a_hash_we_cannot_read_matches_no_password(shop: Shop) -> None:
    person = await shop.person()
    await shop.execute("UPDATE users SET password_hash = '$old$hash' WHERE id = $1", person.id)
    with pytest.raises(InvalidCredentials):
        await auth.login(shop.request(), {"email": person.email, "password": PASSWORD})


async def test_the_audit_of_a_refused_account_names_no_account(shop: Shop) -> None:
    person = await shop.person()
    request = shop.request()
    with pytest.raises(TandemError):
        await auth.register(
            request,
            {
                "email": person.email.upper(),
                "username": unique("ada"),
                "password": PASSWORD,
                "fullName": "Ada",
            },
        )
    [row] = await shop.rows("SELECT * FROM audit_log WHERE request_id = $1", request.id)
    assert (row["outcome"], row["entity_id"]) == ("EMAIL_TAKEN", None)
