"""Workers: every job at least once, in bounds, whatever ends under it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from pgqueuer.adapters.persistence.queries import Queries

from api.job_queue import TABLES
from persistence.database.transactions import QueryStats
from persistence.mail_tokens import Purpose
from services.ids import new_id
from services.jobs.handlers import HANDLERS
from services.jobs.queue import DoNotRetry, Job
from services.process import Process, new_process
from tests.conftest import Addresses, settings_for
from tests.shop import Shop
from tests.worker.work import done, eventually, left, queue, working

SECRET = "ada@example.com"


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own, whose jobs are tried again at once, three times in all."""
    settings = settings_for(
        fresh_database,
        addresses.redis_url,
        job_poll_seconds=0.05,
        job_retry_seconds=0.01,
        job_attempts=3,
        job_lease_seconds=30,
    )
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def dead(shop: Shop) -> list[str]:
    """The names of the dead jobs, once there are some."""

    async def found() -> list[str]:
        return [name for name, status in await left(shop) if status == "failed"]

    return await eventually(found)


def with_settings(shop: Shop, **more: Any) -> Shop:
    """The same shop for workers of other settings."""
    shop.process.settings = shop.process.settings.model_copy(update=more)
    return shop


async def test_a_job_is_run_once_with_what_its_operation_said(shop: Shop) -> None:
    ran: list[Job] = []

    async def note(process: Process, job: Job) -> None:
        assert process is shop.process
        ran.append(job)

    id = await queue(shop, "tests.note", answer=42)
    async with working(shop, {"tests.note": note}):
        await done(shop)
    [job] = ran
    assert (job.id, job.data) == (id, {"answer": 42})
    assert job.request_id.startswith("test-")


async def test_what_a_job_logs_carries_its_call(shop: Shop) -> None:
    async def note(process: Process, job: Job) -> None:
        structlog.get_logger().info("inside")

    id = await queue(shop, "tests.note")
    processors = [structlog.contextvars.merge_contextvars]
    with structlog.testing.capture_logs(processors=processors) as lines:
        async with working(shop, {"tests.note": note}):
            await done(shop)
    for event in ("inside", "job"):
        [line] = [line for line in lines if line["event"] == event]
        assert (line["job"], line["job_id"]) == ("tests.note", id)
        assert line["request_id"].startswith("test-")


async def test_a_job_that_fails_is_tried_again(shop: Shop) -> None:
    tries: list[str] = []

    async def stumble(process: Process, job: Job) -> None:
        tries.append(job.id)
        if len(tries) < 3:
            raise RuntimeError(SECRET)

    id = await queue(shop, "tests.stumble")
    async with working(shop, {"tests.stumble": stumble}):
        await done(shop)
    assert tries == [id] * 3


async def test_a_retry_waits_longer_each_time_and_never_longer_than_it_may(shop: Shop) -> None:
    async def fail(process: Process, job: Job) -> None:
        raise RuntimeError

    with_settings(shop, job_attempts=6, job_retry_seconds=0.01, job_retry_max_seconds=0.04)
    await queue(shop, "tests.fail")
    with structlog.testing.capture_logs() as lines:
        async with working(shop, {"tests.fail": fail}):
            await dead(shop)
    waits = [line["after"] for line in lines if line.get("outcome") == "RETRY"]
    for wait, longest in zip(waits, [0.01, 0.02, 0.04, 0.04, 0.04], strict=True):
        assert longest / 2 <= wait <= longest
    assert len(set(waits[2:])) > 1


async def test_a_job_is_dead_after_its_last_attempt_and_kept(shop: Shop) -> None:
    tries: list[str] = []

    async def fail(process: Process, job: Job) -> None:
        tries.append(job.id)
        raise RuntimeError(SECRET)

    id = await queue(shop, "tests.fail", to="somebody")
    with structlog.testing.capture_logs() as lines:
        async with working(shop, {"tests.fail": fail}):
            assert await dead(shop) == ["tests.fail"]
    assert tries == [id] * 3
    [kept] = await shop.jobs("tests.fail")
    assert (kept["id"], kept["data"]) == (id, {"to": "somebody"})
    # Why it is dead is known, and nothing that the error said about anybody.
    log = await shop.value("SELECT string_agg(traceback::text, '') FROM job_log")
    assert "RuntimeError" in log
    assert SECRET not in log
    assert [line["outcome"] for line in lines if line["event"] == "job"] == ["RETRY"] * 2 + ["DEAD"]
    assert SECRET not in repr(lines)


async def test_a_dead_job_that_is_queued_again_has_all_its_attempts(shop: Shop) -> None:
    tries: list[str] = []

    async def fail(process: Process, job: Job) -> None:
        tries.append(job.id)
        if len(tries) < 6:
            raise RuntimeError

    await queue(shop, "tests.fail")
    async with working(shop, {"tests.fail": fail}):
        await dead(shop)
        await shop.execute("UPDATE jobs SET status = 'queued', attempts = 0")
        await done(shop)
    assert len(tries) == 6


