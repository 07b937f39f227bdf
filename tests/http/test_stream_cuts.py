"""Each client ends with the log of its audience in order, whatever breaks."""

import asyncio
import random
import time
from contextlib import AsyncExitStack, ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from api.local import embedded_servers
from services.ids import new_id
from tests.commands import Child, running
from tests.servers import Server, serving
from tests.shop import Person, Shop
from tests.streams import listening, listening_by_socket, listening_by_sse

#: The last event, which everybody hears.
_LAST = "00000000-0000-7000-8000-000000000000"
#: Values: subject, whether it is public, owner, and the number of the event of its subject.
_EVENT = (
    "INSERT INTO event_outbox (id, type, at, subject, data, request_id, audience, is_public,"
    " is_withheld, owner_id, tags) VALUES (gen_random_uuid(), 'order.created', now(), $1,"
    " json_build_object('number', $4::int), 'r', 'orders', $2, false, $3, '{}')"
    " RETURNING id::text"
)
WRITERS, SUBJECTS, CLIENTS = 50, 100, 20
#: One of the two servers by its number, the worker, or Redis is killed, one after the other.
KILLED = (0, "redis", "worker", 1, "redis", 0)
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


class Site:
    """The processes under streams: two servers, one without Redis; a worker; and their Redis.

    Each of them is killed now and then. The worker gives events their positions, as servers do.
    """

    def __init__(self, shop: Shop, folder: Path) -> None:
        self._folder = folder
        self._redis = embedded_servers.start(folder / "redis", durable=False, postgres=False)
        urls = (self._redis.redis_url, "redis://127.0.0.1:1/0")
        self._settings = [shop.process.settings.model_copy(update={"redis_url": u}) for u in urls]
        self._stacks = {name: ExitStack() for name in (0, 1, "worker")}
        self.servers: list[Server] = [self._serve(number) for number in range(2)]
        self._worker = self._work()

    def _serve(self, number: int) -> Server:
        log = self._folder / f"log-{number}"
        exempt = {"TANDEM_QUOTA_EXEMPT": "127.0.0.1/32"}
        return self._stacks[number].enter_context(serving(self._settings[number], log, **exempt))

    def _work(self) -> Child:
        log = self._folder / "worker-log"
        return self._stacks["worker"].enter_context(running(log, self._settings[0], "worker"))

    async def kill(self, what: int | str) -> None:
        """Kill a server, the worker or Redis, and start it again."""
        await asyncio.to_thread(self.kill_now, what)

    def kill_now(self, what: int | str) -> None:
        """As `kill`."""
        if what == "redis":
            for process in self._redis._running.values():
                process.kill()
            time.sleep(1)
            while not self._redis.start_what_ended():
                time.sleep(0.05)
        elif what == "worker":
            self._worker.kill()
            self._stacks[what].close()
            self._worker = self._work()
        else:
            self.servers[int(what)].process.kill()
            self._stacks[what].close()
            self.servers[int(what)] = self._serve(int(what))

    def close(self) -> None:
        """End all of them."""
        for stack in self._stacks.values():
            stack.close()
        self._redis.stop()


