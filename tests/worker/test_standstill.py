"""Workers whose database refuses to take jobs back: they go on by themselves, and say it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from services.jobs.queue import Job
from services.process import Process, new_process
from tests.conftest import Addresses, settings_for
from tests.shop import Shop
from tests.worker.work import done, eventually, left, queue, working

#: Longer than a test: what goes on does not go on because a lease ended.
_LONG = 3600


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own, whose workers have two places."""
    settings = settings_for(
        fresh_database,
        addresses.redis_url,
        jobs_at_once=2,
        job_poll_seconds=0.05,
        job_retry_seconds=0.01,
        job_lease_seconds=_LONG,
        worker_health_file=tmp_path / "worker",
    )
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def fill_disk(shop: Shop) -> None:
    """From now on no job can be put back into the queue."""
    await shop.execute(
        "CREATE OR REPLACE FUNCTION tests_full() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
    )
    await shop.execute(
        "CREATE TRIGGER tests_full BEFORE UPDATE ON jobs FOR EACH ROW "
        "WHEN (OLD.status = 'picked' AND NEW.status = 'queued') EXECUTE FUNCTION tests_full()"
    )


async def free_disk(shop: Shop) -> None:
    """From now on jobs can be put back."""
    await shop.execute("DROP TRIGGER tests_full ON jobs")


class Stumbling:
    """A handler that fails once for each job."""

    def __init__(self) -> None:
        self.tries: list[str] = []

    async def __call__(self, process: Process, job: Job) -> None:
        self.tries.append(job.id)
        if self.tries.count(job.id) == 1:
            raise RuntimeError


async def refused(lines: list[Any], count: int) -> None:
    """Wait until so many jobs could not be put back."""

    async def told() -> bool:
        return sum(line["event"] == "job is put back later" for line in lines) >= count

    await eventually(told)


async def test_a_worker_goes_on_when_jobs_can_be_put_back_again(shop: Shop) -> None:
    stumble = Stumbling()
    await fill_disk(shop)
    first = [await queue(shop, "tests.stumble") for _ in range(2)]
    with structlog.testing.capture_logs() as lines:
        async with working(shop, {"tests.stumble": stumble}):
            await refused(lines, 2)
            third = await queue(shop, "tests.stumble")
            # Both places are taken by jobs that nobody runs, whatever the number of looks.
            await asyncio.sleep(0.3)
            assert await left(shop) == [
                ("tests.stumble", "picked"),
                ("tests.stumble", "picked"),
                ("tests.stumble", "queued"),
            ]
            await free_disk(shop)
            await done(shop)
    assert sorted(stumble.tries) == sorted([*first, third] * 2)
    assert await shop.value("SELECT count(*) FROM job_log WHERE status = 'successful'") == 3


async def test_a_job_that_another_worker_took_meanwhile_is_not_put_back(shop: Shop) -> None:
    stumble = Stumbling()
    await fill_disk(shop)
    await queue(shop, "tests.stumble")
    with structlog.testing.capture_logs() as lines:
        async with working(shop, {"tests.stumble": stumble}):
            await refused(lines, 1)
            other = "00000000-0000-0000-0000-000000000001"
            await shop.execute("UPDATE jobs SET queue_manager_id = $1", other)
            await free_disk(shop)
            await asyncio.sleep(0.3)
            assert await left(shop) == [("tests.stumble", "picked")]
    assert str(await shop.value("SELECT queue_manager_id FROM jobs")) == other
    assert len(stumble.tries) == 1


async def test_a_file_grows_old_while_a_worker_takes_nothing_although_a_job_is_due(
    shop: Shop,
) -> None:
    short = {"job_seconds": 0.2, "job_lease_seconds": 0.5}
    shop.process.settings = shop.process.settings.model_copy(update=short)
    file = shop.process.settings.worker_health_file
    assert file is not None

    async def taken_at() -> float:
        return file.stat().st_mtime if file.exists() else 0

    with structlog.testing.capture_logs() as lines:

        async def told() -> int:
            return sum(line["event"] == "worker stands still" for line in lines)

        async def told_more() -> bool:
            return await told() > before

        async def younger() -> bool:
            return await taken_at() > stood_at + 0.2

        await fill_disk(shop)
        for _ in range(2):
            await queue(shop, "tests.stumble")
        async with working(shop, {"tests.stumble": Stumbling()}):
            await refused(lines, 2)
            before = await told()  # a machine that stands still looks the same
            await queue(shop, "tests.stumble")
            await eventually(told_more)
            stood_at = await taken_at()
            await asyncio.sleep(0.3)
            assert 0 < await taken_at() < stood_at + 0.1
            assert await told() == before + 1
            await free_disk(shop)
            await done(shop)
            await eventually(younger)
    assert not file.exists()


async def test_a_file_stays_young_while_nothing_is_due(shop: Shop) -> None:
    file = shop.process.settings.worker_health_file
    assert file is not None
    await queue(shop, "tests.stumble", after=_LONG)
    await queue(shop, "tests.unknown")
    times: set[float] = set()

    async def several() -> bool:
        if file.exists():
            times.add(file.stat().st_mtime)
        return len(times) > 3

    async with working(shop, {"tests.stumble": Stumbling()}):
        await eventually(several)
