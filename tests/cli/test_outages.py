"""A server that is away is told in one line, once, and once when it is back."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.settings.settings import Settings
from tests import commands
from tests.cli.test_create_admin import tandem
from tests.gates import Gate
from tests.servers import Server, beside, serving
from tests.streams import SECONDS
from tests.worker.work import eventually, free_port

NOWHERE = "postgresql://nobody:secret@127.0.0.1:1/none"


@asynccontextmanager
async def calling(made: AbstractContextManager[Server]) -> AsyncIterator[httpx.AsyncClient]:
    """Calls to a server while it stands."""
    async with (
        beside(made) as server,
        httpx.AsyncClient(base_url=server.url, timeout=SECONDS) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("REDIS_URL", "http://127.0.0.1:1", "REDIS_URL is not right: it must specify"),
        ("DATABASE_URL", "http://127.0.0.1:1", "DATABASE_URL is not right: it must begin with"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_wrong_address_is_one_sentence(
    settings: Settings, command: str, name: str, address: str, said: str
) -> None:
    words = [command, "--port", str(free_port())] if command == "serve" else [command]
    status, told = await commands.tandem(settings, *words, **{name: address})
    assert status == 1
    assert told.startswith(f"tandem: The settings are not valid: {said}")
    assert told.count("\n") == 1


async def test_a_worker_without_a_database_says_so_once(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with commands.running(log, settings, "worker", DATABASE_URL=NOWHERE) as worker:
        await _told(log, "PostgreSQL cannot be reached")
        await asyncio.sleep(2)  # it goes on trying
        worker.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(worker.wait, SECONDS) == 0
    events = [line["event"] for line in _lines(log)]
    assert events == ["worker started", "PostgreSQL cannot be reached", "worker stopped"]
    line = _lines(log)[1]
    assert (line["place"], line["reason"]) == ("127.0.0.1:1/none", "connection refused")


@pytest.mark.parametrize("fast", ["true", "false"])
async def test_a_server_tells_once_that_postgresql_is_away_and_back(
    settings: Settings, tmp_path: Path, fast: str
) -> None:
    log = tmp_path / "log"
    async with Gate(settings.database_url).standing() as gate:
        through = settings.model_copy(update={"database_url": gate.database_url})
        async with calling(serving(through, log, TANDEM_FAST_PATHS=fast)) as client:
            assert (await client.get("/api/v2/categories")).status_code == 200
            gate.cut()
            for path in ("/health", "/api/v2/orders", "/metrics", "/health/ready"):
                await client.get(path)
            await asyncio.sleep(2)  # the periodic tasks go on trying
            await client.get("/health")
            await _told(log, "PostgreSQL cannot be reached")
            await gate.mend()
            await _told(log, "PostgreSQL is back")
            assert (await client.get("/api/v2/categories?first=3")).status_code == 200
    events = [line["event"] for line in _lines(log) if line["level"] != "info"]
    # Each request has its line, and a busy machine makes statements slow, which is told as well.
    assert [event for event in events if event not in ("slow statement", "request")] == [
        "PostgreSQL cannot be reached"
    ]
    assert [line["event"] for line in _lines(log)].count("PostgreSQL is back") == 1


async def test_a_server_tells_once_that_redis_is_away_and_back(
    settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with Gate(settings.redis_url).standing() as gate:
        through = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{gate.port}/0"})
        async with calling(serving(through, log)) as client:
            assert (await client.get("/api/v2/categories")).status_code == 200
            gate.cut()
            for path in ("/api/v2/categories", "/api/v2/products", "/health"):
                assert (await client.get(path)).status_code == 200
            await gate.mend()

            async def back() -> bool:
                await client.get("/api/v2/categories")
                return "Redis is back" in await asyncio.to_thread(log.read_text)

            await eventually(back)
    told = [line for line in _lines(log) if line["event"].startswith("Redis")]
    assert [line["event"] for line in told] == ["Redis cannot be reached", "Redis is back"]
    assert told[0]["place"] == f"127.0.0.1:{gate.port}/0"


async def test_a_command_without_a_database_says_why(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": NOWHERE})
    for words in (("keys", "list"), ("migrate",)):
        status, said = await tandem(away, *words)
        assert (status, said) == (
            1,
            "tandem: PostgreSQL at 127.0.0.1:1/none cannot be used (connection refused):"
            " check DATABASE_URL.",
        )


def _lines(log: Path) -> list[dict[str, Any]]:
    text = log.read_text()
    assert "Traceback" not in text, text
    return [json.loads(line) for line in text.splitlines()]


async def _told(log: Path, event: str) -> None:
    async def said() -> bool:
        return event in await asyncio.to_thread(log.read_text)

    await eventually(said)
