"""Two thousand streams in one process: all of them hear, within the memory that is named."""

import asyncio
from pathlib import Path

import psutil
import pytest

from tests.servers import serving
from tests.shop import Person, Shop

STREAMS, EACH = 2_000, 10
#: The most memory that they take; docs/events.md names what was measured.
MOST_MIB = 60
#: So many begin at a time.
_AT_ONCE = 50
_EVENT = (
    "INSERT INTO event_outbox (id, type, at, subject, request_id, audience, is_public,"
    " is_withheld, tags) VALUES (gen_random_uuid(), 'category.updated', now(), $1, 'r',"
    " 'categories', true, false, '{}')"
)


@pytest.mark.thorough
async def test_two_thousand_streams_hear_within_the_memory_that_is_named(
    shop: Shop, tmp_path: Path
) -> None:
    people = [await shop.person() for _ in range(STREAMS // EACH)]
    with serving(shop.process.settings, tmp_path / "log") as server:
        process = psutil.Process(server.process.pid)
        for one in (process, psutil.Process()):
            _, most = one.rlimit(psutil.RLIMIT_NOFILE)
            one.rlimit(psutil.RLIMIT_NOFILE, (most, most))
        streams = [await begin(server.url, people[0])]
        await all_hear(shop, streams)  # what is made once is made now
        before = process.memory_info().rss
        for start in range(1, STREAMS, _AT_ONCE):
            some = range(start, min(start + _AT_ONCE, STREAMS))
            streams += await asyncio.gather(*(begin(server.url, people[n // EACH]) for n in some))
        await all_hear(shop, streams)
        taken = (process.memory_info().rss - before) / 2**20
        assert taken < MOST_MIB
        for _, writer in streams:
            writer.transport.abort()


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def begin(url: str, person: Person) -> Stream:
    """An open stream, as raw bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    token = f"Authorization: Bearer {person.token}"
    writer.write(f"GET /api/v2/events HTTP/1.1\r\nHost: x\r\n{token}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await reader.readuntil(b"retry: ")
    return reader, writer


async def all_hear(shop: Shop, streams: list[Stream]) -> None:
    """Tell an event, and wait until each stream has heard it."""
    [row] = await shop.rows("SELECT gen_random_uuid()::text AS id")
    await shop.execute(_EVENT, row["id"])
    async with asyncio.timeout(300):
        for reader, _ in streams:
            await reader.readuntil(row["id"].encode())
