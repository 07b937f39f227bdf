"""Servers restarted in turn behind a balancer lose no request, and processes that die come back."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from api.app import create_app
from api.cli import http_server
from tests.balancing import DRAIN_SECONDS, PRODUCTS, Balancer, Site
from tests.commands import Child, running
from tests.shop import Person, Shop
from tests.worker.test_process import answering, ended
from tests.worker.work import eventually, free_port, waiting_for_locks

RATE = 200
#: More would overload a server on a slow machine.
MOST_AT_ONCE = 20
RESTARTS = 3
#: Requests by depth of the run; the usual one has a single restart.
REQUESTS = (0, 5_000, 20_000)


@pytest.fixture(params=["1", "2"])
async def site(shop: Shop, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """Two running servers, of one process each and of two."""
    site = Site(shop.process.settings, tmp_path, request.param)
    try:
        for port in site.ports:
            await site.start(port)
        yield site
    finally:
        await site.kill()


@pytest.mark.thorough
async def test_servers_restarted_in_turn_lose_no_request(
    site: Site, shop: Shop, depth: int
) -> None:
    ada = await shop.person()
    balancer = Balancer(site.ports)
    looking = asyncio.create_task(balancer.look())
    await balancer.ready(2)
    stopping = asyncio.Event()

    async def traffic() -> None:
        sending: set[asyncio.Task[None]] = set()
        while not stopping.is_set() or balancer.sent < REQUESTS[depth]:
            task = asyncio.create_task(balancer.send(PRODUCTS))
            sending.add(task)
            task.add_done_callback(sending.discard)
            while len(sending) >= MOST_AT_ONCE:
                await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(1 / RATE)
        await asyncio.gather(*sending)

    load = asyncio.create_task(traffic())
    for number in range(RESTARTS):
        for port in site.ports:
            slow = number == 1 and port == site.ports[0]
            async with AsyncExitStack() as stack:
                if slow:
                    await stack.enter_async_context(slow_request(shop, ada, port))
                await site.stop(port)
            await site.start(port)
            await balancer.ready(2)
    stopping.set()
    await load
    looking.cancel()
    assert balancer.failed == []
    assert balancer.sent >= REQUESTS[depth]


@asynccontextmanager
async def slow_request(shop: Shop, person: Person, port: int) -> AsyncIterator[None]:
    """A write runs beside the block, waits for a lock until the drain is over, and is answered."""
    lock = await asyncpg.connect(shop.process.settings.database_url)
    await lock.execute("BEGIN")
    await lock.execute("SELECT id FROM users WHERE id = $1 FOR UPDATE", person.id)

    async def release() -> None:
        await asyncio.sleep(DRAIN_SECONDS + 0.5)
        await lock.close()

    async with httpx.AsyncClient(timeout=60, base_url=f"http://127.0.0.1:{port}") as client:
        changed = {"fullName": "Ada the Slow"}
        asked = asyncio.create_task(
            client.patch("/api/v2/me", json=changed, headers=person.headers)
        )
        await wait_for_locks(shop, 1)
        released = asyncio.create_task(release())
        yield
        answer = await asked
        await released
    assert answer.status_code == 200, answer.text
    assert answer.headers["connection"] == "close"


async def wait_for_locks(shop: Shop, count: int) -> None:
    """Wait until so many statements wait for a lock."""

    async def wait() -> bool:
        return await waiting_for_locks(shop) >= count

    await eventually(wait)


async def draining(client: httpx.AsyncClient) -> bool:
    """Does a server say that it stops?"""
    return (await client.get("/health/ready")).status_code == 503


async def test_a_server_says_that_it_stops_and_goes_on_answering(
    shop: Shop, tmp_path: Path
) -> None:
    port = free_port()
    words = ["serve", "--no-demo", "--no-worker", "--port", str(port)]
    settings = shop.process.settings
    with running(tmp_path / "log", settings, *words, TANDEM_DRAIN_SECONDS="12") as server:
        url = f"http://127.0.0.1:{port}"
        await answering(url)
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            ahead = await client.get("/api/v2/products?first=1")
            assert "connection" not in ahead.headers
            server.send_signal(signal.SIGTERM)
            await eventually(lambda: draining(client))
            assert (await client.get("/health/live")).status_code == 200
            for path in ("/api/v2/products?first=1", "/graphql?query={__typename}"):
                answer = await client.get(path)
                assert (answer.status_code, answer.headers["connection"]) == (200, "close")
            assert await ended(server) == 0
            with pytest.raises(httpx.ConnectError):
                await client.get("/health/live")
        assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.thorough)])
async def test_a_second_signal_ends_a_server_at_once_and_quietly(
    shop: Shop, tmp_path: Path, workers: str
) -> None:
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--no-demo", "--port", str(port), "--workers", workers]
    settings = shop.process.settings
    with running(log, settings, *words, TANDEM_DRAIN_SECONDS="600") as server:
        url = f"http://127.0.0.1:{port}"
        await answering(url)
        server.send_signal(signal.SIGTERM)
        # A signal that comes before the first one was seen would be the same to the process.
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await eventually(lambda: draining(client))
        await asyncio.sleep(1)
        assert server.poll() is None
        server.send_signal(signal.SIGTERM)
        assert await ended(server) == 0, log.read_text()
    print(log.read_text())
    assert "Traceback" not in log.read_text()


async def test_a_request_that_the_end_cuts_off_is_told_so(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole drain is short here; in a server it is `FINISH_SECONDS`."""
    monkeypatch.setattr(http_server, "FINISH_SECONDS", 1)
    ada, settings = await shop.person(), shop.process.settings
    app = create_app(shop.process)
    listener = socket.create_server(("127.0.0.1", 0))
    server = http_server.HttpServer(
        http_server.server_config(lambda: app, settings, lifespan="off"), 0
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    lock = await asyncpg.connect(settings.database_url)
    await lock.execute("BEGIN")
    await lock.execute("SELECT id FROM users WHERE id = $1 FOR UPDATE", ada.id)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        asked = [
            asyncio.create_task(
                client.patch(f"{base}/me", json={"fullName": "Ada"}, headers=ada.headers)
            )
            for base in ("/api/v1", "/api/v2")
        ]
        await wait_for_locks(shop, 2)
        server.should_exit = True
        answers = await asyncio.gather(*asked)
    await serving
    await lock.close()
    for answer in answers:
        assert (answer.status_code, answer.headers["connection"]) == (503, "close")
        assert "UNAVAILABLE" in answer.text
        assert answer.headers["retry-after"]


@pytest.mark.thorough
async def test_a_server_process_that_ends_is_started_again(shop: Shop, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--no-demo", "--no-worker", "--port", str(port), "--workers", "2"]
    with running(log, shop.process.settings, *words) as server:
        await answering(f"http://127.0.0.1:{port}")
        first = await _both(server)
        os.kill(min(first), signal.SIGKILL)

        async def replaced() -> bool:
            return len(await _serving(server)) == 2 and await _serving(server) != first

        await eventually(replaced)
        await answering(f"http://127.0.0.1:{port}")
        server.send_signal(signal.SIGTERM)
        assert await ended(server) == 0
    assert "server process ended, is started again" in log.read_text()


@pytest.mark.thorough
async def test_a_server_process_above_its_memory_is_replaced_and_no_request_fails(
    shop: Shop, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--no-demo", "--no-worker", "--port", str(port), "--workers", "2"]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        with running(log, shop.process.settings, *words, TANDEM_WORKER_MIB="20") as server:
            await answering(f"http://127.0.0.1:{port}")
            first = await _both(server)

            async def replaced() -> bool:
                answer = await client.get("/api/v2/products?first=1")
                assert answer.status_code == 200
                return not first & await _serving(server)

            await eventually(replaced, 300)  # one after the other: each has to start
            server.send_signal(signal.SIGINT)
            assert await ended(server) == 0
    assert "server process is replaced" in log.read_text()


async def _serving(server: Child) -> set[int]:
    """The server processes below a command."""
    found = set()
    for child in psutil.Process(server.pid).children():
        with suppress(psutil.NoSuchProcess):  # it may be ending right now
            if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline()):
                found.add(child.pid)
    return found


async def _both(server: Child) -> set[int]:
    """The two server processes below a command, once both are there."""

    async def there() -> set[int] | None:
        return found if len(found := await _serving(server)) == 2 else None

    return await eventually(there)
