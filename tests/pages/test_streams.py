"""Chromium's own `fetch` hears a stream, with the client of docs/events.md."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.cli.test_docs import blocks
from tests.faces import Door
from tests.pages.looking import Look
from tests.servers import serving
from tests.shop import Shop

_LISTEN = blocks("docs/events.md", "js")[0]
_BEGIN = f"""([url, token, after]) => {{
{_LISTEN}
    window.heard = [];
    listen(url, token, (event) => heard.push(event.id), after)
        .catch((error) => window.ended = error.message);
}}"""


@pytest.mark.parametrize("origin", ["own", "other"])
async def test_a_page_hears_what_the_log_says_and_why_it_ends(
    browser: Browser, shop: Shop, faces: dict[str, Door], tmp_path: Path, origin: str
) -> None:
    """A page of another origin asks first whether it may send the token and the last cursor."""
    ada = await shop.person()
    begin = await shop.end_of_log()
    made = [(await shop.project(ada)).id for _ in range(3)]
    async with blank_site() as elsewhere:
        settings = shop.process.settings
        with serving(settings, tmp_path / "log", TANDEM_CORS_ORIGINS=elsewhere) as server:
            page = await browser.new_page()
            look = Look(page, server.url)
            await page.goto(f"{server.url}/health" if origin == "own" else elsewhere)
            await page.evaluate(_BEGIN, [server.url, ada.token, begin])
            await look.until("heard.length", 3)
            made.append((await shop.project(ada)).id)
            await look.until("heard.length", 4)
            rows = await shop.rows(
                "SELECT id::text FROM events WHERE subject = ANY($1::uuid[]) ORDER BY position",
                made,
            )
            assert await page.evaluate("heard") == [row["id"] for row in rows]
            out = await faces["v2"].call("auth.logout", {"refreshToken": ada.refresh_token})
            assert out.error is None
            await look.until("window.ended", "TOKEN_REVOKED")
            await page.close()


@asynccontextmanager
async def blank_site() -> AsyncIterator[str]:
    """A site of somebody else's, whose pages are blank; its origin."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n"
            b"Connection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
