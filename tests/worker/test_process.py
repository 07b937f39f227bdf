"""Workers as processes: killed in the middle, told to stop, and beside the servers."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import httpx
import psutil
import pytest

from persistence.database.transactions import QueryStats
from services.process import new_process
from tests.commands import Child, running
from tests.conftest import Addresses, settings_for
from tests.shop import Shop
from tests.worker.work import (
    MailServer,
    done,
    eventually,
    free_port,
    left,
    listening,
    queue,
    token_in,
)


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own."""
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    yield Shop(process, password_hash)
    await process.close()


@pytest.fixture
def mails() -> Iterator[MailServer]:
    """A mail server."""
    with listening(MailServer(free_port())) as server:
        yield server


async def ended(child: Child) -> int:
    """Wait until a process has ended; its status."""

    async def over() -> bool:
        return child.poll() is not None

    await eventually(over)
    return child.wait(5)


async def arrived(mails: MailServer, count: int = 1) -> None:
    """Wait until the mail server has got so many mails."""

    async def there() -> bool:
        return len(mails.mails) >= count

    await eventually(there)


async def backends(shop: Shop) -> set[int]:
    """The processes of PostgreSQL behind the connections to the shop's database."""
    rows = await shop.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    return {row["pid"] for row in rows}


async def test_a_worker_that_is_told_to_stop_finishes_its_mail_and_ends_well(
    shop: Shop, mails: MailServer, tmp_path: Path
) -> None:
    ada = await shop.person()
    await queue(shop, "mail.resetPassword", email=ada.email)
    go = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def wait() -> str:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), loop))
        return "250 OK"

    mails.answer = wait
    log = tmp_path / "log"
    with running(log, shop.process.settings, "worker", TANDEM_SMTP_URL=mails.url) as worker:
        await arrived(mails)
        busy = await backends(shop)
        worker.terminate()

        async def stopping() -> bool:
            return bool(busy - await backends(shop))

        # It gives the connections back that it took jobs with.
        await eventually(stopping)
        await queue(shop, "mail.resetPassword", email=ada.email)
        await asyncio.sleep(0.3)
        assert worker.poll() is None
        go.set()
        assert await ended(worker) == 0, log.read_text()
    assert len(mails.mails) == 1
    assert await left(shop) == [("mail.resetPassword", "queued")]
    lines = log.read_text()
    assert '"request_id":"test-' in lines
    assert ada.email not in lines
    assert token_in(mails.mails[0]) not in lines


async def test_a_mail_is_sent_again_when_its_worker_was_killed_before_it_said_so(
    shop: Shop, mails: MailServer, tmp_path: Path
) -> None:
    ada = await shop.person()
    await queue(shop, "mail.resetPassword", email=ada.email)
    # A busy machine delays the signs of life, and no worker must take its own job again.
    patient = {"TANDEM_SMTP_URL": mails.url, "TANDEM_JOB_LEASE_SECONDS": "60"}
    quick = {**patient, "TANDEM_JOB_LEASE_SECONDS": "5"}
    held = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def wait_until_held() -> str:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(held.wait(), loop))
        return "250 OK"

    async def waits() -> list[int]:
        rows = await shop.rows(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database() AND query LIKE '%DELETE FROM jobs%'"
        )
        return [row["pid"] for row in rows]

    mails.answer = wait_until_held
    with running(tmp_path / "first", shop.process.settings, "worker", **patient) as worker:
        await arrived(mails)
        async with shop.process.database.transaction(QueryStats()) as tx:
            # The mail is sent; its worker cannot note that, and never will.
            await tx.run("LOCK TABLE jobs IN SHARE ROW EXCLUSIVE MODE")
            held.set()
            await eventually(waits)
            worker.kill()
            await ended(worker)
            # Other jobs may wait to be noted as well.
            for backend in await waits():
                await shop.value("SELECT pg_terminate_backend($1, 5000)", backend)
    mails.answer = None
    with running(tmp_path / "second", shop.process.settings, "worker", **quick):
        await done(shop)
    first, second = mails.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert token_in(first) == token_in(second)
    [row] = await shop.rows("SELECT * FROM mail_tokens")
    assert row["hash"] == sha256(token_in(first).encode()).digest()


async def test_a_job_that_kills_its_workers_is_dead_in_the_end(
    shop: Shop, mails: MailServer, tmp_path: Path
) -> None:
    ada = await shop.person()
    await queue(shop, "mail.resetPassword", email=ada.email)
    more = {
        "TANDEM_SMTP_URL": mails.url,
        "TANDEM_JOB_LEASE_SECONDS": "0.5",
        "TANDEM_JOB_ATTEMPTS": "1",
    }
    never = asyncio.Event()

    async def wait() -> str:
        await never.wait()
        return "250 OK"

    mails.answer = wait
    # A busy machine delays the signs of life: the first worker must not give its own job up.
    patient = {**more, "TANDEM_JOB_LEASE_SECONDS": "60"}
    with running(tmp_path / "first", shop.process.settings, "worker", **patient) as worker:
        await arrived(mails)
        worker.kill()
        await ended(worker)

    async def dead() -> bool:
        return await left(shop) == [("mail.resetPassword", "failed")]

    with running(tmp_path / "second", shop.process.settings, "worker", **more):
        await eventually(dead)
    assert len(mails.mails) == 1


