"""Real PostgreSQL and Redis under every test, and the callers that tests speak for.

Without DATABASE_URL and REDIS_URL the embedded servers run in the run's own temporary folder,
shared by all its processes. Databases are copies of one migrated template; those of a run are
dropped at its end.
"""

import asyncio
import gc
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest

from persistence import migrate
from services.process import Process, new_process
from services.settings.settings import Environment, Settings
from tests.exchanges import http_client, transport_to
from tests.faces import DOORS, FACES, Door, door_named
from tests.servers import CHECKOUT, Server, serving
from tests.shop import PASSWORD, Clock, Person, Shop
from tests.suite import (  # noqa: F401 - pytest finds its hooks here
    depth,
    own_chance,
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_report_header,
    pytest_runtest_makereport,
    pytest_terminal_summary,
    pytest_testnodedown,
    pytest_xdist_make_scheduler,
)

#: The store of files of this process; it is deleted with the process.
_FILES = TemporaryDirectory(prefix="tandem-files-")
_MIGRATIONS = CHECKOUT / "persistence" / "migrations" / "versions"
_TEMPLATE_LOCK = 7_426_331
_START_SECONDS = 60
_STOP_SECONDS = 60

# Imported modules live to the end. Python's default would search them for garbage so often that it
# takes an eighth of the tests' time.
gc.set_threshold(200_000, 50, 1000)

# The settings of a shell that serves Tandem must not change the tests, except for the names kept.
_KEPT = (
    "TANDEM_FAST_PATHS",
    "TANDEM_TEST_PROCESSES",
    "TANDEM_TEST_SEED",
    "TANDEM_TEST_SEED_DRAWN",
    "TANDEM_VENV",
)
for _name in list(os.environ):
    if _name.startswith("TANDEM_") and _name not in _KEPT:
        del os.environ[_name]


@dataclass(frozen=True)
class Addresses:
    """The PostgreSQL and Redis that this run's tests use."""

    database_url: str
    redis_url: str

    def database(self, name: str) -> str:
        """The address of another database on the same server."""
        return urlunsplit(urlsplit(self.database_url)._replace(path=f"/{name}"))

    @asynccontextmanager
    async def administer(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that may make and drop databases."""
        connection = await asyncpg.connect(self.database_url, timeout=60)
        try:
            yield connection
        finally:
            await connection.close(timeout=60)

    async def create(self, name: str) -> str:
        """A new migrated database; answers its address."""
        async with self.administer() as server:
            template = await self._template(server)
            await server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.database(name)

    async def drop(self, name: str) -> None:
        """Drop a database and its connections."""
        async with self.administer() as server:
            await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _template(self, server: asyncpg.Connection) -> str:
        """The database that all others are copied from; the first process makes it."""
        digest = hashlib.sha256()
        for file in sorted(_MIGRATIONS.glob("*.py")):
            digest.update(file.read_bytes())
        name = f"tandem_template_{digest.hexdigest()[:12]}"
        await server.execute("SELECT pg_advisory_lock($1)", _TEMPLATE_LOCK)
        try:
            known = "SELECT 1 FROM pg_database WHERE datname = $1"
            if await server.fetchval(known, name) is None:
                half = f"{name}_new"
                await server.execute(f"DROP DATABASE IF EXISTS {half} WITH (FORCE)")
                await server.execute(f"CREATE DATABASE {half}")
                await asyncio.to_thread(migrate.upgrade, self.database(half))
                await server.execute(f"ALTER DATABASE {half} RENAME TO {name}")
        finally:
            await server.execute("SELECT pg_advisory_unlock($1)", _TEMPLATE_LOCK)
        return name


@pytest.fixture(scope="session")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """PostgreSQL and Redis: those of the environment, else embedded ones."""
    database, redis = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if database and redis:
        yield Addresses(database, redis)
        return
    from api.local import embedded_servers

    base = tmp_path_factory.getbasetemp()
    # Every xdist worker has a folder of its own inside the run's.
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    servers = embedded_servers.start(
        run / "servers", durable=False, postgres=database is None, valkey=redis is None
    )
    yield Addresses(database or servers.database_url, redis or servers.redis_url)
    servers.stop()


@pytest.fixture(scope="session")
async def database_url(addresses: Addresses) -> AsyncIterator[str]:
    """A database of this test process alone."""
    name = f"tandem_test_{uuid4().hex[:12]}"
    yield await addresses.create(name)
    await addresses.drop(name)


@pytest.fixture
async def fresh_database(addresses: Addresses) -> AsyncIterator[str]:
    """A migrated database of this test alone."""
    name = f"tandem_fresh_{uuid4().hex[:12]}"
    yield await addresses.create(name)
    await addresses.drop(name)


def settings_for(database_url: str, redis_url: str, **more: Any) -> Settings:
    """Settings of tests: nothing read from a file."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        environment=Environment.TEST,
        database_url=database_url,
        redis_url=redis_url,
        **{
            "pool_min": 2,
            # A machine that is busy with tests must not look like a Redis that is away, nor like a
            # database that is overloaded. A lock is given up before its statement is.
            "redis_seconds": 30,
            "pool_wait_seconds": 30,
            "connect_seconds": 30,
            "lock_seconds": 25,
            "key_wait_seconds": 20,
            # Reads change nothing by themselves: a test of views writes them.
            "views_seconds": 3600,
            "files_url": f"file:{_FILES.name}",
            "redis_prefix": urlsplit(database_url).path.strip("/") or "tandem-test",
            # Transactions that hold a lock until something is so may stand idle as long as that.
            "idle_transaction_seconds": 90,
            # No line of a slow machine's among those that a test reads.
            "slow_statement_seconds": 60,
            **more,
        },
    )


