"""GraphiQL in a browser: it completes, runs, signs in and explains errors."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, parse, print_ast
from playwright.async_api import expect

from api.local.demo.loader import PASSWORD
from services.settings.settings import Settings
from tests.conftest import CHECKOUT, Addresses, settings_for
from tests.pages.conftest import Open
from tests.pages.looking import LONGEST, Look
from tests.pages.test_explorer import REFUSED
from tests.servers import Server, serving
from tests.shop import Person, Shop, new_key

DOCUMENTS = CHECKOUT / "api" / "pages" / "documents"
_EDITOR = "document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror"
_ANSWER = "document.querySelector('.graphiql-response .CodeMirror').CodeMirror.getValue()"
_HEADERS = "[...document.querySelectorAll('.graphiql-editor-tool .CodeMirror')].at(-1).CodeMirror"
_RUN = "Execute query (Ctrl-Enter)"


@pytest.fixture(scope="module")
async def development(
    packages: None, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """A server in development, whose shop has one of the demo people."""
    log = tmp_path_factory.mktemp("development") / "log"
    with serving(settings, log, TANDEM_ENVIRONMENT="development") as server:
        user = {"email": "user@example.com", "username": "una", "password": PASSWORD}
        async with httpx.AsyncClient(base_url=server.url, timeout=LONGEST) as client:
            made = await client.post(
                "/api/v2/auth/register", json=user | {"fullName": "Una Keller"}
            )
        assert made.status_code == 201
        yield server


@pytest.fixture
async def graphiql(open_page: Open, development: Server) -> Look:
    """GraphiQL, ready."""
    look = await open_page("/graphql", server=development)
    await look.page.wait_for_selector(".graphiql-query-editor .cm-keyword")
    return look


async def write(look: Look, document: str) -> None:
    """Put a document into the editor, with the cursor at `|` where it has one."""
    text = document.replace("|", "")
    await look.page.evaluate(f"text => {_EDITOR}.setValue(text)", text)
    await look.page.evaluate(f"at => {_EDITOR}.setCursor(0, at)", document.find("|"))
    await look.page.evaluate(f"{_EDITOR}.focus()")
    # GraphiQL reads a document a moment after it changes.
    await look.until(f"{_EDITOR}.documentAST?.loc.source.body", text)


async def run(look: Look, document: str) -> Any:
    """Run a document with the keyboard; answers what GraphiQL shows."""
    await write(look, document)
    async with look.page.expect_response("**/graphql") as answering:
        await look.page.keyboard.press("Control+Enter")
    answer = await (await answering.value).json()
    await look.until(f"JSON.stringify(JSON.parse({_ANSWER} || '{{}}'))", json_text(answer))
    return answer


def json_text(value: object) -> str:
    """JSON as a browser writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def completions(look: Look, document: str) -> list[str]:
    """The words that the editor offers when one more letter is typed."""
    await write(look, document)
    await look.page.keyboard.type("a")
    await look.page.wait_for_selector(".CodeMirror-hints")
    return await look.page.locator(".CodeMirror-hint").all_inner_texts()


@pytest.mark.thorough
async def test_it_completes_and_runs(graphiql: Look, shop: Shop) -> None:
    page = graphiql.page
    await shop.product()
    assert await page.title() == "GraphiQL · Tandem"
    assert "popularPosts" in await completions(graphiql, "{ popul| }")
    await page.keyboard.press("Escape")
    answer = await run(graphiql, "{ products(first: 1) { nodes { stock } } }")
    assert answer["data"]["products"]["nodes"]


