"""Event streams on every door: what is heard, how a stream goes on, and how it ends."""

import asyncio
import json
import socket as sockets
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import InvalidStatus

from api.cli.http_server import HttpServer, server_config
from tests.faces import Door
from tests.servers import Server, serving
from tests.shop import Person, Shop
from tests.streams import (
    document,
    listening,
    listening_by_socket,
    listening_by_sse,
    socket,
)
from tests.worker.work import eventually

#: How to listen on each door.
LISTENERS: Mapping[str, Any] = {
    "v1": lambda *given, **query: listening(*given, version="v1", **query),
    "v2": listening,
    "sse": listening_by_sse,
    "socket": listening_by_socket,
}
_GRAPHQL = (listening_by_sse, listening_by_socket)
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


@EVERY_LISTENER
async def test_a_stream_goes_on_after_the_cursor_of_any_other_door(
    server: Server, shop: Shop, client: httpx.AsyncClient, listen: Any
) -> None:
    ada = await shop.person()
    for number in range(3):
        await rename(client, ada, f"Ada {number}")
    logged = await log_of(shop, ada, client, subject=ada.id)
    async with listen(server.url, ada, after=logged[0]["cursor"], subject=ada.id) as stream:
        assert await stream.events(2) == logged[1:]
        await rename(client, ada, "Ada 3")
        last = await stream.event()
    async with listening(server.url, ada, headers={"Last-Event-ID": last["cursor"]}) as stream:
        await rename(client, ada, "Ada 4")
        assert (await stream.event())["data"]["fullName"] == "Ada 4"


@EVERY_LISTENER
async def test_a_long_past_is_told_whole_and_in_order(
    server: Server, shop: Shop, client: httpx.AsyncClient, listen: Any
) -> None:
    """More than two pages, and writes go on meanwhile."""
    ada = await shop.person()
    begin = await shop.end_of_log()
    await shop.execute(
        "INSERT INTO event_outbox (id, type, at, subject, request_id, audience, is_public,"
        " is_withheld, owner_id, tags) SELECT gen_random_uuid(), 'user.updated', now(), $1, 'r',"
        " 'users', false, false, $1, '{}' FROM generate_series(1, 250)",
        ada.id,
    )
    await shop.process.sequencer.run()

    async def write() -> None:
        for number in range(10):
            await rename(client, ada, f"Ada {number}")

    async with listen(server.url, ada, after=begin, subject=ada.id) as stream:
        writing = asyncio.create_task(write())
        told = await stream.events(260)
        await writing
    rows = await shop.rows(
        "SELECT id FROM events WHERE subject = $1 AND type = 'user.updated' ORDER BY position",
        ada.id,
    )
    assert [event["id"] for event in told] == [str(row["id"]) for row in rows]


@EVERY_LISTENER
async def test_a_stream_has_only_the_types_and_the_subject_asked_for(
    server: Server, shop: Shop, client: httpx.AsyncClient, faces: dict[str, Door], listen: Any
) -> None:
    ada = await shop.person("ADMIN")
    types = ["category.updated"] if listen in _GRAPHQL else "category.updated"
    one, other = await shop.category(), await shop.category()
    async with listen(server.url, ada, subject=one, types=types) as stream:
        for id, name in ((other, "Other"), (one, "One"), (one, "Two")):
            values = {"id": id, "name": f"{name} {id}"}
            outcome = await faces["v2"].call("categories.update", values, caller=ada)
            assert outcome.error is None
        told = await stream.events(2)
    assert [event["data"]["name"] for event in told] == [f"One {one}", f"Two {one}"]


@EVERY_LISTENER
async def test_others_hear_only_what_they_may(
    server: Server, shop: Shop, client: httpx.AsyncClient, listen: Any
) -> None:
    ada, eve, admin = await shop.person(), await shop.person(), await shop.person("ADMIN")
    async with (
        listen(server.url, eve, subject=ada.id) as stranger,
        listen(server.url, admin, subject=ada.id) as insider,
        listen(server.url, ada, subject=ada.id) as owner,
    ):
        await rename(client, ada, "Ada")
        heard = await insider.event()
        own = await owner.event()
        assert own["position"] is None
        assert heard["position"] is not None
        assert own == {**heard, "position": None}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await stranger.event()