@pytest.fixture(scope="session")
def settings(database_url: str, addresses: Addresses) -> Settings:
    """The settings of `process`."""
    return settings_for(database_url, addresses.redis_url)


@pytest.fixture(scope="session")
async def process(settings: Settings) -> AsyncIterator[Process]:
    """Everything operations need, on this test process's database, with a clock that can move."""
    process = new_process(settings, Clock())
    await process.open()
    yield process
    await process.close()


@pytest.fixture
async def clock(process: Process) -> AsyncIterator[Clock]:
    """The clock of `process`; it is put back after the test."""
    clock = process.clock
    assert isinstance(clock, Clock)
    yield clock
    clock.__init__()
    # The test spent budgets at another time.
    async for key in process.redis.scan_iter(f"{process.settings.redis_prefix}:quota:*"):
        await process.redis.delete(key)


@pytest.fixture(scope="session")
async def password_hash(process: Process) -> str:
    """The hash of `PASSWORD`, computed once: it takes long on purpose."""
    return await process.passwords.hash(PASSWORD)


@pytest.fixture(scope="session")
def shop(process: Process, password_hash: str) -> Shop:
    """Builds what tests need in the database of `process`."""
    return Shop(process, password_hash)


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[Any]:
    """An ASGI app between its lifespan's startup and shutdown."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    life = asyncio.create_task(app(scope, inbox.get, outbox.put))

    async def step(name: str) -> None:
        await inbox.put({"type": f"lifespan.{name}"})
        answer = asyncio.create_task(outbox.get())
        await asyncio.wait({answer, life}, return_when="FIRST_COMPLETED", timeout=_START_SECONDS)
        if not answer.done():
            answer.cancel()
            if life.done():  # an app without a lifespan, or one that failed
                life.result()
                return
            raise TimeoutError(name)
        assert answer.result()["type"] == f"lifespan.{name}.complete", answer.result()

    await step("startup")
    try:
        yield app
    finally:
        await step("shutdown")
        await asyncio.wait_for(life, _STOP_SECONDS)


@asynccontextmanager
async def client_of(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client that calls an ASGI app directly."""
    transport = transport_to(app)
    async with http_client(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture(scope="session")
async def app(process: Process) -> AsyncIterator[Any]:
    """The whole application over `process`, running."""
    from api.app import create_app

    async with running(create_app(process)) as app:
        yield app


@pytest.fixture(scope="session")
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP calls to `app`, without a socket."""
    async with client_of(app) as client:
        yield client


@pytest.fixture
def anonymous() -> None:
    """Nobody: no token."""
    return


@pytest.fixture
async def user(shop: Shop) -> Person:
    """A customer."""
    return await shop.person("USER")


@pytest.fixture
async def other_user(shop: Shop) -> Person:
    """Another customer."""
    return await shop.person("USER")


@pytest.fixture
async def moderator(shop: Shop) -> Person:
    """A moderator."""
    return await shop.person("MODERATOR")


@pytest.fixture
async def manager(shop: Shop) -> Person:
    """A manager."""
    return await shop.person("MANAGER")


@pytest.fixture
async def admin(shop: Shop) -> Person:
    """An admin."""
    return await shop.person("ADMIN")


@pytest.fixture(scope="session")
def server(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server process on the same database as `process`."""
    with serving(settings, tmp_path_factory.mktemp("server") / "first.log") as server:
        yield server


@pytest.fixture(scope="session")
def two_servers(
    server: Server, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Two server processes on the same database."""
    with serving(settings, tmp_path_factory.mktemp("server") / "second.log") as second:
        yield server, second


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, shop: Shop) -> Door:
    """Every way in, one after the other; a behaviour holds on all of them."""
    name = request.param
    client = None if name == "direct" else request.getfixturevalue("client")
    return door_named(name, shop, client)


@pytest.fixture
def faces(shop: Shop, client: httpx.AsyncClient) -> dict[str, Door]:
    """GraphQL, v1 and v2 over `app`, by name."""
    return {name: door_named(name, shop, client) for name in FACES}
