"""Server processes for tests.

Loading the application takes two seconds of CPU. Each test process loads it once, into a process
that then forks the servers: a server is a process of its own, and starts in a tenth of a second.
"""

import asyncio
import multiprocessing
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

from services.settings.settings import Settings

_START_SECONDS = 120
_STOP_SECONDS = 15

#: A machine that is busy with tests must not look like a server that is away or overloaded. A lock
#: is given up before its statement is.
PATIENT = {
    "TANDEM_CONNECT_SECONDS": "30",
    "TANDEM_KEY_WAIT_SECONDS": "20",
    "TANDEM_LOCK_SECONDS": "25",
    "TANDEM_POOL_WAIT_SECONDS": "30",
    "TANDEM_REDIS_SECONDS": "30",
}

CHECKOUT = Path(__file__).resolve().parent.parent

#: Forks processes from one that has loaded the application and its command.
forking = multiprocessing.get_context("forkserver")
forking.set_forkserver_preload(["tests.served"])


@dataclass(frozen=True)
class Server:
    """One server process on a loopback port."""

    url: str
    process: BaseProcess
    log: Path


def environment_of(settings: Settings | None, **more: str) -> dict[str, str]:
    """The environment of a process on the settings' database and Redis; embedded ones without."""
    environment = {**os.environ, "TANDEM_ENVIRONMENT": "test", "TANDEM_DRAIN_SECONDS": "0"}
    if settings is None:
        environment.pop("DATABASE_URL", None)
        environment.pop("REDIS_URL", None)
    else:
        environment["DATABASE_URL"] = settings.database_url
        environment["REDIS_URL"] = settings.redis_url
        environment["TANDEM_REDIS_PREFIX"] = settings.redis_prefix
        environment["TANDEM_FILES_URL"] = settings.files_url
    return environment | more


@contextmanager
def serving(
    settings: Settings, log: Path, clock: Path | None = None, /, **more: str
) -> Iterator[Server]:
    """A real server process over the same database, with a pool of its own.

    With a ``clock``, the server reads the time from that file.
    """
    from tests.served import serve

    # The socket listens before the process starts, so the first call waits and is not refused.
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        environment = environment_of(settings, **(PATIENT | more))
        arguments = (environment, str(log), listener, clock and str(clock))
        child = forking.Process(target=serve, args=arguments)
        child.start()
    try:
        httpx.get(f"{url}/health/live", timeout=_START_SECONDS)
        assert child.is_alive(), log.read_text()
        yield Server(url, child, log)
    finally:
        stop(child)


@asynccontextmanager
async def beside(made: AbstractContextManager[Server]) -> AsyncIterator[Server]:
    """A server that starts and ends while this event loop, which may have a gate, goes on."""
    server = await asyncio.to_thread(made.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)


def stop(child: BaseProcess) -> None:
    """End a process; kill it when it does not end in time."""
    child.terminate()
    child.join(_STOP_SECONDS)
    if child.is_alive():
        child.kill()
        child.join(5)