async def test_a_stream_with_a_cursor_that_is_gone_or_none_is_refused(
    faces: dict[str, Door], shop: Shop
) -> None:
    ada = await shop.person()
    elsewhere = shop.process.log_cursors.write("01a1f9bd-135c-7e07-b274-b67df665d3e0", 1)
    for door in faces.values():
        gone = await door.call("events.stream", {"after": elsewhere}, caller=ada)
        assert (gone.code, gone.failure.status) == ("EVENTS_GONE", 410)
        oldest = gone.failure.details["oldest"]
        assert (await door.call("events.stream", {"after": oldest}, caller=ada)).code == "OK"
        bad = await door.call("events.stream", {"after": "no cursor"}, caller=ada)
        assert bad.failure.paths == {"after": "INVALID_CURSOR"}
        bad = await door.call("events.stream", {"types": ["no.such"]}, caller=ada)
        assert set(bad.failure.paths) == {"types.0"}
    assert not shop.process.event_hub.streams


# The ends of streams


async def ended(stream: Any) -> str:
    """The code of the error with which a stream ends; events before it are left out."""
    if hasattr(stream, "connection"):
        code, reason = await stream.closed()
        assert code == _CLOSES.get(reason, 4401), (code, reason)
        return reason
    return (await stream.error())["code"]


_CLOSES = {"UNAVAILABLE": 1012, "STREAM_TOO_SLOW": 1013, "FORBIDDEN": 4403}


async def silent_end(stream: Any, code: str) -> None:
    """The stream ends within a second, and tells nothing before."""
    async with asyncio.timeout(_PROMISED_SECONDS):
        assert await ended(stream) == code


#: A second, and what a busy machine takes to run the test itself.
_PROMISED_SECONDS = 3


@EVERY_LISTENER
@pytest.mark.parametrize("how", ["logout", "deactivated", "role", "revoked key"])
async def test_a_stream_ends_with_the_session_or_key(
    server: Server,
    shop: Shop,
    client: httpx.AsyncClient,
    faces: dict[str, Door],
    listen: Any,
    how: str,
) -> None:
    ada, admin = await shop.person(), await shop.person("ADMIN")
    machine = await shop.machine(ada, "events:read:own", "account:read:own")
    caller = machine if how == "revoked key" else ada
    async with listen(server.url, caller) as stream:
        match how:
            case "logout":
                outcome = await faces["v2"].call("auth.logout", {"refreshToken": ada.refresh_token})
            case "revoked key":
                outcome = await faces["v2"].call(
                    "apiKeys.revoke", {"id": machine.key_id}, caller=ada
                )
            case _:
                change = {"isActive": False} if how == "deactivated" else {"role": "MANAGER"}
                values = {"id": ada.id, **change}
                outcome = await faces["v2"].call("users.update", values, caller=admin)
        assert outcome.error is None
        await silent_end(stream, "TOKEN_REVOKED")


@EVERY_LISTENER
async def test_without_redis_streams_hear_on_and_end_with_the_session(
    shop: Shop,
    tmp_path: Path,
    client: httpx.AsyncClient,
    faces: dict[str, Door],
    listen: Any,
) -> None:
    """The session is ended by another process."""
    away = shop.process.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    ada = await shop.person()
    with serving(away, tmp_path / "log") as server:
        async with listen(server.url, ada) as stream:
            for number in range(3):
                await rename(client, ada, f"Ada {number}")
                async with asyncio.timeout(_PROMISED_SECONDS):
                    assert (await stream.event())["data"]["fullName"] == f"Ada {number}"
            outcome = await faces["v2"].call("auth.logout", {"refreshToken": ada.refresh_token})
            assert outcome.error is None
            await silent_end(stream, "TOKEN_REVOKED")


@EVERY_LISTENER
async def test_a_stream_ends_when_its_token_expires(
    shop: Shop, tmp_path: Path, listen: Any
) -> None:
    clock, ada = tmp_path / "clock", await shop.person()
    clock.write_text(datetime.now(UTC).isoformat())
    with serving(shop.process.settings, tmp_path / "log", clock) as server:
        async with listen(server.url, ada) as stream:
            life = timedelta(seconds=shop.process.settings.access_token_seconds + 1)
            moved = tmp_path / "moved"
            moved.write_text((datetime.now(UTC) + life).isoformat())
            moved.replace(clock)
            await silent_end(stream, "TOKEN_EXPIRED")


@EVERY_LISTENER
async def test_streams_end_at_once_when_the_server_stops(
    shop: Shop, tmp_path: Path, listen: Any
) -> None:
    ada, log = await shop.person(), tmp_path / "log"
    with serving(shop.process.settings, log, TANDEM_DRAIN_SECONDS="600") as server:
        async with listen(server.url, ada) as stream:
            server.process.terminate()
            await silent_end(stream, "UNAVAILABLE")
        # A stream that comes while the server drains is told the same, and when to come back.
        async with listening(server.url, ada) as late:
            assert 1 <= (await late.error())["details"]["retryAfterSeconds"] <= 5
        async with socket(server.url) as late_socket:
            assert await late_socket.closed() == (1012, "UNAVAILABLE")
        server.process.kill()
    text = log.read_text()
    assert "Traceback" not in text
    assert "CancelledError" not in text


