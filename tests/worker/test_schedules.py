"""Schedules: jobs that come by themselves, once in every interval."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from persistence.database.transactions import QueryStats
from services.jobs.handlers import AT_ONCE, HANDLERS, LANES, SCHEDULES
from services.jobs.lanes import PRIORITIES
from services.jobs.queue import Handler, Job
from services.jobs.schedules import Schedules, queue_due
from services.process import Process, new_process
from tests.commands import running
from tests.conftest import Addresses, settings_for
from tests.shop import Shop
from tests.worker.work import done, eventually, left, queue, working

NAME = "tests.tick"
HOURLY: Schedules = {NAME: lambda _: 3600}


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own."""
    settings = settings_for(fresh_database, addresses.redis_url, job_poll_seconds=0.05)
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def pass_time(shop: Shop, hours: float) -> None:
    """So long ago were the last slots now."""
    await shop.execute(
        "UPDATE schedules SET taken_at = taken_at - $1 * interval '1 hour'", float(hours)
    )


async def empty(shop: Shop) -> None:
    """Whatever was queued is done."""
    await shop.execute("DELETE FROM jobs")


async def test_a_scheduled_job_is_queued_once_in_each_interval(shop: Shop) -> None:
    counts = []
    for hours in (0, 0, 0.9, 0.2, 0.9):
        await pass_time(shop, hours)
        await queue_due(shop.process, HOURLY)
        counts.append(len(await left(shop)))
        await empty(shop)
    assert counts == [1, 0, 0, 1, 0]


async def test_intervals_in_which_nobody_looked_are_not_made_up_for(shop: Shop) -> None:
    await queue_due(shop.process, HOURLY)
    await empty(shop)
    await pass_time(shop, 100)
    for _ in range(3):
        await queue_due(shop.process, HOURLY)
        async with working(shop, {NAME: note([])}):
            await done(shop)
    assert await shop.value("SELECT count(*) FROM job_log WHERE status = 'successful'") == 1


async def test_another_interval_counts_at_once(shop: Shop) -> None:
    await queue_due(shop.process, HOURLY)
    await empty(shop)
    await pass_time(shop, 0.1)
    await queue_due(shop.process, {NAME: lambda _: 60})
    assert len(await left(shop)) == 1


async def test_of_workers_that_look_at_one_moment_one_queues(shop: Shop) -> None:
    database = shop.process.database
    # A job is over at once, so that nobody leaves it out because it still waits.
    await shop.execute(
        "CREATE FUNCTION tests_over() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.status = 'failed'; RETURN NEW; END $$"
    )
    await shop.execute(
        "CREATE TRIGGER tests_over BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION tests_over()"
    )
    for slot in range(3):
        await pass_time(shop, 2)
        async with database.transaction(QueryStats()) as tx:
            # All have seen that it is due before any of them can take it.
            await tx.run("LOCK TABLE schedules IN SHARE MODE")
            looks = [asyncio.create_task(queue_due(shop.process, HOURLY)) for _ in range(8)]

            async def all_wait() -> bool:
                waiting = (
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                    "AND datname = current_database() AND query LIKE 'INSERT INTO schedules%'"
                )
                return await shop.value(waiting) == 8

            await eventually(all_wait)
        await asyncio.gather(*looks)
        assert await left(shop) == [(NAME, "failed")], slot
        await empty(shop)


async def test_a_job_that_still_waits_or_runs_is_not_queued_again(shop: Shop) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def hold(process: Process, job: Job) -> None:
        started.set()
        await go.wait()

    await queue_due(shop.process, HOURLY)
    await pass_time(shop, 2)
    await queue_due(shop.process, HOURLY)
    assert await left(shop) == [(NAME, "queued")]
    async with working(shop, {NAME: hold}):
        await started.wait()
        await pass_time(shop, 2)
        await queue_due(shop.process, HOURLY)
        assert await left(shop) == [(NAME, "picked")]
        go.set()
        await done(shop)
    await pass_time(shop, 2)
    await queue_due(shop.process, HOURLY)
    assert await left(shop) == [(NAME, "queued")]


