"""The protocol graphql-transport-ws: messages, refusals and handshakes; and graphql-sse's rules."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from api.streams import sockets
from api.streams.sse import END_SECONDS
from services.process import new_process
from tests.conftest import Addresses, settings_for
from tests.http.test_disconnects import in_this_process
from tests.servers import Server, serving
from tests.shop import Person, Shop
from tests.streams import LARGE, SECONDS, document, socket


async def rename(client: httpx.AsyncClient, person: Person, name: str) -> None:
    answer = await client.patch("/api/v2/me", json={"fullName": name}, headers=person.headers)
    assert answer.status_code == 200, answer.text


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
    ada, after = await shop.person(), await shop.end_of_log()
    async with socket(server.url) as one:
        await one.init(ada)
        await one.subscribe("1", subject=ada.id)
        await one.send(type="complete", id="1")
        # It may begin after the event.
        await one.subscribe("1", subject=ada.id, after=after)
        await rename(client, ada, "Ada")
        assert (await one.event())["type"] == "user.updated"
        await one.subscribe("1")
        assert (await one.closed())[0] == 4409


async def test_a_socket_without_a_subscription_is_closed(
    shop: Shop, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also somebody's who sent no token; a socket with a subscription stays."""
    monkeypatch.setattr(sockets, "IDLE_SECONDS", 6)  # enough to subscribe on a busy machine
    ada = await shop.person()
    async with (
        in_this_process(app, shop) as (url, _),
        socket(url) as idle,
        socket(url) as other,
    ):
        await other.init(ada)
        await other.subscribe(subject=ada.id)
        await idle.init(None)
        assert await idle.closed() == (1001, "No subscription")
        await other.send(type="ping")
        assert await other.receive() == {"type": "pong"}
        monkeypatch.setattr(sockets, "IDLE_SECONDS", 0.5)
        await other.send(type="complete", id="1")
        assert await other.closed() == (1001, "No subscription")


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
    async with httpx.AsyncClient(base_url=server.url, timeout=SECONDS) as client:
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


async def test_a_subscription_whose_past_is_gone_ends_alone(
    fresh_database: str, addresses: Addresses, password_hash: str, tmp_path: Path
) -> None:
    """The socket goes on, also after the time in which a client must take a socket's end."""
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    await process.open()
    shop = Shop(process, password_hash)
    ada, begin = await shop.person(), await shop.end_of_log()
    for _ in range(20):  # more than the buffers of both sides hold
        await shop.execute(LARGE, ada.id)
    await process.sequencer.run()
    with serving(process.settings, tmp_path / "log") as server:
        async with socket(server.url, max_queue=1) as one:
            await one.init(ada)
            await one.subscribe("past", after=begin)
            message = await one.receive()
            await shop.execute("UPDATE event_head SET gone = position")
            while message["type"] == "next":
                message = await one.receive()
            assert (message["type"], message["id"]) == ("error", "past")
            assert message["payload"][0]["extensions"]["code"] == "EVENTS_GONE"
            await asyncio.sleep(2 * END_SECONDS)
            await one.send(type="ping")
            assert await one.receive() == {"type": "pong"}
    await process.close()
