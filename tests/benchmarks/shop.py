"""PostgreSQL and Valkey for all measured servers, with the filled shop in them.

Both keep their data in `.tandem/bench`. A filled database there is the template. The first run
fills it (some minutes), and each run starts from a fresh copy of it (seconds).
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import redis

from api.local import embedded_servers
from persistence import migrate
from persistence.search.texts import TEXT_VERSION
from tests.benchmarks.data import FILL, FILL_SECONDS, fill

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / ".tandem" / "bench"
#: The measured server has these cores to itself; everything else runs on the others.
SERVER_CORES = {0}
#: Whether cores can be set: on Linux, with a second core. Computed before this process moves.
PINNED = hasattr(os, "sched_getaffinity") and os.sched_getaffinity(0) > SERVER_CORES


@dataclass(frozen=True)
class Shop:
    """The addresses and facts of the running shop."""

    folder: Path
    database_url: str
    redis_url: str
    #: fsync, synchronous_commit and the versions, as the servers report them.
    facts: dict[str, str]

    @property
    def sockets(self) -> str:
        """The folder of both servers' sockets."""
        return self.database_url.partition("host=")[2].partition("&")[0]

    @property
    def redis_path(self) -> str:
        """Redis's socket."""
        return self.redis_url.removeprefix("unix://")


@contextmanager
def opened() -> Iterator[Shop]:
    """Start durable servers with a fresh copy of the filled shop; stop them afterwards."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    # If this user is root, the servers run as another user, who must reach their folder.
    FOLDER.chmod(0o755)
    servers = embedded_servers.start(FOLDER)
    try:
        facts = asyncio.run(_copied(servers.database_url))
        client = redis.Redis.from_url(servers.redis_url, socket_timeout=5)
        client.flushall()
        info: dict[str, str] = client.info()
        facts["Valkey"] = str(info.get("valkey_version") or info["redis_version"])
        client.close()
        _keep_off(SERVER_CORES, [_postmaster(), int(info["process_id"])])
        yield Shop(FOLDER, servers.database_url, servers.redis_url, facts)
    finally:
        servers.stop()


async def _copied(database_url: str) -> dict[str, str]:
    """Copy the template to `tandem`, after filling the template if it is missing or old."""
    template = f"shop_{_fingerprint()}"
    admin = await asyncpg.connect(database_url, database="postgres", timeout=10)
    try:
        names = {row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")}
        if template not in names:
            print("Filling the shop; only the first run does this …", flush=True)
            for old in names:
                if old == "tandem" or old.startswith("shop_"):
                    await admin.execute(f'DROP DATABASE "{old}" (FORCE)', timeout=FILL_SECONDS)
            await admin.execute("CREATE DATABASE tandem")
            await asyncio.to_thread(migrate.upgrade, database_url)
            await fill(database_url)
            await admin.execute(f"ALTER DATABASE tandem RENAME TO {template}", timeout=FILL_SECONDS)
        for statement in (
            "DROP DATABASE IF EXISTS tandem (FORCE)",
            f"CREATE DATABASE tandem TEMPLATE {template} STRATEGY FILE_COPY",
            "CHECKPOINT",
        ):
            await admin.execute(statement, timeout=FILL_SECONDS)
        facts = {
            name: await admin.fetchval(f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "server_version", "shared_buffers")
        }
    finally:
        await admin.close(timeout=10)
    if (facts["fsync"], facts["synchronous_commit"]) != ("on", "on"):
        raise embedded_servers.EmbeddedError(
            "PostgreSQL must run with fsync and synchronous_commit on."
        )
    return {"PostgreSQL": facts.pop("server_version"), **facts}


def _fingerprint() -> str:
    """A hash of everything that the filled database depends on."""
    found = hashlib.sha256(f"{FILL}{TEXT_VERSION}".encode())
    for file in sorted((CHECKOUT / "persistence" / "migrations" / "versions").glob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()[:12]


def _postmaster() -> int:
    return int((FOLDER / "postgres" / "postmaster.pid").read_text().split()[0])


def _keep_off(cores: set[int], pids: list[int]) -> None:
    """Move this process and `pids`, with their children, off the measured server's cores."""
    if not PINNED:
        return
    others = os.sched_getaffinity(0) - cores
    for pid in pids:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            for thread in process.threads():
                os.sched_setaffinity(thread.id, others)
    os.sched_setaffinity(0, others)