async def worker_of(server: Child, other_than: int = 0) -> psutil.Process:
    """The worker that runs beside a server, once it runs."""

    async def found() -> psutil.Process | None:
        for child in psutil.Process(server.pid).children():
            with suppress(psutil.NoSuchProcess):  # it may be ending right now
                if "worker" in child.cmdline() and child.pid != other_than:
                    return child
        return None

    return await eventually(found)


async def gone(process: psutil.Process) -> None:
    """Wait until a process has ended."""

    async def over() -> bool:
        try:
            return process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    await eventually(over)


async def answering(url: str) -> None:
    """Wait until a server answers."""

    async def ready() -> bool:
        async with httpx.AsyncClient(timeout=60) as client:
            try:
                return (await client.get(f"{url}/health/ready")).status_code == 200
            except httpx.TransportError:
                return False

    await eventually(ready)


@pytest.mark.parametrize("servers", ["1", "2"])
async def test_serving_runs_jobs_restarts_a_worker_that_died_and_ends_with_it(
    shop: Shop, mails: MailServer, tmp_path: Path, servers: str
) -> None:
    ada, port, log = await shop.person(), str(free_port()), tmp_path / "log"
    words = ["serve", "--no-demo", "--port", port, "--workers", servers]
    with running(log, shop.process.settings, *words, TANDEM_SMTP_URL=mails.url) as server:
        first = await worker_of(server)
        first.kill()
        second = await worker_of(server, other_than=first.pid)
        await queue(shop, "mail.resetPassword", email=ada.email)
        await arrived(mails)
        await answering(f"http://127.0.0.1:{port}")
        server.send_signal(signal.SIGINT if servers == "1" else signal.SIGTERM)
        assert await ended(server) == 0, log.read_text()
    assert not second.is_running()
    lines = log.read_text()
    assert "child ended, is started again" in lines
    assert "worker stopped" in lines
    assert "Fatal" not in lines


async def test_a_worker_ends_when_its_server_was_killed(shop: Shop, tmp_path: Path) -> None:
    words = ["serve", "--no-demo", "--port", str(free_port())]
    with running(tmp_path / "log", shop.process.settings, *words) as server:
        worker = await worker_of(server)
        server.kill()
        await ended(server)
        await gone(worker)
    # A worker that is not beside a server does not look at its stdin, which has ended here.
    with running(tmp_path / "alone", shop.process.settings, "worker") as alone:
        log = tmp_path / "alone"

        async def started() -> bool:
            return "worker started" in log.read_text()

        await eventually(started)
        await asyncio.sleep(0.2)
        assert alone.poll() is None


async def test_what_a_killed_server_counted_is_cleared_by_the_next_with_its_data(
    shop: Shop, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = ["serve", "--no-demo", "--no-worker", "--port", str(free_port()), "--data"]
    where = {"TMPDIR": str(temporary)}

    def folders() -> set[str]:
        return {path.parent.name for path in temporary.glob("tandem-metrics-*/owner")}

    async def new(*known: str) -> str:
        async def found() -> set[str]:
            return folders() - {*known}

        [name] = await eventually(found)
        return name

    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    settings = shop.process.settings
    with running(tmp_path / "first", settings, *words, here, **where) as killed:
        first = await new()
        killed.kill()
        await ended(killed)
    with running(tmp_path / "second", settings, *words, there, **where):
        other = await new(first)
        assert folders() == {first, other}
        with running(tmp_path / "third", settings, *words, here, **where):
            third = await new(first, other)
            # The killed server's is gone. Those of servers that live are left alone.
            assert folders() == {other, third}
            with running(tmp_path / "fourth", settings, *words, here, **where):
                fourth = await new(other, third)
                assert folders() == {other, third, fourth}


async def test_a_server_can_leave_the_jobs_to_others(shop: Shop, tmp_path: Path) -> None:
    port = free_port()
    words = ["serve", "--no-demo", "--no-worker", "--port", str(port)]
    with running(tmp_path / "log", shop.process.settings, *words) as server:
        await answering(f"http://127.0.0.1:{port}")
        assert psutil.Process(server.pid).children() == []
        os.kill(server.pid, signal.SIGTERM)
        assert await ended(server) == 0


async def test_an_idle_connection_outlives_those_of_a_load_balancer(
    shop: Shop, tmp_path: Path
) -> None:
    port = free_port()
    words = ["serve", "--no-demo", "--no-worker", "--port", str(port)]
    with running(tmp_path / "log", shop.process.settings, *words) as server:
        await answering(f"http://127.0.0.1:{port}")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for pause in (6, 0):  # the server under it gives connections up after 5 s, left alone
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            length = re.search(rb"content-length: (\d+)", head)
            assert length
            await reader.readexactly(int(length[1]))
            await asyncio.sleep(pause)
        writer.close()
        os.kill(server.pid, signal.SIGTERM)
        assert await ended(server) == 0


async def test_a_worker_alone_writes_its_mails_below_the_folder_it_is_given(
    shop: Shop, tmp_path: Path
) -> None:
    ada, folder = await shop.person(), tmp_path / "data"
    words = ["worker", "--data", str(folder)]
    with running(tmp_path / "log", shop.process.settings, *words):
        await queue(shop, "mail.resetPassword", email=ada.email)

        async def written() -> bool:
            return bool(list(folder.glob("mail/*.eml")))

        await eventually(written)
