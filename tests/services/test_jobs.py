"""Jobs as admins see them, on every door, and beside workers that take them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx
import pytest

from persistence.database.transactions import QueryStats
from services.errors.jobs import JobNotFound, JobStatusInvalid
from services.ids import new_id
from services.jobs import managing as jobs
from services.jobs.queue import DoNotRetry, Job
from services.process import Process, new_process
from tests.conftest import Addresses, settings_for
from tests.faces import Door
from tests.shop import Person, Shop, new_key, unique
from tests.worker.work import done, eventually, left, queue, working

SECRET = "ada@example.com"
NAMES = {"id", "name", "status", "attempts", "error", "createdAt", "runAt", "requestId"}


@pytest.fixture
async def alone(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own, whose jobs have two attempts."""
    settings = settings_for(
        fresh_database,
        addresses.redis_url,
        job_poll_seconds=0.05,
        job_retry_seconds=0.01,
        job_attempts=2,
    )
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def failed(shop: Shop) -> bool:
    """Every job has failed."""
    return all(status == "failed" for _, status in await left(shop))


async def test_a_queued_job_is_shown_without_its_data(
    door: Door, shop: Shop, admin: Person
) -> None:
    name, before = unique("tests."), shop.process.clock()
    id = await queue(shop, name, after=60, to=SECRET)
    [job] = (await door.call("jobs.list", {"name": name}, caller=admin)).ok
    assert set(job) == NAMES
    assert (job["id"], job["name"], job["status"]) == (id, name, "QUEUED")
    assert (job["attempts"], job["error"]) == (0, None)
    assert job["requestId"].startswith("test-")
    created = datetime.fromisoformat(job["createdAt"])
    assert abs(created - before) < timedelta(minutes=1)
    assert datetime.fromisoformat(job["runAt"]) == created + timedelta(seconds=60)
    got = await door.call("jobs.get", {"id": id}, caller=admin)
    assert got.ok == job
    assert SECRET not in str(got.body)


async def test_jobs_are_listed_newest_first_by_name_and_status(
    door: Door, shop: Shop, admin: Person
) -> None:
    name = unique("tests.")
    ids = [await queue(shop, name) for _ in range(3)]
    await shop.execute("UPDATE jobs SET status = 'failed' WHERE dedupe_key = $1", ids[0])
    await shop.execute("UPDATE jobs SET status = 'picked' WHERE dedupe_key = $1", ids[1])

    async def found(**filters: str) -> list[str]:
        return (await door.call("jobs.list", {"name": name, **filters}, caller=admin)).ids()

    assert await found() == ids[::-1]
    assert await found(sort="createdAt") == ids
    by_status = [await found(status=status) for status in ("FAILED", "RUNNING", "QUEUED")]
    assert by_status == [[id] for id in ids]
    assert (await door.call("jobs.list", {"name": unique("x")}, caller=admin)).ok == []


async def test_a_job_is_a_node_for_admins_alone(
    client: httpx.AsyncClient, shop: Shop, admin: Person, manager: Person
) -> None:
    id = await shop.failed_job()
    document = f'{{ node(id: "{id}") {{ id ... on Job {{ status }} }} }}'
    found = []
    for caller in (admin, manager):
        answer = await client.post("/graphql", json={"query": document}, headers=caller.headers)
        found.append(answer.json()["data"]["node"])
    assert found == [{"id": id, "status": "FAILED"}, None]


async def test_a_failed_job_is_queued_again(door: Door, shop: Shop, admin: Person) -> None:
    id, key = await shop.failed_job(), new_key()
    retried = await door.call("jobs.retry", {"id": id}, caller=admin, key=key)
    assert (retried.ok["id"], retried.ok["status"]) == (id, "QUEUED")
    again = await door.call("jobs.retry", {"id": id}, caller=admin, key=key)
    assert (again.ok, again.replayed) == (retried.ok, True)
    row = await shop.last_audit("jobs.retry", admin)
    assert row
    assert (row["entity"], row["entity_id"], row["changed"]) == ("job", id, ["status"])