async def test_a_hopeless_job_is_dead_at_once(shop: Shop) -> None:
    tries: list[str] = []

    async def give_up(process: Process, job: Job) -> None:
        tries.append(job.id)
        raise DoNotRetry("nobody there")

    await queue(shop, "tests.giveUp")
    async with working(shop, {"tests.giveUp": give_up}):
        await dead(shop)
    assert len(tries) == 1
    log = await shop.value("SELECT traceback::text FROM job_log WHERE status = 'failed'")
    assert "nobody there" in log


async def test_a_payload_that_is_none_of_ours_is_dead_at_once(shop: Shop) -> None:
    async def note(process: Process, job: Job) -> None:
        raise AssertionError

    await shop.execute(
        "INSERT INTO jobs (priority, status, entrypoint, payload) "
        "VALUES (0, 'queued', 'tests.note', 'nonsense')"
    )
    async with working(shop, {"tests.note": note}):
        assert await dead(shop) == ["tests.note"]


async def test_an_attempt_that_hangs_is_ended_and_tried_again(shop: Shop) -> None:
    tries: list[str] = []

    async def hang_once(process: Process, job: Job) -> None:
        tries.append(job.id)
        if len(tries) == 1:
            await asyncio.Event().wait()

    with_settings(shop, job_seconds=0.1)
    await queue(shop, "tests.hang")
    async with working(shop, {"tests.hang": hang_once}):
        await done(shop)
    assert len(tries) == 2


async def test_a_worker_runs_so_many_jobs_at_once_and_no_more(shop: Shop) -> None:
    running, most, go = 0, 0, asyncio.Event()

    async def count(process: Process, job: Job) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1

    with_settings(shop, jobs_at_once=4)
    for _ in range(12):
        await queue(shop, "tests.count")

    async def all_places_taken() -> bool:
        return running == 4

    async with working(shop, {"tests.count": count}):
        await eventually(all_places_taken)
        # Two more looks into the queue find no place.
        await asyncio.sleep(0.2)
        go.set()
        await done(shop)
    assert most == 4


async def test_two_workers_share_the_jobs(shop: Shop) -> None:
    ran: list[str] = []

    async def note(process: Process, job: Job) -> None:
        ran.append(job.id)
        await asyncio.sleep(0.01)

    queued = {await queue(shop, "tests.note") for _ in range(40)}
    async with working(shop, {"tests.note": note}), working(shop, {"tests.note": note}):
        await done(shop)
    assert len(ran) == 40
    assert set(ran) == queued


async def test_a_job_that_nobody_knows_yet_stays_queued(shop: Shop) -> None:
    async def note(process: Process, job: Job) -> None: ...

    await queue(shop, "tests.later")
    await queue(shop, "tests.note")

    async def other_done() -> bool:
        return await left(shop) == [("tests.later", "queued")]

    async with working(shop, {"tests.note": note}):
        await eventually(other_done)


async def test_a_worker_that_stops_lets_its_jobs_finish_and_takes_no_more(shop: Shop) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def hold(process: Process, job: Job) -> None:
        started.set()
        await go.wait()

    await queue(shop, "tests.hold")
    async with working(shop, {"tests.hold": hold}) as worker:
        await started.wait()
        worker.stop()
        await asyncio.sleep(0.2)  # a look into the queue may still be under way
        await queue(shop, "tests.hold")
        await asyncio.sleep(0.2)
        go.set()
    assert await left(shop) == [("tests.hold", "queued")]
    assert await shop.value("SELECT count(*) FROM job_log WHERE status = 'successful'") == 1


async def test_a_job_that_outlasts_the_stop_goes_back_into_the_queue(shop: Shop) -> None:
    started = asyncio.Event()

    async def hang(process: Process, job: Job) -> None:
        started.set()
        await asyncio.Event().wait()

    with_settings(shop, job_drain_seconds=0.1, job_retry_seconds=3600, job_retry_max_seconds=3600)
    await queue(shop, "tests.hang")
    async with working(shop, {"tests.hang": hang}) as worker:
        await started.wait()
        worker.stop()
    assert await left(shop) == [("tests.hang", "queued")]
    assert await shop.value("SELECT execute_after <= now() FROM jobs")


