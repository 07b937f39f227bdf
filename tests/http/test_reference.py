"""The reference, GraphiQL and Swagger UI as they are served; `tests/pages` looks at them."""

import re
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLField, get_named_type

from api.app import create_app
from api.pages.graphiql import graphiql_page
from api.pages.reference.swagger import swagger_page
from schema.schema import SCHEMA
from services.catalogue import BY_NAME
from services.errors.base import CATALOGUE
from services.errors.common import COMMON, KEYED
from services.process import new_process
from services.settings.settings import Environment, Settings
from tests.conftest import client_of, running
from tests.http.test_pages import BROWSER


async def test_the_reference_names_every_operation(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    for name in BY_NAME:
        assert f'<li id="{name}"><a href="/docs/{name}"><code>{name}</code></a>' in page


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs/orders", "/docs/<b>", "/docs/"])
async def test_an_unknown_operation_has_no_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize("name", BY_NAME)
async def test_the_page_of_an_operation_has_what_both_contracts_say(
    client: httpx.AsyncClient, name: str
) -> None:
    """It is compared with the contracts as they are served, which are read here once more."""
    page = (await client.get(f"/docs/{name}")).text
    shown = set(re.findall(r'<dt id="[\w-]+"><a href="#[\w-]+"><code>([^<]+)</code>', page))
    in_graphql = set(re.findall(r"GraphQL <code>(?:input\.)?(\w+): ", page))
    operations = (await client.get("/operations")).json()["operations"]
    [operation] = [one for one in operations if one["name"] == name]
    document = (await client.get("/openapi-v2.json")).json()
    method, path = operation["rest"]["method"], operation["rest"]["path"]
    said = document["paths"][f"/api/v2{path}"][method.lower()]
    assert f"<code>/api/v2{path}</code>" in page
    assert escape(operation["summary"]) in page
    assert f"{operation['cost']} unit" in page

    assert arguments_of_rest(document, said) <= shown
    holder, _, field_name = operation["graphql"].rpartition(".")
    holders = [holder] if holder else ["Query", "Mutation", "Subscription"]
    fields = [SCHEMA.type_map[one].fields for one in holders]  # type: ignore[attr-defined]
    [field] = [one[field_name] for one in fields if field_name in one]
    assert arguments_of_graphql(field) <= in_graphql

    fields = fields_of_rest(document, said)
    assert fields <= shown
    if fields:
        assert fields_of_graphql(field) <= shown

    common = {error.code for error in COMMON | KEYED}
    for code in set(operation["errors"]) - common:
        assert f'<dt id="error-{code}"><a href="/errors/{code}">' in page
        assert escape(CATALOGUE[code].title, quote=True) in page
    for anchor in ("faces", "arguments", "answer", "errors"):
        assert f'<h2 id="{anchor}">' in page


async def test_the_example_of_an_error_is_at_an_address_that_could_be(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/errors/POST_NOT_FOUND", headers=BROWSER)).text
    assert "/api/v2/posts/019e5a3c-" in page
    assert "%7B" not in page


async def test_the_page_of_a_stream_shows_what_it_tells(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs/events.stream", headers=BROWSER)).text
    arguments, _, answer = page.partition('<h2 id="answer">')
    assert "<code>product.stockLow</code>" in arguments
    assert {"cursor", "data", "requestId"} <= set(re.findall(r"GraphQL <code>(\w+): ", answer))
    examples = arguments.partition('<h2 id="arguments">')[0]
    assert examples.count("project.created") == 2


async def test_an_error_of_the_store_is_shown_at_the_store(client: httpx.AsyncClient) -> None:
    page = (await client.get("/errors/UPLOAD_MISMATCH", headers=BROWSER)).text
    assert "/files/uploads/019e5a3c-" in page
    assert "GraphQL answer" not in page


def resolved(document: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """A parameter or schema in place of its name."""
    kinds = {**document["components"]["parameters"], **document["components"]["schemas"]}
    name = one.get("$ref", "").rpartition("/")[2]
    return kinds[name] if name else one


def arguments_of_rest(document: dict[str, Any], said: dict[str, Any]) -> set[str]:
    """The names of parameters and of a body's properties."""
    names = {resolved(document, one)["name"] for one in said.get("parameters", ())}
    for content in said.get("requestBody", {}).get("content", {}).values():
        names |= resolved(document, content["schema"])["properties"].keys()
    return names - {"X-Request-Id"}


def fields_of_rest(document: dict[str, Any], said: dict[str, Any]) -> set[str]:
    """The fields of a success, or of an item of a page."""
    [success] = [answer for status, answer in said["responses"].items() if status[0] == "2"]
    content = success.get("content", {}).get("application/json")
    fields = resolved(document, content["schema"]).get("properties", {}) if content else {}
    if "pageInfo" in fields:
        fields = resolved(document, fields["items"]["items"])["properties"]
    return set(fields)


def fields_of_graphql(field: GraphQLField) -> set[str]:
    """The fields of a type, or of a node of a connection."""
    kind: Any = get_named_type(field.type)
    if kind.name.endswith("Connection"):
        kind = get_named_type(kind.fields["nodes"].type)
    return set(getattr(kind, "fields", ()))


def arguments_of_graphql(field: GraphQLField) -> set[str]:
    """The names of arguments, with those of an input object in its place."""
    names = set(field.args)
    if "input" in field.args:
        kind: Any = get_named_type(field.args["input"].type)
        names = (names - {"input"}) | set(getattr(kind, "fields", {"input"}))
    return names


# GraphiQL


def test_graphiql_signs_demo_people_in_only_in_development(tmp_path: Path) -> None:
    for name in ("react", "react-dom"):
        (tmp_path / f"{name}.production.min.js").touch()
    for name in ("graphiql.min.js", "graphiql.min.css", "graphiql-explorer.js"):
        (tmp_path / name).touch()
    (tmp_path / "graphiql-explorer.css").touch()
    with_people = graphiql_page(demo=True, vendor=tmp_path).decode()
    assert re.findall('"email":"(.*?)"', with_people) == [
        "admin@example.com",
        "manager@example.com",
        "moderator@example.com",
        "user@example.com",
    ]
    assert "tandem-demo-1" not in graphiql_page(demo=False, vendor=tmp_path).decode()


async def test_tests_and_production_know_no_demo_people(client: httpx.AsyncClient) -> None:
    assert "tandem-demo-1" not in (await client.get("/graphql", headers=BROWSER)).text


@pytest.mark.parametrize("made", [partial(graphiql_page, demo=True), swagger_page])
def test_a_page_without_its_packages_says_what_to_run(
    made: Callable[..., bytes], tmp_path: Path
) -> None:
    page = made(vendor=tmp_path).decode()
    assert "is not installed here" in page
    assert "<code>./scripts/setup pages</code>" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("graphiql", "environment", "served", "explorable"),
    [
        (None, "test", True, True),
        (None, "production", True, False),
        (True, "production", True, True),
        (False, "development", False, False),
    ],
)
async def test_graphiql_may_be_served_without_introspection(
    settings: Settings, graphiql: bool | None, environment: str, served: bool, explorable: bool
) -> None:
    given = {"graphiql": graphiql, "environment": Environment(environment)}
    process = new_process(settings.model_copy(update=given))
    async with running(create_app(process)) as app, client_of(app) as client:
        page = await client.get("/graphql", headers=BROWSER)
        asked = await client.post("/graphql", json={"query": "{ __schema { types { name } } }"})
    assert page.headers["content-type"].startswith("text/html") == served
    assert ("errors" not in asked.json()) == explorable
