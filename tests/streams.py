"""Clients of event streams, over real sockets: REST, graphql-sse and graphql-transport-ws."""

import asyncio
import json
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.faces import DOCUMENTS, written
from tests.shop import Person
from tests.worker.work import eventually

#: The longest that a client waits; a busy machine takes a part of it.
SECONDS = 60
#: The handshake of a socket, for clients that speak with raw bytes.
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)

#: The lines of a server's metrics that count the subscriptions which have begun.
_BEGUN = r'^tandem_operations_total\{face="graphql",operation="events.stream",outcome="OK"\} (.*)$'

#: A hundred large events of the person with the id $1.
LARGE = (
    "INSERT INTO event_outbox (id, type, at, subject, data, request_id, audience, is_public,"
    " is_withheld, owner_id, tags) SELECT gen_random_uuid(), 'user.updated', now(), $1,"
    " json_build_object('text', repeat('x', 10000)), 'r', 'users', false, false, $1, '{}'"
    " FROM generate_series(1, 100)"
)


@dataclass
class Piece:
    """One event of the stream as it stands on the wire: its fields by name."""

    fields: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Any:
        """The data, which is JSON."""
        return json.loads(self.fields["data"])


class Sse:
    """A stream of server-sent events; comments and empty pieces are left out."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def piece(self) -> Piece:
        """The next piece with data; raises `StopAsyncIteration` at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(SECONDS):
            while True:
                line = await anext(self._lines)
                if line.startswith(":"):
                    continue
                if not line:
                    if "data" in fields:
                        return Piece(fields)
                    fields = {}
                    continue
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")

    async def event(self) -> dict[str, Any]:
        """The next event's envelope."""
        piece = await self.piece()
        assert "event" not in piece.fields, piece
        assert piece.fields["id"] == piece.data["cursor"]
        return piece.data

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next so many events."""
        return [await self.event() for _ in range(count)]

    async def error(self) -> dict[str, Any]:
        """The error with which the stream ends, after which nothing comes; events are left out."""
        while (piece := await self.piece()).fields.get("event") != "error":
            pass
        assert "id" not in piece.fields
        try:
            more = await self.piece()
        except StopAsyncIteration:
            return piece.data
        raise AssertionError(more)


def _client() -> httpx.AsyncClient:
    """A client that loads no certificates, which would take longer than all the rest."""
    return httpx.AsyncClient(timeout=SECONDS, verify=False)  # noqa: S501 - plain HTTP


@asynccontextmanager
async def listening(
    url: str,
    person: Person,
    *,
    version: str = "v2",
    headers: dict[str, str] | None = None,
    **query: Any,
) -> AsyncIterator[Sse]:
    """An open stream of REST."""
    sent = person.headers | (headers or {})
    address = f"{url}/api/{version}/events"
    async with (
        _client() as client,
        client.stream("GET", address, headers=sent, params=query) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Sse(response)


def document(query: dict[str, Any]) -> dict[str, Any]:
    """A subscription with its variables, as GraphQL takes it."""
    text, variables = written(DOCUMENTS["events.stream"], dict(query), None, None)
    return {"query": text, "variables": variables}


class GraphSse(Sse):
    """A stream of the protocol graphql-sse."""

    async def event(self) -> dict[str, Any]:
        """The next event's envelope."""
        piece = await self.piece()
        assert piece.fields["event"] == "next", piece
        assert set(piece.data) == {"data"}, piece
        return piece.data["data"]["events"]

    async def error(self) -> dict[str, Any]:
        """The error with which the stream ends, after which it is complete; events are left out."""
        while "errors" not in (piece := await self.piece()).data:
            pass
        [error] = piece.data["errors"]
        assert "data" not in piece.data
        last = await self.piece()
        assert last.fields == {"event": "complete", "data": ""}
        return {"code": error["extensions"]["code"], **error["extensions"]}


@asynccontextmanager
async def listening_by_sse(url: str, person: Person, **query: Any) -> AsyncIterator[GraphSse]:
    """An open subscription of graphql-sse."""
    sent = {**person.headers, "Accept": "text/event-stream"}
    async with (
        _client() as client,
        client.stream("POST", f"{url}/graphql", headers=sent, json=document(query)) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield GraphSse(response)


class Socket:
    """A socket of graphql-transport-ws."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(SECONDS):
            return json.loads(await self.connection.recv())

    async def init(self, person: Person | None) -> None:
        """Begin as somebody."""
        payload = None if person is None else {"Authorization": f"Bearer {person.token}"}
        await self.send(type="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, id: str = "1", **query: Any) -> None:
        """Ask for a subscription to events."""
        await self.send(type="subscribe", id=id, payload=document(query))

    async def event(self) -> dict[str, Any]:
        """The next event's envelope."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert set(message["payload"]) == {"data"}, message
        return message["payload"]["data"]["events"]

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The next so many events."""
        return [await self.event() for _ in range(count)]

    async def closed(self) -> tuple[int, str]:
        """The code and reason with which the server closes; events before it are left out."""
        async with asyncio.timeout(SECONDS):
            with suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""


@asynccontextmanager
async def socket(url: str, **more: Any) -> AsyncIterator[Socket]:
    """An open socket."""
    address = url.replace("http://", "ws://") + "/graphql"
    options: dict[str, Any] = {
        "subprotocols": ["graphql-transport-ws"],
        "compression": None,
        "open_timeout": SECONDS,
        "ping_timeout": SECONDS,
    }
    async with connect(address, **(options | more)) as connection:
        yield Socket(connection)


@asynccontextmanager
async def listening_by_socket(url: str, person: Person, **query: Any) -> AsyncIterator[Socket]:
    """A socket with a subscription, which has begun where it has no cursor to begin after."""
    async with socket(url) as one:
        await one.init(person)
        begun = 0 if "after" in query else await _begun(url)
        await one.subscribe(**query)
        # Messages are taken in order, but a subscription begins beside them.

        async def has_begun() -> bool:
            return await _begun(url) > begun

        if "after" not in query:
            await eventually(has_begun)
        yield one


async def _begun(url: str) -> float:
    """How many subscriptions have begun on a server."""
    async with _client() as client:
        told = (await client.get(f"{url}/metrics")).text
    return sum(map(float, re.findall(_BEGUN, told, re.MULTILINE)))


def masked(text: str) -> bytes:
    """A text frame of a client, with a mask of zeros."""
    body = text.encode()
    assert 125 < len(body) < 65_536
    return b"\x81" + struct.pack("!BH", 0x80 | 126, len(body)) + b"\0\0\0\0" + body
