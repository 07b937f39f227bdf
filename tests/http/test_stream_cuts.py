"""A game of cuts: whatever breaks, each client ends with the log of its audience, in order."""

import asyncio
import random
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.servers import Server, serving
from tests.shop import Person, Shop
from tests.streams import listening, listening_by_socket, listening_by_sse

#: The last event, which everybody hears.
_LAST = "00000000-0000-7000-8000-000000000000"
_EVENT = (
    "INSERT INTO event_outbox (id, type, at, subject, request_id, audience, is_public,"
    " is_withheld, owner_id, tags) VALUES (gen_random_uuid(), 'order.created', now(), $1, 'r',"
    " 'orders', $2, false, $3, '{}')"
)
WRITERS, CLIENTS = 50, 20
#: Cuts and seconds of writing by depth of the run.
CUTS, SECONDS = (0, 200, 1_000), (0, 15, 60)
BROKEN = (
    OSError,
    TimeoutError,
    AssertionError,
    StopAsyncIteration,
    httpx.HTTPError,
    ConnectionClosed,
    InvalidHandshake,
)


class Servers:
    """Two servers of one shop, the second without Redis; one of them is killed now and then."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        settings = shop.process.settings
        away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
        self._settings = (settings, away)
        self._folder = folder
        self._stacks = [ExitStack(), ExitStack()]
        self.servers: list[Server] = [self._start(number) for number in range(2)]

    def _start(self, number: int) -> Server:
        log = self._folder / f"log-{number}"
        exempt = {"TANDEM_QUOTA_EXEMPT": "127.0.0.1/32"}
        return self._stacks[number].enter_context(serving(self._settings[number], log, **exempt))

    async def kill(self, number: int) -> None:
        """Kill a server, and start it again."""
        self.servers[number].process.kill()
        await asyncio.to_thread(self._stacks[number].close)
        self.servers[number] = await asyncio.to_thread(self._start, number)

    def close(self) -> None:
        """End both."""
        for stack in self._stacks:
            stack.close()


@pytest.mark.thorough
async def test_every_client_ends_with_the_log_of_its_audience(
    shop: Shop, tmp_path: Path, depth: int
) -> None:
    people = [await shop.person(role) for role in ("USER", "USER", "USER", "MANAGER", "ADMIN")]
    begin = await shop.end_of_log()
    start = await shop.value("SELECT position FROM event_head")
    servers = Servers(shop, tmp_path)
    done = asyncio.Event()
    cuts = [CUTS[depth] // CLIENTS] * CLIENTS
    told: list[list[str]] = [[] for _ in range(CLIENTS)]
    try:
        clients = [
            asyncio.create_task(follow(servers, people[n % 5], begin, told[n], cuts, n))
            for n in range(CLIENTS)
        ]
        writers = [asyncio.create_task(write(shop, people, done)) for _ in range(WRITERS)]
        for number in range(4):
            await asyncio.sleep(SECONDS[depth] / 4)
            await servers.kill(number % 2)
        while any(cuts):  # noqa: ASYNC110 - the clients count them down
            await asyncio.sleep(0.2)
        done.set()
        await asyncio.gather(*writers)
        await shop.execute(_EVENT, _LAST, True, None)
        async with asyncio.timeout(60):
            await asyncio.gather(*clients)
    finally:
        await asyncio.to_thread(servers.close)
    for number, heard in enumerate(told):
        person = people[number % 5]
        rows = await shop.rows(
            "SELECT id FROM events WHERE position > $1 AND (is_public OR owner_id = $2 OR $3)"
            " ORDER BY position",
            start,
            person.id,
            person.role in ("MANAGER", "ADMIN"),
        )
        assert heard == [str(row["id"]) for row in rows]


async def write(shop: Shop, people: list[Person], done: asyncio.Event) -> None:
    """Write events in transactions, of which some last for seconds."""
    connection = await asyncpg.connect(shop.process.settings.database_url)
    try:
        while not done.is_set():
            async with connection.transaction():
                owner = random.choice(people).id
                await connection.execute(_EVENT, owner, random.random() < 0.2, owner)
                await asyncio.sleep(random.choice((0, 0.05, 0.2, 3)))
            await asyncio.sleep(random.uniform(0, 0.5))
    finally:
        await connection.close()


async def follow(
    servers: Servers, person: Person, cursor: str, heard: list[str], cuts: list[int], number: int
) -> None:
    """Read streams of any door and server until the last event; some are cut after a while."""
    while True:
        listen: Any = random.choice((listening, listening_by_sse, listening_by_socket))
        url = random.choice(servers.servers).url
        most = random.randint(1, 10) if cuts[number] else None
        with suppress(*BROKEN):
            async with listen(url, person, after=cursor) as stream:
                while most is None or most > 0:
                    event = await stream.event()
                    cursor = event["cursor"]
                    heard.append(event["id"])
                    if event["subject"] == _LAST:
                        return
                    most = None if most is None else most - 1
                cuts[number] -= 1
                continue
        await asyncio.sleep(0.2)