async def test_clients_are_told_to_come_back_at_different_times(server: Server, shop: Shop) -> None:
    ada = await shop.person()
    told = set()
    for _ in range(4):
        async with listening(server.url, ada) as stream:
            line = await anext(stream._lines)
            told.add(int(line.removeprefix("retry: ")))
    assert len(told) > 1
    assert all(1000 <= wait <= 5000 for wait in told)


async def test_a_caller_has_ten_streams_at_the_most_on_all_doors(
    server: Server, shop: Shop
) -> None:
    ada, eve = await shop.person(), await shop.person()
    async with AsyncExitStack() as stack, httpx.AsyncClient(base_url=server.url) as client:
        for number in range(10):
            listen = list(LISTENERS.values())[number % len(LISTENERS)]
            await stack.enter_async_context(listen(server.url, ada))
        refused = await client.get("/api/v2/events", headers=ada.headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert refused.headers["retry-after"] == "5"
        headers = {**ada.headers, "Accept": "text/event-stream"}
        refused = await client.post("/graphql", json=document({}), headers=headers)
        assert refused.status_code == 429
        one = await stack.enter_async_context(socket(server.url))
        await one.init(ada)
        await one.subscribe("x")
        message = await one.receive()
        assert (message["type"], message["id"]) == ("error", "x")
        assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        async with listening(server.url, eve):
            pass
    async with listening(server.url, ada):
        pass


async def test_a_reader_that_takes_nothing_is_cut_off_and_others_hear_on(
    server: Server, shop: Shop, client: httpx.AsyncClient
) -> None:
    """It loses nothing: it goes on with the last cursor that it has read."""
    ada = await shop.person()
    cursor = await shop.end_of_log()
    host, port = server.url.removeprefix("http://").split(":")
    deaf = sockets.socket()
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    deaf.connect((host, int(port)))
    head = f"GET /api/v2/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ada.token}\r\n\r\n"
    deaf.sendall(head.encode())
    assert deaf.recv(12) == b"HTTP/1.1 200"
    async with listening(server.url, ada, after=cursor) as reader:
        # The buffers of both sides take some megabytes before the server notices.
        count = 0
        while not await cut_off(shop, server):
            await shop.execute(_LARGE, ada.id)
            count += 100
            assert count < 5000
            told = await reader.events(100)
            assert len(told) == 100
    # Whatever its buffers still hold, the connection is over.
    deaf.settimeout(10)
    text = b""
    with suppress(ConnectionError):
        while more := await asyncio.to_thread(deaf.recv, 1 << 20):
            text = (text + more)[-1000:]
            if text.endswith(b"0\r\n\r\n"):
                assert b"STREAM_TOO_SLOW" in text
                break
    deaf.close()
    async with listening(server.url, ada, after=cursor) as again:
        assert len(await again.events(count)) == count


_LARGE = (
    "INSERT INTO event_outbox (id, type, at, subject, data, request_id, audience, is_public,"
    " is_withheld, owner_id, tags) SELECT gen_random_uuid(), 'user.updated', now(), $1,"
    " json_build_object('text', repeat('x', 10000)), 'r', 'users', false, false, $1, '{}'"
    " FROM generate_series(1, 100)"
)


async def cut_off(shop: Shop, server: Server) -> bool:
    async with httpx.AsyncClient(base_url=server.url) as client:
        text = (await client.get("/metrics")).text
    return 'reason="STREAM_TOO_SLOW"' in text


async def test_head_tells_of_a_stream_and_opens_none(server: Server, shop: Shop) -> None:
    ada = await shop.person()
    async with httpx.AsyncClient(base_url=server.url, timeout=5) as client:
        for _ in range(12):
            answer = await client.head("/api/v1/events", headers=ada.headers)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/event-stream"
        async with listening(server.url, ada):
            pass


# The protocol graphql-transport-ws


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["no json"], 4400),
        (["[]"], 4400),
        ([b"binary"], 4400),
        (['{"type": "nothing"}'], 4400),
        (['{"type": "connection_init", "payload": 5}'], 4400),
        (['{"type": "connection_init", "type": "ping"}'], 4400),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }"}}'], 4401),
        (['{"type": "connection_init", "payload": {"Authorization": "Bearer no"}}'], 4401),
        (['{"type": "connection_init"}', '{"type": "connection_init"}'], 4429),
        (['{"type": "connection_init"}', '{"type": "subscribe", "id": "1"}'], 4400),
        (['{"type": "connection_init"}', '{"type": "subscribe", "payload": {}}'], 4400),
        (["x" * 70_000], 1009),
        (['{"type": "connection_init", "payload": ' + "[" * 30_000], 4400),
    ],
)
async def test_a_malformed_message_closes_the_socket_with_a_code(
    server: Server, messages: list[Any], code: int
) -> None:
    async with socket(server.url) as one:
        for message in messages:
            await one.connection.send(message)
        assert (await one.closed())[0] == code