async def test_a_slot_whose_job_could_not_be_queued_is_not_taken(shop: Shop) -> None:
    await shop.execute(
        "ALTER TABLE jobs ADD CONSTRAINT tests_full CHECK (entrypoint <> 'tests.tick')"
    )
    with pytest.raises(Exception, match="tests_full"):
        await queue_due(shop.process, HOURLY)
    await shop.execute("ALTER TABLE jobs DROP CONSTRAINT tests_full")
    await queue_due(shop.process, HOURLY)
    assert await left(shop) == [(NAME, "queued")]


async def test_a_scheduled_job_has_an_id_and_a_request_id_and_no_data(shop: Shop) -> None:
    ran: list[Job] = []
    await queue_due(shop.process, HOURLY)
    async with working(shop, {NAME: note(ran)}):
        await done(shop)
    [job] = ran
    assert job.data == {}
    assert job.id != job.request_id
    assert len(job.request_id) == 36


async def test_two_worker_processes_queue_what_is_scheduled_once(
    shop: Shop, tmp_path: Path
) -> None:
    names = sorted(SCHEDULES)

    async def ran() -> bool:
        rows = await shop.rows("SELECT entrypoint FROM job_log WHERE status = 'successful'")
        return {row["entrypoint"] for row in rows} == set(names)

    async def looked_again() -> bool:
        return all(
            "worker started" in (tmp_path / name).read_text() for name in ("first", "second")
        )

    settings = shop.process.settings
    with (
        running(tmp_path / "first", settings, "worker"),
        running(tmp_path / "second", settings, "worker"),
    ):
        await eventually(looked_again)
        await eventually(ran)
        await asyncio.sleep(0.5)
    # Longer than two workers take to start on any machine.
    long = [name for name in names if SCHEDULES[name](settings) >= 600]
    rows = await shop.rows(
        "SELECT entrypoint FROM job_log WHERE status = 'queued' AND entrypoint = ANY ($1)", long
    )
    assert sorted(row["entrypoint"] for row in rows) == long


async def test_a_job_for_later_waits_for_its_time(shop: Shop) -> None:
    ran: list[Job] = []
    await queue(shop, NAME, after=3600)
    id = await queue(shop, NAME)
    async with working(shop, {NAME: note(ran)}):

        async def one_left() -> bool:
            return len(await left(shop)) == 1

        await eventually(one_left)
        await asyncio.sleep(0.2)
        assert [job.id for job in ran] == [id]
        await shop.execute("UPDATE jobs SET execute_after = execute_after - interval '1 hour'")
        await done(shop)
    assert len(ran) == 2


async def test_a_name_runs_so_many_times_at_once_over_all_workers(shop: Shop) -> None:
    running, most, others, go = 0, 0, 0, asyncio.Event()

    async def narrow(process: Process, job: Job) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1

    async def wide(process: Process, job: Job) -> None:
        nonlocal others
        others += 1

    for _ in range(6):
        await queue(shop, "tests.narrow")
        await queue(shop, "tests.wide")

    async def as_many_as_may() -> bool:
        return running == 2 and others == 6

    handlers, limits = {"tests.narrow": narrow, "tests.wide": wide}, {"tests.narrow": 2}
    async with working(shop, handlers, limits), working(shop, handlers, limits):
        await eventually(as_many_as_may)
        # Two more looks into the queue find no place.
        await asyncio.sleep(0.3)
        go.set()
        await done(shop)
    assert most == 2


