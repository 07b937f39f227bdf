"""A server that gets three times as much as it can answer refuses the rest, and recovers."""

import asyncio
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from services.settings.settings import Settings
from tests.benchmarks.overload import TIMES, Free, closed_loop, open_loop, probe
from tests.servers import serving
from tests.shop import Person, Shop

_SECONDS = 60
_MOST_MIB = 64
_LEAST_IN_PROGRESS = 250


#: Each request has a document of its own, which is read and checked anew. So one client can send
#: three times as much as the server answers.
_DOCUMENT = """
{ orders%d: orders(first: 20) { nodes { total createdAt items { name quantity total
  product { name price category { name } } } customer { username } } } }
"""


def new_requests(user: Person) -> Iterator[bytes]:
    """Requests for somebody's orders, each another one."""
    for number in itertools.count():
        body = msgspec.json.encode({"query": _DOCUMENT % number})
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: tandem\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {user.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


@pytest.mark.soak
async def test_overload_is_refused_at_once_and_leaves_nothing_behind(
    shop: Shop, settings: Settings, tmp_path: Path
) -> None:
    user = await shop.person(balance="9000")
    product = await shop.product(stock=100)
    for _ in range(20):
        await shop.order(user, [(product.id, 1)])
    requests = new_requests(user)
    free: Free = []
    probes: list[float] = []
    with serving(settings, tmp_path / "server", TANDEM_QUOTA_FACTOR="1000000") as server:
        port, process = int(server.url.rpartition(":")[2]), psutil.Process(server.process.pid)
        peak = await closed_loop(port, requests, free, 10)
        before = process.memory_info().rss
        probing = asyncio.create_task(probe(port, probes))
        load = await open_loop(port, requests, free, TIMES * peak, _SECONDS)
        probing.cancel()
        after = await open_loop(port, requests, free, peak / 2, 5)
        grown = process.memory_info().rss - before
        for _, writer in free:
            writer.close()
    assert load.lost == 0
    assert set(load.statuses) == {200, 503}
    assert len(load.refused) > _LEAST_IN_PROGRESS
    assert load.statuses[200] > _SECONDS * peak / 4
    assert probes
    assert math.inf not in probes
    assert set(after.statuses) == {200}
    assert grown < _MOST_MIB << 20
