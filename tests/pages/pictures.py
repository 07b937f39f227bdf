"""Takes the pictures in docs/pictures: `./scripts/pictures`."""

import asyncio
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from tests.pages.looking import LOOKS, launch, looking
from tests.servers import CHECKOUT
from tests.worker.work import free_port

FOLDER = CHECKOUT / "docs" / "pictures"
#: A cold start loads a demo shop first.
_START_SECONDS = 300

Prepare = Callable[[Page], Awaitable[None]]


async def at_once(page: Page) -> None:
    """The page is ready as it comes."""


async def browsing(page: Page) -> None:
    """GraphiQL has signed somebody in and shows an answer."""
    await page.wait_for_selector(".graphiql-query-editor .cm-keyword")
    await page.get_by_role("button", name="user", exact=True).click()
    await page.locator("#leave").wait_for()
    await page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()
    await page.wait_for_selector(".graphiql-response .cm-string")


async def unfolded(page: Page) -> None:
    """Swagger UI shows the operations of orders."""
    await page.locator("#operations-tag-orders").click()
    await page.wait_for_selector(".opblock")


async def ordering(page: Page) -> None:
    """The explorer has signed the demo user in, who placed an order on both faces."""
    await page.locator("button[title='user@example.com']").click()
    await page.locator("#leave").wait_for()
    await page.locator(".picker summary").click()
    await page.locator(".choice").first.click()
    await page.locator("#run").click()
    await page.locator("[data-verdict=equal]").wait_for()


async def watching(page: Page) -> None:
    """An admin looks at the figures, which a few calls have moved."""
    await page.locator("button[title='admin@example.com']").click()
    await page.locator("#queue h2").wait_for()
    for _ in range(4):
        await page.evaluate("fetch('/api/v2/products')")
        await page.evaluate("fetch('/api/v1/categories')")
        await page.wait_for_timeout(2_500)


#: The pages by the names of their pictures: an address, and what makes the page worth a look.
PAGES: dict[str, tuple[str, Prepare]] = {
    "explorer": ("/", at_once),
    "order": ("/?operation=orders.create", ordering),
    "ops": ("/ops", watching),
    "reference": ("/docs", at_once),
    "operation": ("/docs/orders.pay", at_once),
    "swagger": ("/docs/rest", unfolded),
    "graphiql": ("/graphql", browsing),
    "errors": ("/errors", at_once),
    "error": ("/errors/INSUFFICIENT_FUNDS", at_once),
}


@contextmanager
def demo_shop() -> Iterator[str]:
    """A served demo shop in a folder of its own; its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "REDIS_URL")
    }
    with tempfile.TemporaryDirectory() as data:
        words = [sys.executable, "-m", "api.cli", "serve", "--port", str(port), "--data", data]
        with (Path(data) / "log").open("w") as log:
            server = subprocess.Popen(
                words, cwd=CHECKOUT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            transport = httpx.HTTPTransport(retries=_START_SECONDS)
            with httpx.Client(transport=transport, timeout=_START_SECONDS) as client:
                client.get(f"{url}/health/live").raise_for_status()
            yield url
        finally:
            server.terminate()
            server.wait(_START_SECONDS)


async def take(browser: Browser, url: str, name: str, width: int, scheme: str) -> None:
    """Take one picture of a page."""
    path, prepare = PAGES[name]
    async with looking(browser, url, width, scheme) as look:
        await look.go(path)
        await prepare(look.page)
        shown = Image.open(io.BytesIO(await look.page.screenshot()))
    file = FOLDER / f"{name}-{width}-{scheme}.webp"
    plain = shown.convert("RGB").quantize(64, dither=Image.Dither.NONE).convert("RGB")
    plain.save(file, lossless=True, method=6)
    print(f"{file.relative_to(CHECKOUT)}: {file.stat().st_size // 1024} KiB")


async def main(names: list[str]) -> None:
    """Take the pictures of these pages, or of all."""
    FOLDER.mkdir(exist_ok=True)
    with demo_shop() as url:
        async with async_playwright() as playwright:
            browser = await launch(playwright)
            for name in names or PAGES:
                for width, scheme in LOOKS:
                    await take(browser, url, name, width, scheme)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
