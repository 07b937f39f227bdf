"""What is served beside the operations: health, catalogues, contracts and their pages."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest

from api.app import create_app
from api.http.exchange import CONTENT_SECURITY_POLICY
from services.catalogue import BY_NAME
from services.errors.base import CATALOGUE
from services.process import Process, new_process
from services.settings.types import Environment
from tests.conftest import CHECKOUT, Addresses, client_of, running, settings_for
from tests.shop import Person

NOWHERE_DATABASE = "postgresql://nobody@127.0.0.1:1/nothing"
NOWHERE_REDIS = "redis://127.0.0.1:1/0"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = [
    "/",
    "/ops",
    "/docs",
    "/docs/orders.create",
    "/docs/rest",
    "/errors",
    "/errors/OUT_OF_STOCK",
    "/graphql",
]
#: The most bytes that our own scripts and styles may have together.
OWN_BYTES = 150 * 1024
ASSETS = CHECKOUT / "api" / "pages" / "assets"
DOCUMENTS = [
    "/docs",
    "/operations",
    "/errors",
    "/errors/OUT_OF_STOCK",
    "/openapi-v1.json",
    "/openapi-v2.json",
    "/graphql/schema.graphql",
    "/docs/orders.pay",
    "/docs/rest",
    "/assets/pages.css",
]


@asynccontextmanager
async def started(database_url: str, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application of its own, on these servers."""
    settings = settings_for(database_url, redis_url)
    async with running(create_app(new_process(settings))) as app, client_of(app) as client:
        yield client


# Health


