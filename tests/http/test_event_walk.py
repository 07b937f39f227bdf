"""Every write of the catalogue, as subscribers of all doors hear it."""

from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tests.event_log import CROSSING, EMITTED
from tests.faces import Door
from tests.servers import Server
from tests.shop import Person, Shop, good_call
from tests.streams import listening, listening_by_socket, listening_by_sse

#: Writes of a usual run: one of each kind of audience.
USUAL = {"orders.pay", "categories.update", "posts.unpublish", "coupons.create", "deposits.create"}
SUBSCRIBERS = (listening, listening_by_sse, listening_by_socket)


def _marked(operation: str) -> Any:
    marks = () if operation in USUAL else (pytest.mark.thorough,)
    return pytest.param(operation, marks=marks)


@pytest.mark.parametrize("operation", [_marked(one) for one in EMITTED])
async def test_subscribers_of_every_door_hear_what_the_log_says(
    server: Server,
    shop: Shop,
    faces: dict[str, Door],
    client: httpx.AsyncClient,
    door: Door,
    operation: str,
) -> None:
    """The caller, an admin and a bystander listen on three doors each, whichever door is called."""
    balance = None if operation == "users.deleteMe" else "1000.00"
    caller = await shop.person("ADMIN", balance=balance)
    people = [caller, await shop.person("ADMIN"), await shop.person()]
    values, key = await good_call(shop, operation, caller)
    values |= CROSSING.get(operation, {})
    begin = await shop.end_of_log()
    async with AsyncExitStack() as stack:
        streams = [
            [
                await stack.enter_async_context(listen(server.url, person, after=begin))
                for listen in SUBSCRIBERS
            ]
            for person in people
        ]
        outcome = await door.call(operation, values, caller=caller, key=key)
        assert outcome.error is None, outcome.error
        last = await marked(faces["v2"], shop)
        for person, heard in zip(people, streams, strict=True):
            log = await log_after(client, person, begin)
            if log is None:
                continue  # the write ended the caller's session, and with it their streams
            assert log[-1]["id"] == last
            if person is caller:
                assert set(EMITTED[operation]) <= {one["type"] for one in log}
            for stream in heard:
                assert await stream.events(len(log)) == log


async def marked(door: Door, shop: Shop) -> str:
    """A last event, which everybody hears; its id."""
    admin, category = await shop.person("ADMIN"), await shop.category()
    values = {"id": category, "name": f"The last {category}"}
    outcome = await door.call("categories.update", values, caller=admin)
    assert outcome.error is None
    await shop.process.sequencer.run()
    return str(await shop.value("SELECT id FROM events WHERE subject = $1", category))


async def log_after(client: httpx.AsyncClient, person: Person, begin: str) -> Any:
    """The log behind a cursor; None for somebody whose session has ended."""
    answer = await client.get(
        "/api/v2/events/log", params={"first": 100, "after": begin}, headers=person.headers
    )
    return None if answer.status_code == 401 else answer.json()["items"]