async def test_a_job_that_waits_or_failed_is_discarded(
    door: Door, shop: Shop, admin: Person
) -> None:
    for id in (await shop.failed_job(), await queue(shop, unique("tests."))):
        assert (await door.call("jobs.discard", {"id": id}, caller=admin)).ok == {"ok": True}
        assert (await door.call("jobs.get", {"id": id}, caller=admin)).code == "JOB_NOT_FOUND"
        again = await door.call("jobs.discard", {"id": id}, caller=admin)
        assert again.code == "JOB_NOT_FOUND"
        said = (
            "SELECT status::text FROM job_log WHERE status = 'deleted' AND job_id = "
            "(SELECT max(job_id) FROM job_log WHERE status = 'deleted')"
        )
        assert await shop.value(said) == "deleted"


@pytest.mark.parametrize(
    ("operation", "status"),
    [("jobs.retry", "queued"), ("jobs.retry", "picked"), ("jobs.discard", "picked")],
)
async def test_a_job_that_does_not_stand_where_it_must_is_left_alone(
    door: Door, shop: Shop, admin: Person, operation: str, status: str
) -> None:
    id = await queue(shop, unique("tests."))
    await shop.execute(f"UPDATE jobs SET status = '{status}' WHERE dedupe_key = $1", id)
    async with shop.unchanged():
        outcome = await door.call(operation, {"id": id}, caller=admin)
    assert (outcome.code, outcome.status) == ("JOB_STATUS_INVALID", 422)


@pytest.mark.parametrize("operation", ["jobs.get", "jobs.retry", "jobs.discard"])
async def test_a_job_that_is_not_there_is_not_found(
    door: Door, shop: Shop, admin: Person, operation: str
) -> None:
    for id in (new_id(shop.process.clock()), "nonsense"):
        async with shop.unchanged():
            outcome = await door.call(operation, {"id": id}, caller=admin)
        assert (outcome.code, outcome.status) == ("JOB_NOT_FOUND", 404)


async def test_what_another_program_queued_is_not_shown(
    door: Door, shop: Shop, admin: Person
) -> None:
    name = unique("tests.")
    await shop.execute(
        "INSERT INTO jobs (priority, status, entrypoint, payload) "
        "VALUES (0, 'failed', $1, 'nonsense')",
        name,
    )
    listed = await door.call("jobs.list", {"name": name, "total": True}, caller=admin)
    assert listed.ok == []
    assert listed.listed.total == 0


async def test_a_job_says_how_often_it_was_tried_and_why_it_failed(alone: Shop) -> None:
    async def fail(process: Process, job: Job) -> None:
        raise RuntimeError(SECRET)

    async def give_up(process: Process, job: Job) -> None:
        raise DoNotRetry("nobody there")

    admin = await alone.person("ADMIN")
    first, second = await queue(alone, "tests.fail"), await queue(alone, "tests.giveUp")
    waiting = await queue(alone, "tests.waits", after=3600)

    async def both_failed() -> bool:
        return [status for _, status in await left(alone)] == ["failed", "failed", "queued"]

    async with working(alone, {"tests.fail": fail, "tests.giveUp": give_up}):
        await eventually(both_failed)
    found = {
        id: await jobs.get(alone.request(admin), {"id": id}) for id in (first, second, waiting)
    }
    assert {id: (job.attempts, job.error) for id, job in found.items()} == {
        first: (2, "RuntimeError"),
        second: (1, "nobody there"),
        waiting: (0, None),
    }


async def test_a_job_that_is_tried_again_says_why_it_failed_before(alone: Shop) -> None:
    alone.process.settings = alone.process.settings.model_copy(
        update={"job_retry_seconds": 3600, "job_retry_max_seconds": 3600}
    )

    async def fail(process: Process, job: Job) -> None:
        raise RuntimeError(SECRET)

    admin, id = await alone.person("ADMIN"), await queue(alone, "tests.fail")

    async def waits() -> bool:
        job = await jobs.get(alone.request(admin), {"id": id})
        return (job.status, job.attempts, job.error) == ("QUEUED", 1, "RuntimeError")

    async with working(alone, {"tests.fail": fail}):
        await eventually(waits)


