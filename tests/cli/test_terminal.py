"""`tandem serve` on a terminal: a short line a request, and nothing that runs by itself."""

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from services.terminal_lines import TerminalLines
from tests.conftest import Addresses, settings_for
from tests.servers import CHECKOUT, environment_of
from tests.worker.work import eventually, free_port

_SECONDS = 60


class Terminal:
    """A terminal of 80 columns, and the command that runs on it."""

    def __init__(self, process: "subprocess.Popen[bytes]", screen: int) -> None:
        self.process = process
        self._screen = screen
        self.text = ""

    def read_until(self, words: str) -> None:
        """Read until the words show."""
        limit = time.monotonic() + _SECONDS
        while words not in self.text:
            assert time.monotonic() < limit, self.text
            # Its last words may come between a look at the screen and one at the process.
            has_ended = self.process.poll() is not None
            if not self.read(0.1):
                assert not has_ended, self.text

    def read(self, seconds: float) -> bool:
        """Read what shows within so many seconds; False when that was nothing."""
        if not select.select([self._screen], [], [], seconds)[0]:
            return False
        try:
            found = os.read(self._screen, 65536)
        except OSError:  # the command has ended
            return False
        self.text += found.decode().replace("\r\n", "\n")
        return bool(found)


@contextmanager
def terminal(environment: dict[str, str], *words: str) -> Iterator[Terminal]:
    """A command on a terminal."""
    screen, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", *words],
        cwd=CHECKOUT,
        env={**environment, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    try:
        yield Terminal(process, screen)
    finally:
        process.kill()
        process.wait(_SECONDS)
        os.close(screen)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_request_is_one_short_line_and_jobs_are_silent(
    fresh_database: str, addresses: Addresses, workers: str
) -> None:
    port = free_port()
    environment = environment_of(
        settings_for(fresh_database, addresses.redis_url),
        TANDEM_SLOW_STATEMENT_SECONDS="60",
        TANDEM_SLOW_REQUEST_SECONDS="60",
        TANDEM_EXPIRY_SECONDS="0.2",
        TANDEM_AUDIT_SEAL_SECONDS="0.2",
        TANDEM_JOB_POLL_SECONDS="0.1",
    )
    words = ("serve", "--no-demo", "--port", str(port), "--workers", workers)
    with terminal(environment, *words) as shown:
        await asyncio.to_thread(shown.read_until, "Tandem is ready")
        await asyncio.to_thread(shown.read_until, "╯")
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=_SECONDS) as client:
            await client.get("/api/v2/products?first=3")
            await client.get("/api/v2/products/01a22500-5a3a-7648-a08d-eafb97dd4f92")
            await client.post("/graphql", json={"query": "{ products { totalCount } }"})
        await asyncio.to_thread(shown.read_until, "POST /graphql")
        await asyncio.sleep(2)  # scheduled jobs run some ten times
        shown.process.send_signal(signal.SIGINT)
        await asyncio.to_thread(shown.read_until, "Tandem has stopped.")
    after = shown.text[shown.text.index("╯") + 1 :]
    lines = [line for line in after.splitlines() if line]
    patterns = [
        r"\d\d:\d\d:\d\d GET /api/v2/products 200 \d+ ms products\.list",
        # Of the id there is as much as the time leaves room for.
        r"\x1b\[33m\d\d:\d\d:\d\d GET /api/v2/products/01a2\w*… 404 \d+ ms products\.get"
        r" PRODUCT_NOT_FOUND\x1b\[0m",
        r"\d\d:\d\d:\d\d POST /graphql 200 \d+ ms products\.list",
        r"Stopping: waiting for requests and jobs that run\. Ctrl-C again ends them\.",
        r"Tandem has stopped\.",
    ]
    assert len(lines) == len(patterns), shown.text
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line
        assert len(re.sub(r"\x1b\[\d+m", "", line)) <= 80


def test_the_demo_shop_s_jobs_are_silent_and_failures_are_not() -> None:
    lines = TerminalLines(scheduled={"orders.expire"})
    job: dict[str, Any] = {"event": "job", "level": "info", "outcome": "OK", "seconds": 0.0123}
    for values in (
        {"job": "invoices.render", "request_id": "seed-01a22500"},
        {"job": "orders.expire", "request_id": "system-1"},
    ):
        with pytest.raises(structlog.DropEvent):
            lines(None, "info", job | values)
    mail = {"job": "mail.orderPaid", "request_id": "01a22500"}
    assert lines(None, "info", job | mail)[9:] == "job mail.orderPaid 12 ms"
    failed = job | mail | {"level": "error", "outcome": "DEAD", "error": "ValueError"}
    told = lines(None, "error", failed | {"exception": "Traceback …"})
    assert told.startswith("\x1b[31m")
    assert "job outcome=DEAD" in told
    assert "error=ValueError" in told
    assert told.endswith("\nTraceback …")


def test_a_slow_statement_is_one_line_where_somebody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = TerminalLines(scheduled={"audit.seal"})
    sql = f"SELECT {'name, ' * 40}\nFROM products"
    slow = {"event": "slow statement", "level": "warning", "seconds": 0.4321, "sql": sql}
    for nobodys in ({}, {"request_id": "system-1", "job": "audit.seal"}):
        with pytest.raises(structlog.DropEvent):
            lines(None, "warning", slow | nobodys)
    for asked in ({"request_id": "1"}, {"request_ids": ["1", "2"]}):
        line = re.sub(r"\x1b\[\d+m", "", lines(None, "warning", slow | asked))
        assert line[9:].startswith("slow statement 432 ms SELECT name, ")
        assert (len(line), line[-1]) == (60, "…")


def test_a_long_line_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    lines = TerminalLines()
    operations = "a.b, c.d, e.f, g.h, i.j"
    request = {"event": "request", "level": "info", "operation": operations, "method": "GET"}
    line = lines(None, "info", request | {"path": f"/{'x' * 99}", "status": 200, "seconds": 0.01})
    assert line.endswith("… 200 10 ms a.b, c.d, e.f, 2 more")
    assert len(line) == 72


@contextmanager
def off_terminal(
    environment: dict[str, str], log: Path, said: Path, *words: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A command whose stdout and stderr are two files."""
    with log.open("wb") as stdout, said.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", *words],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(_SECONDS)


async def test_off_a_terminal_stdout_is_json_alone_and_words_go_to_stderr(
    fresh_database: str, addresses: Addresses, tmp_path: Path
) -> None:
    environment = environment_of(settings_for(fresh_database, addresses.redis_url))
    words = ("serve", "--no-demo", "--port", str(free_port()), "--workers", "2")
    log, said = tmp_path / "log", tmp_path / "said"

    async def told() -> bool:
        text = await asyncio.to_thread(log.read_text)
        box = await asyncio.to_thread(said.read_text)
        return '"ready"' in text and "worker started" in text and "╯" in box

    with off_terminal(environment, log, said, *words) as process:
        await eventually(told)
        process.terminate()
        assert await asyncio.to_thread(process.wait, _SECONDS) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    services = {line["service"] for line in lines}
    assert services == {"tandem-serve", "tandem-server", "tandem-worker"}
    assert {line["environment"] for line in lines} == {"test"}
    assert "Tandem is ready" in said.read_text()
    assert said.read_text().rstrip().endswith("Tandem has stopped.")