@pytest.fixture(autouse=True)
def patient_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for some seconds must not look like a server that is away."""
    monkeypatch.setattr("services.health._CHECK_SECONDS", 60)


async def test_health_says_what_works(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")
    health = answer.json()
    assert answer.status_code == 200
    assert health.pop("uptimeSeconds") >= 0
    assert re.fullmatch(r"\d+\.\d+\.\d+", health.pop("version"))
    assert health == {
        "status": "ok",
        "database": "ok",
        "writes": "ok",
        "migrations": "ok",
        "redis": "ok",
    }
    for probe in ("/health/live", "/health/ready"):
        answer = await client.get(probe)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["cache-control"] == "no-store"


async def test_without_postgresql_the_process_lives_but_is_not_ready(addresses: Addresses) -> None:
    async with started(NOWHERE_DATABASE, addresses.redis_url) as client:
        health = await client.get("/health")
        live = await client.get("/health/live")
        ready = await client.get("/health/ready")
    assert health.status_code == 503
    assert health.json()["status"] == "error"
    assert health.json()["database"] == "error"
    assert health.json()["redis"] == "ok"
    assert live.status_code == 200
    assert (ready.status_code, ready.json()) == (503, {"status": "error"})


async def test_without_redis_the_process_is_degraded_but_ready(settings: Any) -> None:
    async with started(settings.database_url, NOWHERE_REDIS) as client:
        health = await client.get("/health")
        ready = await client.get("/health/ready")
    assert health.status_code == 200
    assert (health.json()["status"], health.json()["redis"]) == ("degraded", "error")
    assert ready.status_code == 200


async def test_a_database_that_is_not_migrated_is_not_ready(addresses: Addresses) -> None:
    name = "tandem_unmigrated"
    async with addresses.administer() as server:
        await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await server.execute(f"CREATE DATABASE {name}")
    try:
        async with started(addresses.database(name), addresses.redis_url) as client:
            health = await client.get("/health")
            ready = await client.get("/health/ready")
    finally:
        await addresses.drop(name)
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["migrations"] == "error"
    assert ready.status_code == 503


async def test_a_process_that_stops_is_not_ready(fresh_database: str, addresses: Addresses) -> None:
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    app = create_app(process)
    async with running(app), client_of(app) as client:
        before = await client.get("/health/ready")
    async with client_of(app) as client:
        after = await client.get("/health/ready")
    await process.close()
    assert (before.status_code, after.status_code) == (200, 503)


# Catalogues


async def test_the_catalogue_shows_every_operation_as_it_is_declared(
    client: httpx.AsyncClient,
) -> None:
    shown = {item["name"]: item for item in (await client.get("/operations")).json()["operations"]}
    assert shown.keys() == BY_NAME.keys()
    pay = shown["orders.pay"]
    assert pay["who"] == "USER"
    assert pay["permission"] == "orders:pay:own"
    assert pay["idempotent"] == "required"
    assert pay["paged"] is False
    assert pay["cost"] == BY_NAME["orders.pay"].cost
    assert pay["deprecated"] is None
    assert pay["graphql"] == "payOrder"
    assert pay["rest"] == {"method": "POST", "path": "/orders/{id}/pay"}
    assert pay["summary"]
    assert {"ORDER_NOT_FOUND", "INSUFFICIENT_FUNDS", "FORBIDDEN"} <= set(pay["errors"])
    assert "EMAIL_TAKEN" not in pay["errors"]
    assert pay["errors"] == sorted(pay["errors"])
    assert shown["orders.list"]["paged"] is True
    assert [name for name in shown if shown[name]["streams"]] == ["events.stream"]
    assert shown["products.list"]["who"] == "PUBLIC"


async def test_every_error_has_its_entry_and_its_address_resolves(
    client: httpx.AsyncClient,
) -> None:
    listed = (await client.get("/errors")).json()["errors"]
    assert [error["code"] for error in listed] == sorted(CATALOGUE)
    for error in listed:
        one = await client.get(httpx.URL(error["docUrl"]).path)
        assert one.json() == error
        known = CATALOGUE[error["code"]]
        assert (error["status"], error["title"]) == (known.status, known.title)
        assert error["hint"] == known.hint
    by_code = {error["code"]: error for error in listed}
    assert by_code["INTERNAL"]["operations"] is None
    assert by_code["EMAIL_TAKEN"]["operations"] == [
        "auth.register",
        "auth.verifyEmail",
        "users.updateMe",
        "users.create",
        "users.update",
    ]


@pytest.mark.parametrize("code", ["NOTHING", "out_of_stock", "<script>", "INTERNAL/"])
async def test_an_unknown_error_is_not_found(client: httpx.AsyncClient, code: str) -> None:
    answer = await client.get(f"/errors/{code}")
    assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize("path", ["/nowhere", "/errors/NOTHING", "/graphql/nothing", "/<script>"])
async def test_a_browser_at_an_unknown_address_gets_a_page(
    client: httpx.AsyncClient, path: str
) -> None:
    page = await client.get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing at GET /" in page.text
    assert 'href="/docs"' in page.text
    assert page.headers["x-request-id"] in page.text
    assert "<script" not in page.text
    plain = await client.get(path)
    assert plain.json()["code"] == "ROUTE_NOT_FOUND"
    for answer in (page, plain):
        assert "Accept" in re.split(r",\s*", ",".join(answer.headers.get_list("vary")))


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v2/nowhere", "/api/nowhere"])
async def test_an_unknown_address_of_a_face_is_json_for_everybody(
    client: httpx.AsyncClient, path: str
) -> None:
    # Java's own client accepts text/html first, whatever it wants.
    accept = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
    answer = await client.get(path, headers={"Accept": accept})
    assert answer.status_code == 404
    assert "json" in answer.headers["content-type"]


async def test_the_page_of_an_error_names_the_operations_that_answer_it(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/errors/INSUFFICIENT_FUNDS", headers=BROWSER)).text
    listed = re.findall(r'<li><a href="/docs/([\w.]+)"><code>', page)
    by_code = (await client.get("/errors/INSUFFICIENT_FUNDS")).json()
    assert listed == by_code["operations"]
    assert "orders.pay" in listed
    assert "<code>payOrder</code>" in page
    assert "<code>/orders/{id}/pay</code>" in page


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (BROWSER["Accept"], "text/html"),
        ("*/*", "application/json"),
        ("", "application/json"),
        ("application/json, text/html", "application/json"),
    ],
)
@pytest.mark.parametrize("path", ["/errors", "/errors/OUT_OF_STOCK"])
async def test_errors_are_pages_for_browsers_and_json_for_programs(
    client: httpx.AsyncClient, path: str, accept: str, media: str
) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert answer.headers["content-type"].split(";")[0] == media
    assert "Accept" in re.split(r",\s*", answer.headers["vary"])


# Pages


@pytest.mark.parametrize("path", PAGES)
async def test_pages_need_nothing_that_the_content_policy_forbids(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path, headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    inline = r'<script(?! type="module" src="/| defer src="/| type="application/json")'
    assert not re.search(inline + r"|<style|\sstyle=|\son\w+=|<iframe|<form", answer.text)
    outside = re.findall(r'(?:src|href)="((?:https?:)?//[^"]*)"', answer.text)
    assert outside == []


async def test_every_link_of_the_pages_leads_somewhere(client: httpx.AsyncClient) -> None:
    seen: set[str] = set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = await client.get(path, headers=BROWSER)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            links = set(re.findall(r'href="(/[^"]*)"', answer.text))
            waiting += sorted(links - seen - set(waiting))
    assert seen >= {*DOCUMENTS, "/health", "/graphql"}
    assert {f"/errors/{code}" for code in CATALOGUE} <= seen


async def test_our_own_scripts_and_styles_stay_small(client: httpx.AsyncClient) -> None:
    files = [path for path in ASSETS.rglob("*") if path.suffix in (".css", ".js")]
    assert files
    assert sum(path.stat().st_size for path in files) <= OWN_BYTES
    for path in files:
        served = await client.get(f"/assets/{path.relative_to(ASSETS).as_posix()}")
        assert served.content == path.read_bytes()


@pytest.mark.parametrize("environment", [Environment.DEVELOPMENT, Environment.TEST])
async def test_the_explorer_says_how_to_sign_in_here(
    addresses: Addresses, environment: Environment
) -> None:
    settings = settings_for(addresses.database_url, addresses.redis_url).model_copy(
        update={"environment": environment}
    )
    async with running(create_app(new_process(settings))) as app, client_of(app) as client:
        page = (await client.get("/")).text
    has_people = environment is Environment.DEVELOPMENT
    assert ("Sign in as" in page) is has_people
    assert ("as the demo shop's user" in page) is has_people
    assert ("user@example.com" in page) is has_people
    assert ('<a href="/?operation=auth.register">Make an account</a>' in page) is not has_people


async def test_the_explorer_begins_with_the_operation_of_its_address(
    client: httpx.AsyncClient,
) -> None:
    named = await client.get("/", params={"operation": "orders.pay"})
    assert "<title>orders.pay · Tandem</title>" in named.text
    assert "<h1>orders.pay</h1>" in named.text
    unknown = await client.get("/", params={"operation": "<b>no</b>"})
    assert unknown.content == (await client.get("/")).content


# Contracts and keys


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_documents_are_revalidated_by_their_tag(client: httpx.AsyncClient, path: str) -> None:
    whole = await client.get(path)
    assert whole.status_code == 200
    assert "max-age" in whole.headers["cache-control"]
    again = await client.get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == whole.headers["etag"]
    other = await client.get(path, headers={"If-None-Match": '"other"'})
    assert other.content == whole.content


async def test_the_contracts_of_both_faces_are_served(client: httpx.AsyncClient) -> None:
    for version in ("v1", "v2"):
        document = (await client.get(f"/openapi-{version}.json")).json()
        assert document["openapi"].startswith("3.")
        assert document["paths"]
    schema = await client.get("/graphql/schema.graphql")
    assert schema.headers["content-type"].startswith("text/plain")
    assert "type Query" in schema.text


async def test_anybody_can_verify_a_token_with_the_published_keys(
    client: httpx.AsyncClient, process: Process, user: Person
) -> None:
    answer = await client.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    keys = jwt.PyJWKSet.from_dict(answer.json())
    key = keys[jwt.get_unverified_header(user.token)["kid"]]
    settings = process.settings
    claims = jwt.decode(
        user.token, key, ["EdDSA"], audience=settings.audience, issuer=settings.issuer
    )
    assert claims["sub"] == user.id
    assert "d" not in answer.json()["keys"][0]
