"""What works take: counted, not timed, so a slower way shows on any machine.

Statements are PostgreSQL's as a request tallies them, calls to Redis those that Redis saw, calls of
functions those of Python's profiler. Garbage is what only the collector frees.

Where a change makes a work shorter, lower its bounds here; where one makes it longer, that is to be
worth it. `./scripts/bench` tells what it means in time.
"""

import asyncio
import cProfile
import gc
import json
import pstats
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from redis.asyncio import Redis

from api.app import create_app
from api.cli.loading import loading
from services.process import Process, new_process
from services.settings.settings import Settings
from tests.benchmarks.works import W3_FIELDS, W4_QUERY, W5_QUERY
from tests.conftest import running
from tests.shop import Person, Shop, unique

#: How often a work is asked for before and while it is counted.
WARM, COUNTED = 5, 20
#: How often calls of functions are counted. The least counts: what a process does by itself in
#: between, such as looking for revocations, is no part of the work.
ROUNDS = 5


@dataclass(frozen=True)
class Request:
    """One request, as a server hands it to the application."""

    method: str
    path: str
    query: str = ""
    caller: Person | None = None
    body: Any = None

    @property
    def scope(self) -> dict[str, Any]:
        """ASGI's."""
        headers = [(b"host", b"test"), (b"accept", b"application/json")]
        if self.caller is not None:
            headers.append((b"authorization", self.caller.headers["Authorization"].encode()))
        if self.body is not None:
            headers.append((b"content-type", b"application/json"))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "http",
            "method": self.method,
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 50_000),
            "server": ("test", 80),
            "state": {},
        }


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def statements(self) -> int:
        """How many statements it took, as the server tells."""
        told = re.search(r'desc="(\d+) statements?"', self.headers["server-timing"])
        assert told
        return int(told[1])


Ask = Callable[[Request], Awaitable[Answer]]


class Counted(NamedTuple):
    """What an answer takes: statements, and of the others the mean of some answers."""

    statements: int
    redis: float
    calls: float
    garbage: float


async def ask(app: Any, request: Request) -> Answer:
    """Call an application as a server does."""
    content = b"" if request.body is None else json.dumps(request.body).encode()
    inbox = [{"type": "http.request", "body": content, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not inbox:
            await asyncio.Event().wait()
        return inbox.pop()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(request.scope, receive, send)
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], headers, body)


async def counted(app: Any, process: Process, request: Request) -> Counted:
    """What an answer takes, when it is not the first of its kind."""
    answers = [await ask(app, request) for _ in range(WARM)]
    assert all(200 <= answer.status < 300 for answer in answers), answers[-1]
    async with commands(process) as seen:
        for _ in range(COUNTED):
            await ask(app, request)
    gc.collect()
    gc.disable()
    try:
        calls = [await _calls(app, request) for _ in range(ROUNDS)]
        garbage = gc.collect()
    finally:
        gc.enable()
    return Counted(
        # One more reads the session, when the process has not looked for revocations lately.
        min(answer.statements for answer in answers),
        len(seen) / COUNTED,
        min(calls),
        garbage / COUNTED,
    )


async def _calls(app: Any, request: Request) -> float:
    """Calls of Python functions that an answer is made by: the mean of a few."""
    few = COUNTED // ROUNDS
    with cProfile.Profile() as profile:
        for _ in range(few):
            await ask(app, request)
    return _own_calls(profile) / few


#: What calls depend on otherwise: when answers come, how tests show logs, and this file.
_OTHERS = ("/asyncio/", "/selectors.py", "/_weakrefset.py", "/structlog/", __file__)