@pytest.mark.thorough
async def test_every_client_ends_with_the_log_of_its_audience(
    shop: Shop, tmp_path: Path, depth: int
) -> None:
    people = [await shop.person(role) for role in ("USER", "USER", "USER", "MANAGER", "ADMIN")]
    begin = await shop.end_of_log()
    start = await shop.value("SELECT position FROM event_head")
    site = await asyncio.to_thread(Site, shop, tmp_path)
    done = asyncio.Event()
    cuts = [CUTS[depth] // CLIENTS] * CLIENTS
    told: list[list[str]] = [[] for _ in range(CLIENTS)]
    numbers = {new_id(datetime.now(UTC)): 0 for _ in range(SUBJECTS)}
    committed: list[str] = []
    try:
        clients = [
            asyncio.create_task(follow(site, people[n % 5], begin, told[n], cuts, n))
            for n in range(CLIENTS)
        ]
        writers = [
            asyncio.create_task(write(shop, people, numbers, committed, done))
            for _ in range(WRITERS)
        ]
        for what in KILLED:
            await asyncio.sleep(SECONDS[depth] / len(KILLED))
            await site.kill(what)
        while any(cuts):  # noqa: ASYNC110 - the clients count them down
            await asyncio.sleep(0.2)
        done.set()
        await asyncio.gather(*writers)
        committed.append(await shop.value(_EVENT, _LAST, True, None, 1))
        async with asyncio.timeout(180):
            await asyncio.gather(*clients)
    finally:
        await asyncio.to_thread(site.close)
    log = await shop.rows(
        "SELECT id::text, subject::text, owner_id::text, is_public, data->>'number' AS number"
        " FROM events WHERE position > $1"
        " AND position <= (SELECT position FROM events WHERE subject = $2) ORDER BY position",
        start,
        _LAST,
    )
    # Every committed event is there once, and those of a subject have the order of its lock. Events
    # of earlier tests may have waited for a sequencer, and stand among them. The worker does jobs
    # of earlier tests: their events may stand after the last one, which no client hears.
    subjects = {*numbers, _LAST}
    assert sorted(row["id"] for row in log if row["subject"] in subjects) == sorted(committed)
    for subject, last in numbers.items():
        found = [int(row["number"]) for row in log if row["subject"] == subject]
        assert found == list(range(1, last + 1))
    # Each client has heard exactly what is theirs, in the order of the log.
    for number, heard in enumerate(told):
        person = people[number % 5]
        everything = person.role in ("MANAGER", "ADMIN")
        assert heard == [
            row["id"]
            for row in log
            if everything or row["is_public"] or row["owner_id"] == person.id
        ]


async def write(
    shop: Shop,
    people: list[Person],
    numbers: dict[str, int],
    committed: list[str],
    done: asyncio.Event,
) -> None:
    """Write events in transactions, of which some last for seconds.

    Each takes its number of a transaction before it locks its subject, and draws ``seq`` after.
    """
    connection = await asyncpg.connect(shop.process.settings.database_url)
    try:
        while not done.is_set():
            subject, owner = random.choice(list(numbers)), random.choice(people).id
            async with connection.transaction():
                await connection.execute("SELECT pg_current_xact_id()")
                await asyncio.sleep(random.random() * 0.02)
                await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", subject)
                numbers[subject] += 1
                public = random.random() < 0.2
                id = await connection.fetchval(_EVENT, subject, public, owner, numbers[subject])
                await asyncio.sleep(random.choice((0, 0, 0, 0.05, 0.2, 3)))
            committed.append(id)
            await asyncio.sleep(random.uniform(0, 0.5))
    finally:
        await connection.close()


async def follow(
    site: Site, person: Person, cursor: str, heard: list[str], cuts: list[int], number: int
) -> None:
    """Read streams of any door and server until the last event; some are cut after a while."""
    while True:
        listen: Any = random.choice((listening, listening_by_sse, listening_by_socket))
        url = random.choice(site.servers).url
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


@pytest.mark.thorough
async def test_streams_hear_on_while_redis_is_killed_and_comes_back(
    shop: Shop, tmp_path: Path
) -> None:
    """Writes of the same server go on as well, and no stream ends."""
    ada = await shop.person()
    begin = await shop.end_of_log()
    site = await asyncio.to_thread(Site, shop, tmp_path)
    url = site.servers[0].url
    done = asyncio.Event()
    written: list[str] = []

    async def rename() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            while not done.is_set():
                name = f"Ada {len(written)}"
                answer = await client.patch(
                    "/api/v2/me", json={"fullName": name}, headers=ada.headers
                )
                assert answer.status_code == 200, answer.text
                written.append(name)
                await asyncio.sleep(0.02)

    try:
        async with AsyncExitStack() as stack:
            streams = [
                await stack.enter_async_context(listen(url, ada, after=begin, subject=ada.id))
                for listen in (listening, listening_by_sse, listening_by_socket)
            ]
            writing = asyncio.create_task(rename())
            for what in ("redis", "worker", "redis"):
                await asyncio.sleep(1)
                await site.kill(what)
            await asyncio.sleep(1)
            done.set()
            await writing
            for stream in streams:
                told = [await stream.event() for _ in written]
                assert [event["data"]["fullName"] for event in told] == written
    finally:
        await asyncio.to_thread(site.close)
    assert "Traceback" not in site.servers[0].log.read_text()