async def test_a_job_that_is_retried_has_all_its_attempts_and_is_done(alone: Shop) -> None:
    tries = 0

    async def stumble(process: Process, job: Job) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise RuntimeError

    admin, id = await alone.person("ADMIN"), await queue(alone, "tests.stumble")
    async with working(alone, {"tests.stumble": stumble}):
        await eventually(lambda: failed(alone))
        await jobs.retry(alone.request(admin), {"id": id})
        await done(alone)
    assert tries == 4
    with pytest.raises(JobNotFound):
        await jobs.get(alone.request(admin), {"id": id})


async def test_a_limited_job_that_is_retried_gets_a_place_again(alone: Shop) -> None:
    ran = 0

    async def stumble(process: Process, job: Job) -> None:
        nonlocal ran
        ran += 1
        if ran <= 2:
            raise DoNotRetry("not yet")

    admin = await alone.person("ADMIN")
    ids = [await queue(alone, "tests.narrow") for _ in range(2)]
    async with working(alone, {"tests.narrow": stumble}, {"tests.narrow": 1}):
        await eventually(lambda: failed(alone))
        for id in ids:
            await jobs.retry(alone.request(admin), {"id": id})
        await done(alone)
    assert ran == 4


async def test_a_job_is_run_or_discarded_and_never_both(alone: Shop) -> None:
    """Workers take jobs while admins discard them: each job has one end."""
    ran: list[str] = []

    async def note(process: Process, job: Job) -> None:
        ran.append(job.id)
        await asyncio.sleep(0.005)

    admin = await alone.person("ADMIN")
    ids = [await queue(alone, "tests.note") for _ in range(150)]

    async def discard(id: str) -> str | None:
        try:
            await jobs.discard(alone.request(admin), {"id": id})
        except (JobNotFound, JobStatusInvalid):
            return None
        return id

    async def begun() -> list[str]:
        return ran

    async with working(alone, {"tests.note": note}), working(alone, {"tests.note": note}):
        await eventually(begun)
        discarded = []
        # From the end of the queue and from its front, where the workers are.
        for first, last in zip(ids[::2], reversed(ids[1::2]), strict=True):
            discarded += await asyncio.gather(discard(first), discard(last))
        await done(alone)
    gone = [id for id in discarded if id]
    assert sorted([*ran, *gone]) == sorted(ids)
    assert ran
    assert gone


async def test_a_job_that_a_worker_is_just_taking_is_not_discarded(alone: Shop) -> None:
    admin, id = await alone.person("ADMIN"), await queue(alone, "tests.note")

    async def waits() -> bool:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        return await alone.value(waiting) == 1

    async with alone.process.database.transaction(QueryStats()) as tx:
        await tx.run("UPDATE jobs SET status = 'picked'")
        discarding = asyncio.create_task(jobs.discard(alone.request(admin), {"id": id}))
        await eventually(waits)
    with pytest.raises(JobStatusInvalid):
        await discarding
    assert await left(alone) == [("tests.note", "picked")]


async def test_admins_who_retry_one_job_at_one_moment_queue_it_once(alone: Shop) -> None:
    ran: list[str] = []

    async def note(process: Process, job: Job) -> None:
        ran.append(job.id)
        await asyncio.sleep(0.05)

    admin = await alone.person("ADMIN")

    async def retry(id: str) -> bool:
        try:
            await jobs.retry(alone.request(admin), {"id": id})
        except (JobNotFound, JobStatusInvalid):
            return False
        return True

    ids = [await alone.failed_job("tests.note") for _ in range(5)]
    async with working(alone, {"tests.note": note}):
        for id in ids:
            assert sum(await asyncio.gather(*(retry(id) for _ in range(6)))) == 1
        await done(alone)
    assert sorted(ran) == sorted(ids)
