"""A served shop and a browser that looks at its pages."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright

from services.settings.settings import Settings
from tests.installing import set_up
from tests.pages.looking import LOOKS, SOAKED, Look, launch, looking
from tests.servers import Server, serving

Open = Callable[..., Awaitable[Look]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium of this test process, without a way out of this machine."""
    await asyncio.to_thread(set_up, "browser")
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def packages() -> None:
    """The packages that pages show, in their folder."""
    set_up("pages")


@pytest.fixture(scope="session")
def pages_server(
    packages: None, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server on the database of `process`, with every package of the pages."""
    with serving(settings, tmp_path_factory.mktemp("pages") / "log") as server:
        yield server


#: Each width and each scheme is looked at; the soak looks at all of them together.
_LOOKS = [
    pytest.param(
        look, marks=[pytest.mark.soak] if look in SOAKED else [], id=f"{look[0]}-{look[1]}"
    )
    for look in LOOKS
]


@pytest.fixture(params=_LOOKS)
def look_at(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each width in each scheme, for `open_page`."""
    width, scheme = request.param
    return {"width": width, "scheme": scheme}


@pytest.fixture
async def open_page(browser: Browser, pages_server: Server) -> AsyncIterator[Open]:
    """Opens an address in a page of its own: `await open_page("/docs", width=360, scheme="dark")`.

    At the end of the test no page may have broken its policy, asked outside or reported an error.
    """
    looks: list[Look] = []
    async with AsyncExitStack() as stack:

        async def opened(path: str, *, server: Server = pages_server, **more: Any) -> Look:
            look = await stack.enter_async_context(looking(browser, server.url, **more))
            looks.append(look)
            await look.go(path)
            return look

        yield opened
        for look in looks:
            if not look.page.is_closed():
                await look.quiet()
