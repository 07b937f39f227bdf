"""Event streams on every door: what is heard, how a stream goes on, and how it ends."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tests.servers import Server
from tests.shop import Person, Shop
from tests.streams import listening, listening_by_socket, listening_by_sse

#: How to listen on each door.
LISTENERS: Mapping[str, Any] = {
    "v1": lambda *given, **query: listening(*given, version="v1", **query),
    "v2": listening,
    "sse": listening_by_sse,
    "socket": listening_by_socket,
}
EVERY_LISTENER = pytest.mark.parametrize("listen", LISTENERS.values(), ids=LISTENERS)


async def log_of(
    shop: Shop, person: Person, client: httpx.AsyncClient, **query: str
) -> list[dict[str, Any]]:
    """What the log says, page by page."""
    await shop.process.sequencer.run()
    answer = await client.get(
        "/api/v2/events/log", params={"first": 100, **query}, headers=person.headers
    )
    return answer.json()["items"]


async def rename(client: httpx.AsyncClient, person: Person, name: str) -> Any:
    answer = await client.patch("/api/v2/me", json={"fullName": name}, headers=person.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_door_tells_the_same_as_the_log(
    server: Server, shop: Shop, client: httpx.AsyncClient
) -> None:
    ada = await shop.person()
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(listen(server.url, ada))
            for listen in LISTENERS.values()
        ]
        written = await rename(client, ada, "Ada")
        told = [await stream.event() for stream in streams]
    assert told[0]["type"] == "user.updated"
    assert told[0]["data"] == written
    assert told == [told[0]] * len(streams)
    assert await log_of(shop, ada, client, subject=ada.id) == [told[0]]
