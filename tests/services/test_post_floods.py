"""Posts under floods and kills: no like is lost, and views cost readers and authors nothing."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest

from services.settings.settings import Settings
from tests.faces import FACES, Door, Service
from tests.servers import Server, serving
from tests.shop import Person, Shop
from tests.worker.work import eventually

#: The server believes addresses that loopback tells, so each reader is another one. It refuses
#: nobody because the machine is slow.
TRUSTED = {
    "TANDEM_TRUSTED_PROXIES": "127.0.0.0/8",
    "TANDEM_POOL_WAIT_SECONDS": "60",
    "TANDEM_REDIS_SECONDS": "30",
}
#: Reads of the flood by depth of the run.
READS = (1_000, 5_000, 30_000)
CONNECTIONS = 32


async def views(shop: Shop, post_id: str) -> int:
    return await shop.value("SELECT views FROM post_views WHERE post_id = $1", post_id)


@asynccontextmanager
async def readers(server: Server) -> AsyncIterator["Readers"]:
    """Readers of a server, each with an address of its own."""
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=60) as client:
        yield Readers(client)


class Readers:
    """Reads posts, each time as somebody else."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._addresses = itertools.count(int(ip_address("100.64.0.1")))

    async def read(self, post_id: str, count: int) -> list[int]:
        """Read a post so often; answers the statuses."""
        left = iter(range(count))

        async def some() -> list[int]:
            return [await self._once(post_id) for _ in left]

        found = await asyncio.gather(*(some() for _ in range(CONNECTIONS)))
        return [status for statuses in found for status in statuses]

    async def _once(self, post_id: str) -> int:
        address = str(ip_address(next(self._addresses)))
        headers = {"X-Forwarded-For": address}
        answer = await self._client.get(f"/api/v2/posts/{post_id}", headers=headers)
        return answer.status_code


async def test_a_flood_of_views_writes_together_and_meets_no_author(
    shop: Shop, settings: Settings, user: Person, tmp_path: Path, depth: int
) -> None:
    post = await shop.post(user)
    other = await shop.post(user)
    count, door, waits, edits = READS[depth], Service(shop), 0, 0
    updates = "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'post_views'"
    # Waits for a row are waits for its transaction; a table's file grows for all who write.
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' AND wait_event IN ('transactionid', 'tuple')"
    )
    with serving(settings, tmp_path / "server", **TRUSTED) as server:
        async with readers(server) as crowd:
            before, began = await settled(shop, updates), time.monotonic()
            flood = asyncio.create_task(crowd.read(post.id, count))
            while not flood.done():
                values = {"id": post.id, "tags": [f"edit {edits}"]}
                edited = await door.call("posts.update", values, caller=user)
                assert edited.error is None
                edits += 1
                waits += await shop.value(waiting)
                await asyncio.sleep(0.05)
            assert set(flood.result()) == {200}

            async def all_counted() -> bool:
                return await views(shop, post.id) == count

            await eventually(all_counted)
            seconds = time.monotonic() - began

            async def told() -> bool:
                return await shop.value(updates) > before

            # A process of PostgreSQL may keep its counts to itself for ten seconds.
            await eventually(told)
            written = await settled(shop, updates) - before
    assert edits > 1
    assert waits == 0
    # Each process writes once a second at most; one row is written, however many readers came. The
    # rows of the two new posts may be told late.
    assert 1 <= written <= seconds + 4
    assert await views(shop, other.id) == 0


async def settled(shop: Shop, counter: str) -> int:
    """A counter of PostgreSQL's statistics, once its processes have told theirs."""
    last = -1
    while True:
        await shop.execute("SELECT pg_stat_force_next_flush()")
        found = await shop.value(counter)
        if found == last:
            return found
        last = found
        await asyncio.sleep(1.2)


async def test_a_killed_server_loses_the_last_views_and_no_like(
    shop: Shop, settings: Settings, user: Person, tmp_path: Path
) -> None:
    post = await shop.post(user)
    fans = [await shop.person() for _ in range(5)]
    with serving(settings, tmp_path / "first", **TRUSTED) as server:
        async with readers(server) as crowd:
            await crowd.read(post.id, 40)

            async def written() -> bool:
                return await views(shop, post.id) == 40

            await eventually(written)
            await crowd.read(post.id, 20)
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
                for fan in fans:
                    answer = await client.put(f"/api/v2/posts/{post.id}/like", headers=fan.headers)
                    assert answer.status_code == 200
            server.process.kill()
            server.process.join()
    assert 40 <= await views(shop, post.id) <= 60
    likes = "SELECT count(*) FROM post_likes WHERE post_id = $1"
    assert await shop.value(likes, post.id) == len(fans)


@pytest.mark.thorough
async def test_five_hundred_people_like_one_post_at_one_moment(
    faces: dict[str, Door], shop: Shop, user: Person
) -> None:
    post = await shop.post(user)
    people = [await shop.person() for _ in range(500)]
    doors = itertools.cycle(faces[name] for name in FACES)

    async def like(door: Door, person: Person) -> None:
        # A slow machine refuses some at once; they ask again, as the error tells them to.
        while (
            code := (await door.call("posts.like", {"id": post.id}, caller=person)).code
        ) != "OK":
            assert code == "UNAVAILABLE"
            await asyncio.sleep(1)

    await asyncio.gather(*(like(next(doors), person) for person in people))
    shown = await faces["v2"].call("posts.get", {"id": post.id})
    assert shown.ok["likes"] == 500
