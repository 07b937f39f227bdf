"""Servers that are restarted in turn lose no event of open streams, and no request beside them."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.balancing import PRODUCTS, Balancer, Call, Site
from tests.shop import Person, Shop, new_key
from tests.streams import listening
from tests.worker.work import eventually

STREAMS, PEOPLE = 200, 20
#: Callers of requests beside the streams. Each waits for its answer, so a slow machine is not
#: overloaded.
CALLERS = 6
#: Two hundred clients in this process notice late that a server stops.
DRAIN_SECONDS = 10
_EVENT = (
    "INSERT INTO event_outbox (id, type, at, subject, request_id, audience, is_public,"
    " is_withheld, tags) VALUES (gen_random_uuid(), 'category.updated', now(),"
    " gen_random_uuid(), 'r', 'categories', true, false, '{}')"
)


@pytest.mark.thorough
async def test_servers_restarted_in_turn_lose_no_event_and_no_request(
    shop: Shop, tmp_path: Path, depth: int
) -> None:
    """Each reader goes on elsewhere with its last cursor, after the wait that it was told."""
    people = [await shop.person() for _ in range(PEOPLE)]
    begin = await shop.end_of_log()
    start = await shop.value("SELECT position FROM event_head")
    site = Site(shop.process.settings, tmp_path, "1", DRAIN_SECONDS)
    balancer = Balancer(site.ports)
    looking = asyncio.create_task(balancer.look())
    told: list[list[str]] = [[] for _ in range(STREAMS)]
    ends: set[str] = set()
    readers: list[asyncio.Task[None]] = []
    stopping = asyncio.Event()
    try:
        for port in site.ports:
            await site.start(port)
        await balancer.ready(2)
        readers = [
            asyncio.create_task(follow(balancer, people[n % PEOPLE], begin, heard, ends))
            for n, heard in enumerate(told)
        ]
        writing = asyncio.create_task(write(shop, stopping))
        calling = [asyncio.create_task(call(balancer, people, stopping)) for _ in range(CALLERS)]
        for port in site.ports * depth:
            await asyncio.sleep(1)
            await site.stop(port)
            await site.start(port)
            await balancer.ready(2)
        stopping.set()
        await writing
        deposits = sum(await asyncio.gather(*calling))
        await shop.process.sequencer.run()
        written = [await log_of(shop, person, start) for person in people]

        async def all_heard() -> bool:
            return balancer.failed != [] or all(
                len(heard) >= len(written[n % PEOPLE]) for n, heard in enumerate(told)
            )

        await eventually(all_heard)
    finally:
        for task in (looking, *readers):
            task.cancel()
        await asyncio.gather(looking, *readers, return_exceptions=True)
        await site.kill()
    assert balancer.failed == []
    assert deposits
    assert ends == {"UNAVAILABLE"}
    for number, heard in enumerate(told):
        assert heard == written[number % PEOPLE]
    made = "SELECT count(*) FROM deposits WHERE user_id = ANY($1::uuid[])"
    assert await shop.value(made, [person.id for person in people]) == deposits


async def log_of(shop: Shop, person: Person, start: int) -> list[str]:
    """The ids of the events that somebody hears, from a position on."""
    rows = await shop.rows(
        "SELECT id::text FROM events WHERE position > $1 AND (is_public OR owner_id = $2)"
        " ORDER BY position",
        start,
        person.id,
    )
    return [row["id"] for row in rows]


async def write(shop: Shop, stopping: asyncio.Event) -> None:
    """Write events that everybody hears."""
    while not stopping.is_set():
        await shop.execute(_EVENT)
        await asyncio.sleep(0.05)


async def call(balancer: Balancer, people: Sequence[Person], stopping: asyncio.Event) -> int:
    """Send reads and keyed writes on new and on kept connections; how many were writes."""
    writes = 0
    while not stopping.is_set():
        one = drawn(random.choice(people))
        writes += one.method == "POST"
        await balancer.send(one)
        await asyncio.sleep(0.05)
    return writes


def drawn(person: Person) -> Call:
    """A read of everybody's or of one's own, or a write with a key."""
    headers = {"Authorization": f"Bearer {person.token}"}
    keyed = headers | {"Idempotency-Key": new_key()}
    return random.choice(
        (
            PRODUCTS,
            Call("/api/v2/me", headers=headers),
            Call("/api/v2/wallet/deposits", "POST", keyed, {"amount": "1.00"}, 201),
        )
    )


async def follow(
    balancer: Balancer, person: Person, cursor: str, heard: list[str], ends: set[str]
) -> None:
    """Read a stream of any ready server, again and again; notes ids, and why streams ended."""
    while True:
        wait = 1.0
        url = f"http://127.0.0.1:{await balancer.next_port()}"
        headers = {"Last-Event-ID": cursor}
        try:
            async with listening(url, person, headers=headers) as stream:
                while True:
                    piece = await stream.piece()
                    wait = int(piece.fields.get("retry", 1000)) / 1000
                    if piece.fields.get("event") == "error":
                        ends.add(piece.data["code"])
                        break
                    cursor = piece.fields["id"]
                    heard.append(piece.data["id"])
        except (AssertionError, httpx.HTTPError, StopAsyncIteration) as error:
            balancer.failed.append(f"{url}: {error!r}")
        await asyncio.sleep(wait)