def _own_calls(profile: cProfile.Profile) -> int:
    """Calls of Python functions but those of `_OTHERS`."""
    stats: dict[tuple[str, int, str], Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    return sum(
        calls
        for (file, _, _), (_, calls, *_) in stats.items()
        if file != "~" and not any(other in file for other in _OTHERS)
    )


@asynccontextmanager
async def commands(process: Process) -> AsyncIterator[list[str]]:
    """The commands that Redis gets of this installation meanwhile."""
    settings = process.settings
    watch = Redis.from_url(settings.redis_url)
    seen: list[str] = []
    end = unique("end")
    try:
        async with watch.monitor() as monitor:

            async def follow() -> None:
                while True:
                    shown = await monitor.next_command()
                    if end in shown["command"]:
                        return
                    # What a script does is shown as well.
                    if settings.redis_prefix in shown["command"] and shown["client_type"] != "lua":
                        seen.append(shown["command"])

            following = asyncio.create_task(follow())
            yield seen
            await process.redis.echo(end)
            await asyncio.wait_for(following, 60)
    finally:
        await watch.aclose()


@pytest.fixture(scope="module")
async def works(shop: Shop) -> dict[str, Request]:
    """The works, on a shop of this test's own."""
    buyer = await shop.person(balance="100000.00")
    shelves = [await shop.category() for _ in range(5)]
    products = [
        await shop.product("1.00", stock=10_000, categoryId=shelves[place % 5])
        for place in range(25)
    ]
    for place in range(20):
        picked = [products[(place + step) % 25] for step in range(3)]
        await shop.order(buyer, [(product.id, 1) for product in picked])
    [slug] = [
        row["slug"]
        for row in await shop.rows(f"SELECT slug FROM categories WHERE id = '{shelves[0]}'")
    ]
    lines = [{"productId": product.id, "quantity": 1} for product in products[:3]]
    listed = f"category={slug}&first=20&fields={W3_FIELDS}"
    fifth = {"query": W5_QUERY, "variables": {"category": slug}}
    product = Request("GET", f"/api/v2/products/{products[0].id}")
    return {
        "W1": product,
        "W2": product,
        "W3": Request("GET", "/api/v2/products", listed),
        "W4": Request("POST", "/graphql", caller=buyer, body={"query": W4_QUERY}),
        "W5": Request("POST", "/graphql", body=fifth),
        "W6": Request("POST", "/api/v2/orders", caller=buyer, body={"lines": lines}),
    }


@pytest.fixture(scope="module")
async def uncached(settings: Settings) -> AsyncIterator[tuple[Any, Process]]:
    """An application on its fast paths, with the cache off."""
    async with application(settings, fast_paths=True, cache_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
async def cached(settings: Settings) -> AsyncIterator[tuple[Any, Process]]:
    """An application on its fast paths, with the cache on."""
    async with application(settings, fast_paths=True, cache_seconds=60) as running:
        yield running


@asynccontextmanager
async def application(settings: Settings, **changes: Any) -> AsyncIterator[tuple[Any, Process]]:
    """An application of its own, over the database of `shop`."""
    process = new_process(settings.model_copy(update=changes))
    async with running(create_app(process)) as app:
        yield app, process


#: The most that each work may take: statements, calls to Redis, and calls of functions.
#: The last limit lies between the fast and the readable way: W1 240 and 410, W2 180 and 360,
#: W3 330 and 480, W4 590 and 21,600, W5 340 and 2,280, W6 560 and 1,090.
MOST = {
    "W1": (1, 1, 310),
    "W2": (0, 2, 250),
    "W3": (1, 1, 400),
    "W4": (2, 1, 900),
    "W5": (1, 1, 500),
    "W6": (4, 1, 750),
}


@pytest.mark.parametrize("name", MOST)
async def test_a_work_takes_no_more_than_it_did(
    uncached: tuple[Any, Process],
    cached: tuple[Any, Process],
    works: dict[str, Request],
    name: str,
) -> None:
    app, process = cached if name == "W2" else uncached
    took = await counted(app, process, works[name])
    statements, redis, calls = MOST[name]
    assert took.statements <= statements
    assert took.redis <= redis
    assert took.calls <= calls
    # Objects that refer to each other in circles wait for the collector, which stops everybody.
    assert took.garbage < 1


def test_garbage_is_looked_for_again_after_loading_whatever_came_of_it() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    with suppress(ImportError), loading():
        raise ImportError
    assert gc.isenabled()


#: Turns of seven requests: what fills every cache that is bounded, and a flood.
FILLED, FLOOD = 600, 6_000


@pytest.mark.soak
async def test_a_flood_leaves_nothing_behind(
    cached: tuple[Any, Process], works: dict[str, Request]
) -> None:
    """Tens of thousands of requests, each seventh with a document that nobody sent before."""
    app, _ = cached
    reads = [works[name] for name in ("W1", "W3", "W4", "W5")]
    await flood(app, reads, FILLED)
    tasks, objects = len(asyncio.all_tasks()), held()
    await flood(app, reads, FLOOD)
    assert len(asyncio.all_tasks()) <= tasks
    # One object a request would be six times as many.
    assert held() - objects < FLOOD


async def flood(app: Any, reads: list[Request], turns: int) -> None:
    """Ask for these reads and for what is refused, seven requests at one moment."""
    for _ in range(turns):
        new = {"query": f"{{ {unique('it')}: products(first: 1) {{ totalCount }} }}"}
        others = [
            Request("POST", "/graphql", body=new),
            Request("GET", "/api/v2/products/none"),
            Request("GET", f"/api/v1/{unique('nowhere')}"),
        ]
        answers = await asyncio.gather(*(ask(app, request) for request in (*reads, *others)))
        assert [answer.status for answer in answers][:5] == [200] * 5, answers
        assert all(400 <= answer.status < 500 for answer in answers[5:]), answers


def held() -> int:
    """The objects that are not garbage."""
    gc.collect()
    return len(gc.get_objects())
