"""The embedded servers: shared by processes, apart between folders, sound after a kill."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from api.local import embedded_servers
from tests.commands import running
from tests.worker.test_process import answering, ended
from tests.worker.work import eventually, free_port

#: Only what hangs reaches this. Servers start in a second, and stop in eight at most.
_SECONDS = 60
HOLD = """
import sys
from pathlib import Path
from api.local import embedded_servers
servers = embedded_servers.start(Path(sys.argv[1]))
print(servers.database_url, flush=True)
sys.stdin.read()
servers.stop()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    embedded_servers.start(folder, durable=False).stop()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A folder whose database is made already; making one takes a second, copying it does not."""
    copied = tmp_path / "data"
    subprocess.run(["cp", "-a", made, copied], check=True, timeout=_SECONDS)
    return copied


@contextmanager
def started(folder: Path) -> Iterator[embedded_servers.Servers]:
    servers = embedded_servers.start(folder, durable=False)
    try:
        yield servers
    finally:
        servers.stop()


@contextmanager
def another_process(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the folder's servers until its stdin is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline().startswith("postgresql://")
        yield process
    finally:
        process.stdin.close()
        process.wait(_SECONDS)
        process.stdout.close()


async def sql(servers: embedded_servers.Servers, statement: str) -> object:
    connection = await asyncpg.connect(servers.database_url, timeout=_SECONDS)
    try:
        return await connection.fetchval(statement, timeout=_SECONDS)
    finally:
        await connection.close(timeout=_SECONDS)


def processes_of(folder: Path) -> dict[str, psutil.Process]:
    found = {}
    for process in psutil.process_iter(["name", "cmdline", "status"]):
        mine = {str(folder / "postgres"), str(folder / "valkey")} & {
            *(process.info["cmdline"] or ())
        }
        if mine and process.info["status"] != psutil.STATUS_ZOMBIE:
            found[process.info["name"]] = process
    return found


async def test_both_servers_answer_and_stop_with_their_only_owner(folder: Path) -> None:
    with started(folder) as servers:
        assert await sql(servers, "SELECT current_database()") == "tandem"
        async with Redis.from_url(servers.redis_url) as redis:
            assert await redis.ping()
        assert set(processes_of(folder)) == {"postgres", "valkey-server"}
    assert processes_of(folder) == {}


async def test_data_outlives_a_restart(folder: Path) -> None:
    with started(folder) as servers:
        await sql(servers, "CREATE TABLE kept AS SELECT 7 AS n")
    with started(folder) as servers:
        assert await sql(servers, "SELECT n FROM kept") == 7


async def test_two_folders_know_nothing_of_each_other(tmp_path: Path) -> None:
    # One inside the other, which is where a careless match of paths goes wrong.
    with started(tmp_path / "a") as first:
        with started(tmp_path / "a" / "b") as second:
            await sql(first, "CREATE TABLE mine ()")
            assert await sql(second, "SELECT to_regclass('mine')") is None
        assert await sql(first, "SELECT to_regclass('mine')") == "mine"


async def test_a_second_process_shares_the_servers_and_leaves_them_running(folder: Path) -> None:
    with started(folder) as servers:
        before = await sql(servers, "SELECT pg_postmaster_start_time()")
        with another_process(folder):
            pass
        assert await sql(servers, "SELECT pg_postmaster_start_time()") == before


async def test_the_starter_may_leave_before_the_last_owner(folder: Path) -> None:
    with another_process(folder):
        ids = {name: process.pid for name, process in processes_of(folder).items()}
        with started(folder) as servers:
            assert {name: p.pid for name, p in processes_of(folder).items()} == ids
        assert len(processes_of(folder)) == 2
        with pytest.raises(embedded_servers.EmbeddedError, match="stop it first"):
            embedded_servers.reset(folder)
    assert processes_of(folder) == {}
    assert servers.folder == folder


@pytest.mark.parametrize("victims", ["owner", "servers", "everything"])
async def test_a_killed_run_does_not_block_the_next_start(folder: Path, victims: str) -> None:
    with another_process(folder) as owner:
        with started(folder) as servers:
            await sql(servers, "CREATE TABLE kept AS SELECT 7 AS n")
        if victims in ("servers", "everything"):
            for process in processes_of(folder).values():
                process.kill()
        if victims in ("owner", "everything"):
            owner.kill()
            owner.wait(_SECONDS)
    with started(folder) as servers:
        assert await sql(servers, "SELECT n FROM kept") == 7
        assert len(processes_of(folder)) == 2
    assert processes_of(folder) == {}


async def test_a_killed_server_whose_statement_runs_on_does_not_block_the_next_start(
    folder: Path,
) -> None:
    with another_process(folder) as owner:
        with started(folder) as servers:
            endless = await asyncpg.connect(servers.database_url, timeout=_SECONDS)
            running = asyncio.create_task(
                endless.execute("SELECT count(*) FROM generate_series(1, 1000000000000)")
            )

            async def runs() -> object:
                active = "state = 'active' AND query LIKE '%1000000000000)'"
                return await sql(servers, f"SELECT count(*) FROM pg_stat_activity WHERE {active}")

            await eventually(runs)
            processes_of(folder)["postgres"].kill()
        owner.kill()
        owner.wait(_SECONDS)
    with started(folder) as servers:
        assert await sql(servers, "SELECT 1") == 1
        with pytest.raises(asyncpg.PostgresError):
            await asyncio.wait_for(running, _SECONDS)


async def test_a_file_that_names_a_stranger_does_not_block_the_start(folder: Path) -> None:
    with started(folder):
        pid_file = folder / "postgres" / "postmaster.pid"
        written = pid_file.read_text()
    stranger = written.replace(written.splitlines()[0], str(os.getpid()), 1)
    pid_file.write_text(stranger)
    with started(folder) as servers:
        assert await sql(servers, "SELECT 1") == 1


async def test_a_half_made_database_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir(mode=0o700)
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    with started(tmp_path) as servers:
        assert await sql(servers, "SELECT 1") == 1


async def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    with started(tmp_path / ("long, and näh " * 8)) as servers:
        assert await sql(servers, "SELECT 1") == 1
        async with Redis.from_url(servers.redis_url) as redis:
            assert await redis.ping()


async def test_ctrl_c_in_a_terminal_does_not_reach_the_servers(folder: Path) -> None:
    with started(folder) as servers:
        for process in processes_of(folder).values():
            assert os.getpgid(process.pid) != os.getpgid(0)
            assert os.getsid(process.pid) != os.getsid(0)
        assert await sql(servers, "SELECT 1") == 1


async def test_other_users_cannot_open_the_sockets(folder: Path) -> None:
    with started(folder) as servers:
        sockets = Path(servers.redis_url.removeprefix("unix://")).parent
        assert sockets.stat().st_mode & 0o077 == 0


async def test_reset_empties_the_folder(folder: Path) -> None:
    (folder / "mine.txt").write_text("not the servers'")
    with started(folder) as servers:
        await sql(servers, "CREATE TABLE gone ()")
    embedded_servers.reset(folder)
    assert (folder / "mine.txt").exists()
    with started(folder) as servers:
        assert await sql(servers, "SELECT to_regclass('gone')") is None


def test_ctrl_c_while_starting_leaves_no_server_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not (tmp_path / "owners").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=_SECONDS)
    assert processes_of(tmp_path) == {}


async def test_servers_that_die_are_started_again_with_what_they_held(folder: Path) -> None:
    with started(folder) as servers:
        await sql(servers, "CREATE TABLE kept AS SELECT 7 AS n")
        await sql(servers, "CHECKPOINT")  # these servers trade durability for speed
        assert servers.start_what_ended() == []
        for process in processes_of(folder).values():
            process.kill()
        again: set[str] = set()

        async def both() -> bool:
            again.update(servers.start_what_ended())
            return again == {"postgres", "valkey"}

        await eventually(both)
        assert await sql(servers, "SELECT n FROM kept") == 7
        assert servers.start_what_ended() == []
    assert processes_of(folder) == {}


async def test_a_server_that_cannot_start_again_is_told_of(folder: Path) -> None:
    with started(folder) as servers:
        processes_of(folder)["postgres"].kill()
        (folder / "postgres" / "PG_VERSION").write_text("1")

        async def started_again() -> bool:
            return bool(servers.start_what_ended())

        with pytest.raises(embedded_servers.EmbeddedError, match="postgres did not start"):
            await eventually(started_again)


@pytest.mark.parametrize("broken", [False, True], ids=["whole", "broken"])
async def test_serving_goes_on_or_ends_when_its_database_dies(
    folder: Path, tmp_path: Path, broken: bool
) -> None:
    port, log = free_port(), tmp_path / "log"
    words = ["serve", "--no-demo", "--no-worker", "--port", str(port), "--data", str(folder)]
    with running(log, None, *words) as server:
        await answering(f"http://127.0.0.1:{port}")
        if broken:
            (folder / "postgres" / "PG_VERSION").write_text("1")
        processes_of(folder)["postgres"].kill()
        if broken:
            assert await ended(server) == 0
            assert "Tandem stops." in log.read_text()
            return

        async def told() -> bool:
            return "PostgreSQL had ended. It runs again." in log.read_text()

        await eventually(told)
        await answering(f"http://127.0.0.1:{port}")
        server.send_signal(signal.SIGTERM)
        assert await ended(server) == 0
    assert processes_of(folder) == {}