async def test_a_socket_refuses_what_is_no_subscription(server: Server, shop: Shop) -> None:
    ada = await shop.person()
    refusals = {
        "{ me { id } }": "NOT_ACCEPTABLE",
        "mutation { logoutEverywhere { ok } }": "NOT_ACCEPTABLE",
        "subscription { events { nothing } }": "VALIDATION_FAILED",
        "subscription {": "MALFORMED_REQUEST",
        'subscription { events(types: ["no"]) { id } }': "VALIDATION_FAILED",
        "subscription { events { id } a: events { id } }": "VALIDATION_FAILED",
        f"subscription {{ events {{ {' '.join(f'a{n}: id' for n in range(500))} }} }}": (
            "QUERY_TOO_COMPLEX"
        ),
    }
    async with socket(server.url) as one:
        await one.init(ada)
        for text, code in refusals.items():
            await one.send(type="subscribe", id="1", payload={"query": text})
            message = await one.receive()
            assert message["type"] == "error", message
            assert message["payload"][0]["extensions"]["code"] == code, text
        await one.send(type="ping")
        assert await one.receive() == {"type": "pong"}
    async with socket(server.url) as one:
        await one.init(None)
        await one.subscribe()
        message = await one.receive()
        assert message["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_subscription_is_completed_and_its_id_is_free_again(
    server: Server, shop: Shop, client: httpx.AsyncClient
) -> None:
    ada = await shop.person()
    async with socket(server.url) as one:
        await one.init(ada)
        await one.subscribe("1", subject=ada.id)
        await one.send(type="complete", id="1")
        await one.subscribe("1", subject=ada.id)
        await asyncio.sleep(0.3)
        await rename(client, ada, "Ada")
        assert (await one.event())["type"] == "user.updated"
        await one.subscribe("1")
        assert (await one.closed())[0] == 4409


async def test_handshakes_that_are_refused(server: Server, shop: Shop) -> None:
    async def status(**more: Any) -> int:
        with pytest.raises(InvalidStatus) as refused:
            async with socket(server.url, **more):
                pass
        return refused.value.response.status_code

    assert await status(origin="https://evil.example") == 403
    async with socket(server.url, origin=server.url):
        pass
    async with socket(server.url, subprotocols=["graphql-ws"]) as one:
        assert (await one.closed())[0] == 4406
    many = {f"X-{number}": "x" for number in range(120)}
    assert await status(additional_headers=many) == 431
    async with httpx.AsyncClient(base_url=server.url) as client:
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        assert (await client.get("/api/v2/products", headers=headers)).status_code == 200
        assert (await client.get("/health/live")).status_code == 200


async def test_a_subscription_by_http_needs_a_stream_and_a_query_an_answer(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    ada = await shop.person()
    for accept, body, status in (
        ("application/json", document({}), 406),
        ("text/event-stream", {"query": "{ me { id } }"}, 406),
        ("text/event-stream, application/json", {"query": "{ me { id } }"}, 200),
        ("text/event-stream, application/json", document({}), 200),
    ):
        answer = await client.post("/graphql", json=body, headers={**ada.headers, "Accept": accept})
        code = answer.status_code
        if "errors" in answer.text:
            code = answer.json()["errors"][0]["extensions"]["status"]
        assert code == status, (accept, body, answer.text)
    got = await client.get(
        "/graphql",
        params={"query": "subscription { events { id } }"},
        headers={**ada.headers, "Accept": "text/event-stream"},
    )
    assert got.headers["content-type"] == "text/event-stream"


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
        assert (len(asyncio.all_tasks()), open_sockets()) == before
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
            writer.write(_masked(f'{{"type":"connection_init","payload":{_token(ada)}}}'))
            await reader.readuntil(b"connection_ack")
            asked = json.dumps(document({}))
            writer.write(_masked(f'{{"type":"subscribe","id":"1","payload":{asked}}}'))
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
    return (
        b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )


def _masked(text: str) -> bytes:
    """A text frame of a client, with a mask of zeros."""
    body = text.encode()
    assert 125 < len(body) < 65_536
    return b"\x81" + struct.pack("!BH", 0x80 | 126, len(body)) + b"\0\0\0\0" + body
