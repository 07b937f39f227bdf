"""Clients that leave abruptly leave nothing behind."""

import asyncio
import json
import socket as sockets
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psutil

from api.cli.http_server import HttpServer, server_config
from tests.shop import Person, Shop
from tests.streams import HANDSHAKE, document, masked
from tests.worker.work import eventually


async def test_ten_thousand_disconnects_leave_nothing_behind(
    shop: Shop, app: Any, depth: int
) -> None:
    """On a server in this process, whose tasks, listeners and sockets can be counted."""
    people = [await shop.person() for _ in range(10)]
    hub = shop.process.event_hub
    async with in_this_process(app, shop) as (url, server):
        await leave_abruptly(url, people, 20)  # what is made once is made now
        await settled(hub, server)
        before = len(asyncio.all_tasks()), open_sockets()
        await leave_abruptly(url, people, (200, 10_000, 10_000)[depth])
        await settled(hub, server)

        async def nothing_more() -> bool:
            tasks, sockets_ = before
            return len(asyncio.all_tasks()) <= tasks and open_sockets() <= sockets_

        # Work of the application comes and goes as well, and may have been under way just then.
        await eventually(nothing_more)
        for index in (hub._by_user, hub._by_audience, hub._by_credential, hub._by_payer):
            assert not index


async def settled(hub: Any, server: Any) -> None:
    """Wait until the server knows that all clients have left."""

    async def left() -> bool:
        return not (hub.streams or server.server_state.tasks or server.server_state.connections)

    await eventually(left)


def open_sockets() -> int:
    return len(psutil.Process().net_connections("tcp"))


@asynccontextmanager
async def in_this_process(app: Any, shop: Shop) -> AsyncIterator[tuple[str, Any]]:
    """The application on a socket of this process."""
    listener = sockets.create_server(("127.0.0.1", 0), backlog=512)
    config = server_config(lambda: app, shop.process.settings, lifespan="off")
    server = HttpServer(config, 0)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    finally:
        server.should_exit = True
        await serving


async def leave_abruptly(url: str, people: list[Person], count: int) -> None:
    """Open so many streams and sockets, ten at a time, and reset each connection."""
    host, port = url.removeprefix("http://").split(":")

    async def one(number: int) -> None:
        ada = people[number % len(people)]
        reader, writer = await asyncio.open_connection(host, int(port))
        socket_: sockets.socket = writer.get_extra_info("socket")
        # The connection is reset, not closed.
        socket_.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        writer.write(_opening(ada, number))
        await reader.readuntil(b"\r\n\r\n")
        if number % 3 == 2:
            writer.write(masked(f'{{"type":"connection_init","payload":{_token(ada)}}}'))
            await reader.readuntil(b"connection_ack")
            asked = json.dumps(document({}))
            writer.write(masked(f'{{"type":"subscribe","id":"1","payload":{asked}}}'))
            await asyncio.sleep(0.01)
        writer.transport.abort()

    for start in range(0, count, 10):
        await asyncio.gather(*(one(number) for number in range(start, min(start + 10, count))))


def _token(person: Person) -> str:
    return json.dumps({"Authorization": f"Bearer {person.token}"})


def _opening(person: Person, number: int) -> bytes:
    """The head of a request for a stream of one of three kinds."""
    token = f"Authorization: Bearer {person.token}\r\n"
    if number % 3 == 0:
        return f"GET /api/v2/events HTTP/1.1\r\nHost: x\r\n{token}\r\n".encode()
    if number % 3 == 1:
        body = json.dumps(document({}))
        return (
            f"POST /graphql HTTP/1.1\r\nHost: x\r\n{token}Accept: text/event-stream\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
    return HANDSHAKE