@pytest.mark.parametrize("name", ["deposits.charge", "invoices.render"])
async def test_what_takes_long_leaves_room_for_other_jobs(shop: Shop, name: str) -> None:
    asked, begun, expired, go = 0, asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def unanswered(process: Process, job: Job) -> None:
        nonlocal asked
        asked += 1
        begun.set()
        await go.wait()

    async def expire(process: Process, job: Job) -> None:
        expired.set()

    for _ in range(2 * shop.process.settings.jobs_at_once):
        await queue(shop, name)
    handlers = {name: unanswered, "orders.expire": expire}
    async with working(shop, handlers, AT_ONCE):
        await asyncio.wait_for(begun.wait(), 90)
        await queue(shop, "orders.expire")
        await asyncio.wait_for(expired.wait(), 90)
        assert asked < shop.process.settings.jobs_at_once
        go.set()
        await done(shop)


async def test_what_is_scheduled_waits_for_no_other_jobs(shop: Shop) -> None:
    begun, ran, go = 0, asyncio.Event(), asyncio.Event()

    async def bulk(process: Process, job: Job) -> None:
        nonlocal begun
        begun += 1
        await go.wait()

    async def tick(process: Process, job: Job) -> None:
        ran.set()

    async def all_places_taken() -> bool:
        return begun == shop.process.settings.jobs_at_once

    for _ in range(3 * shop.process.settings.jobs_at_once):
        await queue(shop, "invoices.issue")
    handlers = dict.fromkeys(HANDLERS, bulk) | {"orders.expire": tick}
    async with working(shop, handlers, AT_ONCE):
        await eventually(all_places_taken)
        await queue(shop, "orders.expire")
        await asyncio.wait_for(ran.wait(), 90)
        assert begun == shop.process.settings.jobs_at_once
        go.set()
        await done(shop)


async def test_what_somebody_waits_for_comes_before_what_waits_longer(shop: Shop) -> None:
    ran: list[str] = []
    first = asyncio.Event()

    async def work(process: Process, job: Job) -> None:
        ran.append(job.data["kind"])
        await first.wait()

    async def places_taken() -> bool:
        return len(ran) == 2

    shop.process.settings = shop.process.settings.model_copy(update={"jobs_at_once": 2})
    names = ["invoices.issue"] * 12 + ["mail.orderPaid", "mail.resetPassword"]
    async with working(shop, dict.fromkeys(names, work)):
        for name in names[:2]:
            await queue(shop, name, kind=name)
        await eventually(places_taken)
        for name in names[2:]:
            await queue(shop, name, kind=name)
        first.set()
        await done(shop)
    assert ran[2:4] == ["mail.resetPassword", "mail.orderPaid"]
    assert len(ran) == len(names)


async def test_a_second_worker_makes_more_pdfs_at_one_time(shop: Shop) -> None:
    [places] = [lane.at_once for lane in LANES if "invoices.render" in lane.jobs]
    running, go = 0, asyncio.Event()

    async def make(process: Process, job: Job) -> None:
        nonlocal running
        running += 1
        await go.wait()

    async def all_places_taken() -> bool:
        return running == 2 * places

    for _ in range(3 * places):
        await queue(shop, "invoices.render")
    handlers = {"invoices.render": make}
    async with working(shop, handlers, AT_ONCE), working(shop, handlers, AT_ONCE):
        await eventually(all_places_taken)
        # Two more looks into the queue find no place.
        await asyncio.sleep(0.3)
        assert running == 2 * places
        go.set()
        await done(shop)


def test_what_is_scheduled_or_limited_or_first_has_a_handler() -> None:
    in_lanes = [name for lane in LANES for name in lane.jobs]
    assert {*SCHEDULES, *AT_ONCE, *PRIORITIES, *in_lanes} <= {*HANDLERS}
    # Somebody expects every mail.
    assert {name for name in HANDLERS if name.startswith("mail.")} <= {*PRIORITIES}
    assert len(in_lanes) == len({*in_lanes})


def note(ran: list[Job]) -> Handler:
    """A handler that notes what it ran."""

    async def run(process: Process, job: Job) -> None:
        ran.append(job)

    return run
