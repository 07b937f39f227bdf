"""Real PostgreSQL and Redis under every test, and the callers that tests speak for.

Without DATABASE_URL and REDIS_URL the embedded servers run in the run's own temporary folder,
shared by all its processes. Databases are copies of one migrated template; those of a run are
dropped at its end.
"""

import asyncio
import gc
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx
import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from persistence import migrate
from services.operation.context import Process, new_process
from services.settings import Environment, Settings
from tests.faces import DOORS, FACES, Door, door_named
from tests.shop import PASSWORD, Clock, Person, Shop

CHECKOUT = Path(__file__).resolve().parent.parent
_MIGRATIONS = CHECKOUT / "persistence" / "migrations" / "versions"
_TEMPLATE_LOCK = 7_426_331
_START_SECONDS = 60
_STOP_SECONDS = 15

# What tests import lives to the end: looking through it for garbage as often as usual takes an
# eighth of their time.
gc.set_threshold(200_000, 50, 1000)

# A shell that serves Tandem must not change what is tested, but for the paths that are taken.
_KEPT = ("TANDEM_FAST_PATHS", "TANDEM_TEST_PROCESSES", "TANDEM_VENV")
for _name in list(os.environ):
    if _name.startswith("TANDEM_") and _name not in _KEPT:
        del os.environ[_name]

# Examples are fresh on every run; nothing is kept in the checkout, no test has a time limit.
hypothesis.settings.register_profile("tandem", database=None, deadline=None)
hypothesis.settings.load_profile("tandem")


#: Files whose tests share something dear (servers, a run of all faults): one process runs them.
_TOGETHER = (
    "test_books.py",
    "test_dockerfile.py",
    "test_planted_faults.py",
    "test_races.py",
    "test_revocation.py",
)


#: Files whose tests take long, each by itself: begun last, one would be waited for alone.
_FIRST = (
    "test_machine.py",
    "test_compiled.py",
    "test_schemathesis.py",
    "test_tokens_rotation.py",
    "test_kills.py",
    "test_process.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    items.sort(key=lambda item: item.path.name not in _FIRST)


class _Apart(LoadScopeScheduling):
    """Every test goes to whichever process is free, but what is dear is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return file if file.endswith(_TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Apart | None:
    """Share the tests out among processes."""
    return _Apart(config, log) if config.getoption("dist") == "load" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests counted (`record_property("summary", …)`), passed or not."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            counted = dict(report.user_properties) if report.when == "call" else {}
            if "summary" in counted:
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(str(counted["summary"]))


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
        connection = await asyncpg.connect(self.database_url, timeout=10)
        try:
            yield connection
        finally:
            await connection.close(timeout=10)

    async def create(self, name: str) -> str:
        """A new migrated database; answers its address."""
        async with self.administer() as server:
            template = await self._template(server)
            await server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.database(name)

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        async with self.administer() as server:
            await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _template(self, server: asyncpg.Connection) -> str:
        """The database that all others are copied from, made by whoever comes first."""
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
            # A machine that is busy with tests is no Redis that is away.
            "redis_seconds": 30,
            "redis_prefix": urlsplit(database_url).path.strip("/") or "tandem-test",
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
    """The clock of `process`; what a test moves is put back after it."""
    clock = process.clock
    assert isinstance(clock, Clock)
    yield clock
    clock.__init__()
    # Budgets were spent in the time that the test moved to.
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
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
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


# A listening socket comes first, so that the first call waits instead of being refused; a server
# whose tests were killed ends with its stdin. On a busy machine tests pause for longer than
# uvicorn keeps an idle connection, and their clients would find it closed.
_SERVE = """
import gc, os, signal, socket, sys, threading
gc.disable()  # as `tandem` does while it loads
from datetime import datetime
from pathlib import Path
import uvicorn
listener = socket.create_server(("127.0.0.1", 0), backlog=512)
print(listener.getsockname()[1], flush=True)
import api.app
gc.enable()
def follow():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=follow, daemon=True).start()
def standing():
    from api.app import create_app
    from services.operation.context import new_process
    from services.settings import Settings
    clock = Path(sys.argv[1])
    return create_app(new_process(Settings(), lambda: datetime.fromisoformat(clock.read_text())))
config = uvicorn.Config(
    standing if sys.argv[1:] else "api.app:create_app", factory=True, lifespan="on",
    access_log=False, log_level="warning", http="httptools",
    timeout_graceful_shutdown=5, timeout_keep_alive=60, proxy_headers=False,
)
uvicorn.Server(config).run(sockets=[listener])
"""


@dataclass(frozen=True)
class Server:
    """One server process on a loopback port."""

    url: str
    process: "subprocess.Popen[str]"
    log: Path


@contextmanager
def serving(
    settings: Settings, log: Path, clock: Path | None = None, /, **more: str
) -> Iterator[Server]:
    """A real server process over the same database, with a pool of its own.

    With a ``clock`` the time stands as that file says.
    """
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TANDEM_REDIS_PREFIX": settings.redis_prefix,
        "TANDEM_ENVIRONMENT": "test",
        **more,
    }
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", _SERVE, *([str(clock)] if clock else [])],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    assert child.stdin
    assert child.stdout
    try:
        port = child.stdout.readline().strip()
        assert port, log.read_text()
        drain = threading.Thread(target=child.stdout.read, daemon=True)
        drain.start()
        url = f"http://127.0.0.1:{port}"
        httpx.get(f"{url}/health/live", timeout=_START_SECONDS)
        assert child.poll() is None, log.read_text()
        yield Server(url, child, log)
    finally:
        child.stdin.close()
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)
        child.stdout.close()


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