async def test_a_worker_outlives_its_connections(shop: Shop) -> None:
    ran: list[str] = []

    async def note(process: Process, job: Job) -> None:
        ran.append(job.id)

    async with working(shop, {"tests.note": note}):
        await queue(shop, "tests.note")
        await done(shop)
        # Each look into the queue takes a connection of the same pool: this one is apart.
        killer = await asyncpg.connect(shop.process.settings.database_url, timeout=60)
        await killer.fetch(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await killer.close(timeout=60)
        await queue(shop, "tests.note")
        await done(shop)
    assert len(ran) == 2


async def test_a_job_that_cannot_be_put_back_into_the_queue_is_not_dead(shop: Shop) -> None:
    tries, started, locked = 0, asyncio.Event(), asyncio.Event()

    async def stumble(process: Process, job: Job) -> None:
        nonlocal tries
        tries += 1
        started.set()
        await locked.wait()
        if tries == 1:
            raise RuntimeError

    database = shop.process.database
    database.limits = replace(database.limits, lock=0.1)
    await queue(shop, "tests.stumble")
    with structlog.testing.capture_logs() as lines:

        async def given_up() -> bool:
            return any(line["event"] == "job is put back later" for line in lines)

        async with working(shop, {"tests.stumble": stumble}):
            await started.wait()
            async with database.transaction(QueryStats()) as tx:
                await tx.run("SELECT 1 FROM jobs FOR UPDATE")
                locked.set()
                await eventually(given_up)
            await done(shop)
    assert tries == 2


async def test_a_worker_waits_for_a_database_that_is_not_there(shop: Shop) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/nothing"
    with_settings(shop, database_url=nowhere)
    with structlog.testing.capture_logs() as lines:
        async with working(shop, {}):

            async def said() -> bool:
                return any(line["event"] == "PostgreSQL cannot be reached" for line in lines)

            await eventually(said)
    assert lines[0]["event"] == "PostgreSQL cannot be reached"
    assert lines[0]["reason"] == "connection refused"


async def test_a_worker_listens_to_nobody_and_notifies_nobody(shop: Shop) -> None:
    told: list[Any] = []
    listener = await asyncpg.connect(shop.process.settings.database_url, timeout=60)

    async def note(process: Process, job: Job) -> None:
        listening = "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%'"
        assert await shop.value(listening) == 0

    try:
        await queue(shop, "tests.note")
        async with working(shop, {"tests.note": note}):
            await listener.add_listener(TABLES.channel, lambda *heard: told.append(heard))
            await listener.fetchval("SELECT 1")
            await queue(shop, "tests.note")
            # Its first look into the queue is also its first check of its listener.
            await done(shop)
        await listener.fetchval("SELECT 1", timeout=60)
    finally:
        await listener.close(timeout=60)
    assert told == []


async def test_pgqueuer_finds_its_tables_right(fresh_database: str) -> None:
    connection = await asyncpg.connect(fresh_database, timeout=60)
    try:
        queries = Queries(AsyncpgDriver(connection), QueryBuilderEnvironment(TABLES))
        plan = await queries.plan_upgrade()
    finally:
        await connection.close(timeout=60)
    # Nothing is missing but what notifies, and the table of schedules, which nobody uses.
    wanted = sorted(" ".join(statement.split()[:4]) for statement in plan.statements)
    assert wanted == [
        "CREATE FUNCTION tandem_jobs_changed() RETURNS",
        "CREATE TABLE job_schedules (",
        "CREATE TRIGGER jobs_changed AFTER",
    ]


async def test_old_traces_of_jobs_are_forgotten_and_new_ones_kept(shop: Shop) -> None:
    async def fail(process: Process, job: Job) -> None:
        raise DoNotRetry("old")

    async def note(process: Process, job: Job) -> None: ...

    ada = await shop.person()
    days = timedelta(days=shop.process.settings.job_days)
    for age in (days + timedelta(hours=1), timedelta(0)):
        for name in ("tests.fail", "tests.note"):
            await queue(shop, name)
        async with working(shop, {"tests.fail": fail, "tests.note": note}):
            await eventually(lambda: settled(shop))
        await shop.execute("UPDATE jobs SET updated = updated - $1::interval", age)
        await shop.execute("UPDATE job_log SET created = created - $1::interval", age)
        await shop.execute(
            "INSERT INTO mail_tokens (id, user_id, purpose, email, hash, expires_at) "
            "VALUES ($5, $1, $2, $3, $5::uuid::text::bytea, now() - $4::interval)",
            ada.id,
            Purpose.VERIFY_EMAIL,
            ada.email,
            age,
            new_id(shop.process.clock()),
        )
    await queue(shop, "tests.waits")
    await shop.execute(
        "UPDATE jobs SET updated = now() - interval '1 year' WHERE status = 'queued'"
    )
    await queue(shop, "jobs.forgetOld")
    async with working(shop, HANDLERS):
        await eventually(lambda: swept(shop))
    assert sorted(await left(shop)) == [("tests.fail", "failed"), ("tests.waits", "queued")]
    names = "SELECT DISTINCT entrypoint FROM job_log WHERE created < now() - interval '1 day'"
    assert await shop.rows(names) == []
    count = "SELECT count(*) FROM job_log WHERE entrypoint LIKE 'tests.%'"
    assert await shop.value(count) == 7
    assert await shop.value("SELECT count(*) FROM mail_tokens") == 1


async def swept(shop: Shop) -> bool:
    """What forgets has run."""
    return not await shop.rows("SELECT FROM jobs WHERE entrypoint = 'jobs.forgetOld'")


async def settled(shop: Shop) -> bool:
    """No job waits or runs."""
    return all(status == "failed" for _, status in await left(shop))