@pytest.mark.thorough
async def test_who_signs_in_is_signed_in_on_every_page(graphiql: Look) -> None:
    page = graphiql.page
    refused = await run(graphiql, "{ me { email } }")
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await page.get_by_role("button", name="user", exact=True).click()
    await expect(page.locator("#caller")).to_have_text("user@example.com")
    await graphiql.check()
    answer = await run(graphiql, "{ me { email } }")
    assert answer == {"data": {"me": {"email": "user@example.com"}}}
    # The token lasts as long as the tab, and GraphiQL keeps none.
    assert "eyJ" not in await page.evaluate("JSON.stringify({...localStorage})")
    assert "eyJ" not in page.url
    await page.click(".bar li a[href='/']")
    await expect(page.locator("#caller")).to_have_text("user@example.com")
    await page.go_back()
    await page.wait_for_selector(".graphiql-query-editor .CodeMirror-line")
    await page.get_by_role("button", name="Sign out").click()
    # The keyboard's place moves when it is done.
    await expect(page.locator("#caller")).to_have_text("Nobody is signed in")
    again = await run(graphiql, "{ me { id } }")
    assert again["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    # Somebody who is not there is told, and nobody is signed in.
    graphiql.expected = (REFUSED,)
    await page.get_by_role("button", name="admin", exact=True).click()
    await graphiql.shows("Email or password is wrong.")
    await expect(page.locator("#caller")).to_have_text("Nobody is signed in")


@pytest.mark.thorough
async def test_a_subscription_tells_events_until_it_is_stopped(graphiql: Look, shop: Shop) -> None:
    page = graphiql.page
    graphiql.expected = ("console: Failed to load resource",)
    document = "subscription { events { type data } }"
    refused = await run(graphiql, document)
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    person = await shop.person()
    await page.get_by_role("button", name="Headers", exact=True).click()
    headers = json.dumps({"Authorization": f"Bearer {person.token}"})
    await page.evaluate(f"text => {_HEADERS}.setValue(text)", headers)
    await page.evaluate(f"{_EDITOR}.focus()")
    async with page.expect_response("**/graphql") as opening:
        await page.keyboard.press("Control+Enter")
    assert (await opening.value).headers["content-type"] == "text/event-stream"
    for name in ("First", "Second"):
        await shop.project(person, name=name)
        await graphiql.until(f"JSON.parse({_ANSWER} || '{{}}').data?.events.data.name", name)
    async with page.expect_event("requestfailed"):
        await page.get_by_role("button", name="Stop query (Ctrl-Enter)").click()
    await page.get_by_role("button", name=_RUN).wait_for()
    assert "AbortError" not in await page.evaluate(_ANSWER)


@pytest.mark.thorough
async def test_an_error_leads_to_its_page(graphiql: Look) -> None:
    missing = "00000000-0000-7000-8000-000000000000"
    await run(graphiql, f'{{ product(id: "{missing}") {{ id }} }}')
    link = graphiql.page.get_by_role("link", name="PRODUCT_NOT_FOUND")
    assert await link.get_attribute("href") == "http://localhost:8000/errors/PRODUCT_NOT_FOUND"
    await graphiql.check()
    await run(graphiql, "{ products(first: 1) { nodes { id } } }")
    assert not await link.is_visible()


@pytest.mark.thorough
async def test_the_keyboard_alone_runs_a_document(open_page: Open, development: Server) -> None:
    look = await open_page("/graphql", server=development)
    await look.page.wait_for_selector(".graphiql-query-editor .cm-keyword")
    await look.tab_to(f'[aria-label="{_RUN}"]')
    async with look.page.expect_response("**/graphql"):
        await look.page.keyboard.press("Enter")
    await look.until(f"{_ANSWER}.includes('totalCount')")
    await look.tab_to('[aria-label="Answer"]')


@pytest.mark.thorough
async def test_the_tabs_have_the_shops_own_documents(graphiql: Look) -> None:
    page = graphiql.page
    assert (
        await page.evaluate(f"{_EDITOR}.getValue()") == (DOCUMENTS / "browse.graphql").read_text()
    )
    await page.get_by_role("button", name="Step1Choose").click()
    buying = (DOCUMENTS / "order-and-pay.graphql").read_text()
    await graphiql.until(f"{_EDITOR}.getValue()", buying)
    variables = "document.querySelector('.graphiql-editor-tool .CodeMirror').CodeMirror.getValue()"
    names = f"Object.keys(JSON.parse({variables} || '{{}}')).sort().join()"
    await graphiql.until(names, "key,orderId,productId")


@pytest.mark.thorough
async def test_without_introspection_it_completes_from_the_committed_schema(
    open_page: Open,
    packages: None,
    fresh_database: str,
    addresses: Addresses,
    tmp_path: Path,
) -> None:
    # A database of its own: signing keys are sealed with the secret of production.
    settings = settings_for(fresh_database, addresses.redis_url)
    with serving(settings, tmp_path / "log", **PRODUCTION) as server:
        look = await open_page("/graphql", server=server)
        look.expected = (
            "console: Failed to load resource: the server responded with a status of 400",
        )
        await look.page.wait_for_selector(".graphiql-query-editor .cm-keyword")
        refused = await run(look, "{ __schema { description } }")
        assert "errors" in refused
        assert "popularPosts" in await completions(look, "{ popul| }")
        # It offers nobody of the demo shop; anybody may sign in.
        assert await look.page.locator("#people .row > button").count() == 0
        await expect(look.page.locator("#other")).to_have_text("Sign in")
        await look.quiet()


#: The settings that production asks for.
PRODUCTION = {
    "TANDEM_ENVIRONMENT": "production",
    "TANDEM_SECRET": "s" * 40,
    "TANDEM_SMTP_URL": "smtp://mail.example",
    "TANDEM_MAIL_FROM": "shop@shop.example",
    "TANDEM_PUBLIC_URL": "https://api.shop.example",
    "TANDEM_SELLER_NAME": "Shop Ltd",
    "TANDEM_SELLER_ADDRESS": "12 Square, London",
    "TANDEM_PROVIDER": "sandbox",
    "TANDEM_PROVIDER_WEBHOOK_SECRET": "whsec_" + "c2VjcmV0" * 4,
}


async def test_the_documents_of_the_tabs_buy_something(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    person = await shop.person()
    await shop.product()
    values = {"productId": "", "orderId": "", "key": new_key()}
    first = await ask(client, person, (DOCUMENTS / "browse.graphql").read_text(), {})
    assert first["products"].keys() == {"nodes", "pageInfo", "totalCount"}
    steps = parse((DOCUMENTS / "order-and-pay.graphql").read_text()).definitions
    answer: Any = None
    for step in steps:
        assert isinstance(step, OperationDefinitionNode)
        answer = await ask(client, person, print_ast(step), values)
        if "products" in answer:
            values["productId"] = answer["products"]["nodes"][0]["id"]
        if "createOrder" in answer:
            values["orderId"] = answer["createOrder"]["id"]
        if "payOrder" in answer:
            assert answer["payOrder"]["order"]["status"] == "PAID"
    assert answer["wallet"]["held"] == "0.00"


async def ask(
    client: httpx.AsyncClient, person: Person, document: str, values: dict[str, str]
) -> Any:
    """Run a document; every step must go well."""
    answer = await client.post(
        "/graphql",
        json={"query": document, "variables": values},
        headers={"Authorization": f"Bearer {person.token}"},
    )
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]
