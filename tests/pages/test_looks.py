"""Every page in both schemes, on a telephone and on a desk; and that a look finds what is wrong."""

from typing import Any

import pytest

from services.catalogue import OPERATIONS
from tests.pages.conftest import Open

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


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_look_finds_a_fault(open_page: Open, fault: str) -> None:
    look = await open_page("/errors")
    await look.check()
    await look.page.evaluate(f"() => {{ {fault} }}")
    await look.page.wait_for_timeout(100)
    with pytest.raises(AssertionError, match=FAULTS[fault]):
        await look.check()
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
