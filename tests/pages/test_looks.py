"""Every page in both schemes, on a telephone and on a desk; and that a look finds what is wrong."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Route, expect

from services.catalogue import OPERATIONS
from tests.pages.conftest import Open
from tests.pages.looking import Look
from tests.worker.work import eventually

pytestmark = pytest.mark.thorough

#: Pages, and what shows that a page is there as a whole.
PAGES = {
    "/": "h1",
    "/docs": ".list",
    "/docs/orders.create": "article",
    "/docs/rest": ".opblock-tag",
    "/errors": "h1",
    "/errors/OUT_OF_STOCK": "h1",
    "/graphql": ".graphiql-query-editor .cm-keyword",
    "/nowhere": "h1",
}
#: Chromium reports the status of a page that there is not.
NOT_FOUND = "console: Failed to load resource: the server responded with a status of 404"


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_keeps_the_rules_in_every_look(
    open_page: Open, look_at: dict[str, Any], path: str
) -> None:
    look = await open_page(path, **look_at)
    if path == "/nowhere":
        look.expected = (NOT_FOUND,)
    await look.page.wait_for_selector(PAGES[path])
    await look.check()


async def test_an_unfolded_operation_of_swagger_fits_a_telephone(open_page: Open) -> None:
    look = await open_page("/docs/rest#/posts/createPost", width=360, scheme="light")
    await look.page.wait_for_selector(".responses-table")
    await look.fits()


async def test_every_page_of_an_operation_keeps_the_rules(open_page: Open, depth: int) -> None:
    look = await open_page("/docs", width=360, scheme="dark")
    for operation in OPERATIONS[:: 1 if depth == 2 else 8]:
        await look.go(f"/docs/{operation.name}")
        await look.check()


#: Faults of a page, and the words of a look that finds them.
FAULTS = {
    "document.querySelector('main').setAttribute('style', 'color: red')": "style-src",
    "document.querySelector('main').innerHTML += '<img alt=\"\" src=\"http://outside.test/a\">'": (
        "http://outside.test"
    ),
    "fetch('http://outside.test/data').catch(() => 0)": "http://outside.test/data",
    "document.querySelector('main').innerHTML += '<a href=\"#\"><i onclick=\"x()\"></i></a>'": (
        "link-name"
    ),
    "setTimeout(() => { throw new Error('a fault') })": "a fault",
    "console.error('a message')": "a message",
    "document.querySelector('h1').style.width = '3000px'": "wider than the window",
    "document.querySelector('h1').style.color = 'rgb(250, 250, 250)'": "color-contrast",
}


async def told(look: Look) -> str | None:
    """What is wrong with a page; None when it keeps every rule."""
    try:
        await look.check()
    except AssertionError as found:
        return str(found)
    return None


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_look_finds_a_fault(open_page: Open, fault: str) -> None:
    look = await open_page("/errors")
    await look.check()
    await look.page.evaluate(f"() => {{ {fault} }}")
    # Browsers tell of some faults a moment later.
    assert FAULTS[fault] in await eventually(lambda: told(look))
    await look.go("/errors")
    look.faults.clear()


@pytest.mark.parametrize("path", PAGES)
async def test_the_keyboard_reaches_the_content_first(open_page: Open, path: str) -> None:
    look = await open_page(path)
    if path == "/nowhere":
        look.expected = (NOT_FOUND,)
    await look.page.wait_for_selector(PAGES[path])
    await look.tab_to(".skip")
    await look.page.keyboard.press("Enter")
    await look.until("document.activeElement.id", "main")


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("path", [*PAGES, "/?operation=orders.create", "/ops"])
async def test_the_keyboard_walks_through_a_page(open_page: Open, path: str, width: int) -> None:
    look = await open_page(path, width=width)
    if path == "/nowhere":
        look.expected = (NOT_FOUND,)
    await look.page.wait_for_selector(PAGES.get(path, "body[data-ready]"))
    await look.walk()


_MOVED = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.moved += one.value;
}).observe({ type: "layout-shift", buffered: true });
"""
#: Browsers call a page still whose parts move by less than this share of the window.
STILL = 0.1


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize(
    ("path", "title", "link"),
    [
        ("/", "One API, two faces", "/?operation=orders.pay"),
        ("/?operation=orders.create", "orders.create", "/?operation=orders.pay"),
        ("/docs", "Reference", "/docs/orders.pay"),
        ("/docs/orders.create", "orders.create", "/docs/orders.pay"),
    ],
)
async def test_a_page_says_what_it_is_before_its_scripts_have_read_the_contracts(
    open_page: Open, width: int, path: str, title: str, link: str
) -> None:
    look = await open_page("/health", width=width)
    page, reading = look.page, asyncio.Event()

    async def hold(route: Route) -> None:
        await reading.wait()
        await route.continue_()

    for contract in ("operations", "openapi-v2.json", "graphql/schema.graphql"):
        await page.route(f"**/{contract}", hold)
    await page.add_init_script(_MOVED)
    await look.go(path)
    await look.until("performance.getEntriesByName('first-contentful-paint').length", 1)
    await expect(page.locator("h1")).to_have_text(title)
    await expect(page.locator(".lead")).to_be_visible()
    listed = page.locator(f"#operations a[href='{link}']")
    await expect(listed).to_have_count(1)
    assert await listed.is_visible() is (width > 360)
    reading.set()
    if path.startswith("/?"):
        await page.wait_for_selector("#run")
    elif path == "/":
        await page.wait_for_selector("body[data-ready]")
    await expect(page.locator("h1")).to_have_text(title)
    assert await page.evaluate("window.moved") < STILL
