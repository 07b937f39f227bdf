"""Automatic persisted queries: a document by its SHA-256, as Apollo's clients send it."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import httpx
import pytest

from api.app import create_app
from services.cache.persisted_queries import LONGEST, PersistedQueries
from services.process import Process, new_process
from services.settings.settings import Settings
from tests.conftest import client_of, running
from tests.shop import Person, Shop, unique
from tests.sites import Open


def named(document: str, **more: Any) -> dict[str, Any]:
    """A request that names a document by its hash alone."""
    sha = sha256(document.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha}}, **more}


def new_document() -> str:
    """A document that nobody has sent yet."""
    return f"query {a_name()} {{ products(first: 1) {{ pageInfo {{ hasNextPage }} }} }}"


def a_name() -> str:
    """A name that no document has yet."""
    return unique("q").replace("-", "_")


async def ask(client: httpx.AsyncClient, body: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return (await client.post("/graphql", json=body, **more)).json()


def codes(said: Mapping[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in said["errors"]]


async def test_an_unknown_hash_is_told_in_the_words_that_clients_know(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/graphql", json=named(new_document()))
    assert answer.status_code == 200
    said = answer.json()
    assert "data" not in said
    [error] = said["errors"]
    assert error["message"] == "PersistedQueryNotFound"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    modern = {"Accept": "application/graphql-response+json"}
    answer = await client.post("/graphql", json=named(new_document()), headers=modern)
    assert answer.status_code == 404


async def test_a_document_is_kept_once_it_was_sent_with_its_hash(
    client: httpx.AsyncClient,
) -> None:
    document = new_document()
    assert "data" in await ask(client, named(document, query=document))
    by_hash = await ask(client, named(document))
    assert by_hash == await ask(client, {"query": document})
    params = {"extensions": json.dumps(named(document)["extensions"])}
    got = await client.get("/graphql", params=params, headers={"Accept": "text/html, */*"})
    assert got.json() == by_hash


async def test_every_process_finds_a_kept_document_and_redis_may_not_change_it(
    client: httpx.AsyncClient, process: Process, settings: Settings
) -> None:
    document, sent = new_document(), new_document()
    await ask(client, named(document, query=document))
    name = named(document)["extensions"]["persistedQuery"]["sha256Hash"]

    def another() -> PersistedQueries:
        return PersistedQueries(settings, process.redis_calls, process.redis_reachability)

    assert await another().find(name) == document
    await process.redis.hset(f"{settings.redis_prefix}:persisted-queries:documents", name, sent)
    assert await another().find(name) is None


async def test_a_hash_of_another_document_is_refused_and_nothing_is_kept(
    client: httpx.AsyncClient,
) -> None:
    document, other = new_document(), new_document()
    said = await ask(client, named(document, query=other))
    assert codes(said) == ["VALIDATION_FAILED"]
    [field] = said["errors"][0]["extensions"]["fields"]
    assert (field["field"], field["code"]) == (
        "extensions.persistedQuery.sha256Hash",
        "CONFLICT",
    )
    for one in (document, other):
        assert codes(await ask(client, named(one))) == ["PERSISTED_QUERY_NOT_FOUND"]


@pytest.mark.parametrize(
    ("persisted", "fields"),
    [
        (5, {"extensions.persistedQuery": "INVALID_TYPE"}),
        (
            {},
            {
                "extensions.persistedQuery.version": "INVALID_CHOICE",
                "extensions.persistedQuery.sha256Hash": "INVALID_FORMAT",
            },
        ),
        (
            {"version": 2, "sha256Hash": "a" * 64},
            {"extensions.persistedQuery.version": "INVALID_CHOICE"},
        ),
        (
            {"version": 1, "sha256Hash": "../" + "a" * 61},
            {"extensions.persistedQuery.sha256Hash": "INVALID_FORMAT"},
        ),
    ],
)
async def test_a_malformed_hash_is_a_bad_field(
    client: httpx.AsyncClient, persisted: Any, fields: dict[str, str]
) -> None:
    said = await ask(client, {"extensions": {"persistedQuery": persisted}})
    assert codes(said) == ["VALIDATION_FAILED"]
    told = said["errors"][0]["extensions"]["fields"]
    assert {item["field"]: item["code"] for item in told} == fields


async def test_documents_that_cannot_run_or_are_too_long_are_not_kept(
    client: httpx.AsyncClient, user: Person
) -> None:
    bad = f"{{ {a_name()} }}"
    deep = new_document() + "{ a " * 50 + "}" * 50
    secret = f"query {a_name()} {{ me {{ id }} }}"
    long = new_document() + "\n# " + "x" * LONGEST
    for document, token in ((bad, None), (deep, None), (secret, "nonsense"), (long, user.token)):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        await ask(client, named(document, query=document), headers=headers)
        assert codes(await ask(client, named(document))) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_a_kept_document_has_the_rules_of_every_document(
    client: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    write = 'mutation { logout(input: {refreshToken: "x"}) { ok } }' + f" # {unique()}"
    await ask(client, named(write, query=write))
    params = {"extensions": json.dumps(named(write)["extensions"])}
    assert (await client.get("/graphql", params=params)).status_code == 405
    mine = "query($n: Int) { orders(first: $n) { totalCount } }" + f" # {unique()}"
    await ask(client, named(mine, query=mine), headers=user.headers)
    assert codes(await ask(client, named(mine))) == ["UNAUTHENTICATED"]
    wrong = await ask(client, named(mine, variables={"n": "x"}), headers=user.headers)
    assert wrong["errors"][0]["extensions"]["fields"][0]["field"] == "first"
    assert (await ask(client, named(mine), headers=user.headers))["data"]


async def test_asking_for_an_unknown_hash_costs_a_unit(open_site: Open) -> None:
    client = await (await open_site(quota_anonymous=2)).client()
    answers = [await client.post("/graphql", json=named(new_document())) for _ in range(3)]
    assert [codes(answer.json()) for answer in answers] == [
        ["PERSISTED_QUERY_NOT_FOUND"],
        ["PERSISTED_QUERY_NOT_FOUND"],
        ["RATE_LIMITED"],
    ]
    assert answers[2].status_code == 429


async def test_the_document_that_was_not_asked_for_longest_goes_first(
    process: Process, settings: Settings
) -> None:
    def another() -> PersistedQueries:
        prefixed = settings.model_copy(update={"redis_prefix": prefix})
        return PersistedQueries(
            prefixed, process.redis_calls, process.redis_reachability, most_kept=2
        )

    prefix = unique("few")
    documents = [new_document() for _ in range(4)]
    names = [sha256(one.encode()).hexdigest() for one in documents]
    for name, document in zip(names, documents, strict=True):
        await another().keep(name, document)
    # All were kept in one second perhaps, so that any two of them are left.
    found = [await another().find(name) for name in names]
    assert len([one for one in found if one]) == 2


async def test_without_redis_a_client_sends_the_whole_document(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with running(create_app(new_process(away))) as app, client_of(app) as client:
        document = new_document()
        assert codes(await ask(client, named(document))) == ["PERSISTED_QUERY_NOT_FOUND"]
        assert "data" in await ask(client, named(document, query=document))
        assert "data" in await ask(client, named(document))  # from the process's own memory
