"""Event streams on every door: what is heard, how a stream goes on, and how it ends."""

import asyncio
import json
import socket as sockets
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faces import Door
from tests.servers import Server, serving
from tests.shop import Person, Shop
from tests.streams import (
    HANDSHAKE,
    LARGE,
    document,
    listening,
    listening_by_socket,
    listening_by_sse,
    masked,
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
            await stack.enter_async_context(listen(server.url, ada, subject=ada.id))
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
    """The past has more than two pages, and writes go on while it is told."""
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
    """The stream ends soon, and tells nothing before."""
    async with asyncio.timeout(_PROMISED_SECONDS):
        assert await ended(stream) == code


#: A second, and what a busy machine takes to run the test itself. An idle one needs 0.2 s in all;
#: tests/services/test_event_hub.py counts the steps.
_PROMISED_SECONDS = 15


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
        async with listen(server.url, ada, subject=ada.id) as stream:
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
    async with (
        AsyncExitStack() as stack,
        httpx.AsyncClient(base_url=server.url, timeout=60) as client,
    ):
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

    async def may_again() -> bool:
        async with (
            httpx.AsyncClient(base_url=server.url, timeout=60) as client,
            client.stream("GET", "/api/v2/events", headers=ada.headers) as answer,
        ):
            return answer.status_code == 200

    # The server sees a moment later that the streams above were left.
    await eventually(may_again)


@pytest.mark.parametrize("face", ["v2", "graphql"])
async def test_a_reader_that_takes_nothing_is_cut_off_and_others_hear_on(
    server: Server, shop: Shop, face: str
) -> None:
    """It loses nothing: it goes on with the last cursor that it has read."""
    ada = await shop.person()
    cursor = await shop.end_of_log()
    host, port = server.url.removeprefix("http://").split(":")
    deaf = sockets.socket()
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    deaf.connect((host, int(port)))
    begin_raw(deaf, ada, face)
    async with listening(server.url, ada, after=cursor) as reader:
        # The buffers of both sides take some megabytes before the server notices.
        count = 0
        while not await cut_off(server, face):
            await shop.execute(LARGE, ada.id)
            count += 100
            assert count < 5000
            told = await reader.events(100)
            assert len(told) == 100
    # Whatever its buffers still hold, the connection is over.
    deaf.settimeout(60)
    text = b""
    with suppress(ConnectionError):
        while more := await asyncio.to_thread(deaf.recv, 1 << 20):
            text = (text + more)[-100_000:]
            if b"STREAM_TOO_SLOW" in text:
                break
    deaf.close()
    async with listening(server.url, ada, after=cursor) as again:
        assert len(await again.events(count)) == count


def begin_raw(client: sockets.socket, person: Person, face: str) -> None:
    """Open a stream of REST, or a socket with a subscription."""
    token = f"Bearer {person.token}"
    if face == "v2":
        head = f"GET /api/v2/events HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        return
    client.sendall(HANDSHAKE)
    assert client.recv(4096).startswith(b"HTTP/1.1 101")
    init = {"type": "connection_init", "payload": {"Authorization": token}}
    client.sendall(masked(json.dumps(init)))
    assert b"connection_ack" in client.recv(4096)
    asked = {"type": "subscribe", "id": "1", "payload": document({})}
    client.sendall(masked(json.dumps(asked)))


async def cut_off(server: Server, face: str) -> bool:
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        text = (await client.get("/metrics")).text
    return f'tandem_stream_ends_total{{face="{face}",reason="STREAM_TOO_SLOW"}}' in text


async def test_head_tells_of_a_stream_and_opens_none(server: Server, shop: Shop) -> None:
    ada = await shop.person()
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
        for _ in range(12):
            answer = await client.head("/api/v1/events", headers=ada.headers)
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/event-stream"
        async with listening(server.url, ada):
            pass
