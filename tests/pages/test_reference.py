"""The reference in a browser: search, and what leads from page to page."""

import json

import pytest

from tests.pages.conftest import Open

pytestmark = pytest.mark.thorough

_SHOWN = "#operations section:not([hidden]) li:not([hidden])"


async def test_an_operation_is_found_by_any_of_its_words(open_page: Open) -> None:
    look = await open_page("/docs")
    await look.page.keyboard.press("/")
    await look.page.keyboard.type("payOrder")
    assert await look.page.locator(_SHOWN).all_inner_texts() == ["orders.pay"]
    assert await look.page.locator("#found").inner_text() == "1 operation"
    await look.page.keyboard.press("Enter")
    await look.page.wait_for_url("**/docs/orders.pay")
    await look.page.keyboard.press("/")
    await look.page.keyboard.type("post xyzzy")
    assert await look.page.locator(_SHOWN).all_inner_texts() == []
    await look.page.fill("#search", "admin refund post")
    assert await look.page.locator(_SHOWN).all_inner_texts() == ["orders.refund"]


async def test_the_list_folds_on_a_telephone(open_page: Open) -> None:
    look = await open_page("/docs/orders.pay", width=360)
    assert not await look.page.locator("#operations").is_visible()
    await look.page.keyboard.press("/")
    await look.page.keyboard.type("wallet.get")
    await look.page.locator(_SHOWN).get_by_text("wallet.get").click()
    await look.page.wait_for_url("**/docs/wallet.get")


async def test_code_is_copied(open_page: Open) -> None:
    look = await open_page("/docs/orders.pay")
    await look.page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    async def copied(name: str) -> str:
        await look.page.evaluate("navigator.clipboard.writeText('')")
        await look.page.get_by_role("button", name=f"Copy: GraphQL {name}").click()
        # The page does not wait for the clipboard.
        await look.until("navigator.clipboard.readText().then((text) => text !== '')")
        return await look.page.evaluate("navigator.clipboard.readText()")

    document = await copied("document")
    assert document.startswith("mutation ($id: ID!")
    assert document.endswith("}")
    assert json.loads(await copied("variables"))["idempotencyKey"] == "key-1"


async def test_swagger_ui_calls_the_shop(open_page: Open) -> None:
    look = await open_page("/docs/rest")
    page = look.page
    await page.locator("#operations-tag-categories").click()
    await page.locator("#operations-categories-categories").click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute", exact=True).click()
    answer = page.locator(".live-responses-table tbody .response-col_status").first
    await answer.wait_for()
    assert (await answer.inner_text()).startswith("200")
    await page.get_by_role("link", name="v1, for older clients").click()
    await page.get_by_text("/openapi-v1.json").wait_for()
