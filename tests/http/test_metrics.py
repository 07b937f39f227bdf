"""Metrics: what monitoring reads, the same whichever process it asks."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from persistence.database.connections import PoolUse
from services.jobs.handlers import HANDLERS, LANES
from services.jobs.lanes import QUEUE_CONNECTIONS, split
from services.jobs.queue import DoNotRetry, Job
from services.metrics import REGISTRY
from services.process import Process, new_process
from services.process_metrics import PoolWatch, ProcessMetrics
from services.settings.settings import Environment
from tests.commands import running
from tests.conftest import Addresses, client_of, settings_for
from tests.faces import FACES, Door
from tests.services.test_cache import stored
from tests.shop import Person, Shop, new_key, unique
from tests.worker.work import eventually, free_port, left, queue, working

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def alone(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own."""
    settings = settings_for(fresh_database, addresses.redis_url, job_poll_seconds=0.05)
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def measured(client: httpx.AsyncClient) -> Samples:
    """Every sample that is served."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float | None:
    """One sample."""
    return samples.get((name, frozenset(labels.items())))


@pytest.mark.parametrize("face", FACES)
async def test_calls_are_counted_by_operation_face_and_outcome(
    faces: dict[str, Door], client: httpx.AsyncClient, user: Person, face: str
) -> None:
    def counted(samples: Samples) -> list[float]:
        called = {"operation": "orders.pay", "face": face}
        return [
            of(samples, "tandem_operations_total", **called, outcome="ORDER_NOT_FOUND") or 0,
            of(samples, "tandem_operations_total", **called, outcome="FORBIDDEN") or 0,
            of(samples, "tandem_operation_seconds_count", **called) or 0,
        ]

    before = counted(await measured(client))
    for _ in range(2):
        outcome = await faces[face].call(
            "orders.pay", {"id": "nonsense"}, caller=user, key=new_key()
        )
        assert outcome.code == "ORDER_NOT_FOUND"
    after = counted(await measured(client))
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 0, 2]


async def test_the_queue_is_measured_as_it_is(client: httpx.AsyncClient, shop: Shop) -> None:
    name = unique("tests.")
    await queue(shop, name, after=3600)
    for _ in range(2):
        await queue(shop, name)
    await shop.failed_job(name)
    await shop.execute(
        "UPDATE jobs SET execute_after = now() - interval '100 seconds' "
        "WHERE entrypoint = $1 AND execute_after <= now()",
        name,
    )
    later = unique("tests.")
    await queue(shop, later, after=3600)
    samples = await measured(client)
    assert of(samples, "tandem_jobs", job=name, status="QUEUED") == 3
    assert of(samples, "tandem_jobs", job=name, status="FAILED") == 1
    overdue = of(samples, "tandem_job_overdue_seconds", job=name)
    assert overdue
    assert 100 <= overdue < 200
    # What waits for its time is not late.
    assert of(samples, "tandem_job_overdue_seconds", job=later) is None


async def test_attempts_of_jobs_are_counted_by_how_they_ended(
    alone: Shop, client: httpx.AsyncClient
) -> None:
    tries = 0

    async def stumble(process: Process, job: Job) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError
        if job.data:
            raise DoNotRetry("no")

    alone.process.settings = alone.process.settings.model_copy(update={"job_retry_seconds": 0.01})
    name = unique("tests.")
    await queue(alone, name)
    await queue(alone, name, hopeless=True)

    async def over() -> bool:
        return await left(alone) == [(name, "failed")]

    async with working(alone, {name: stumble}):
        await eventually(over)
    samples = await measured(client)
    counts = {
        outcome: of(samples, "tandem_job_attempts_total", job=name, outcome=outcome)
        for outcome in ("OK", "RETRY", "DEAD")
    }
    assert counts == {"OK": 1, "RETRY": 1, "DEAD": 1}
    assert of(samples, "tandem_job_seconds_count", job=name) == 3


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"metrics": False}, 404),
        ({"environment": Environment.PRODUCTION}, 404),
        ({"environment": Environment.PRODUCTION, "metrics": True}, 200),
    ],
)
async def test_metrics_are_served_where_the_operator_wants_them(
    process: Process, said: dict[str, Any], status: int
) -> None:
    settings = process.settings.model_copy(update=said)
    async with client_of(create_app(replace(process, settings=settings))) as client:
        assert (await client.get("/metrics")).status_code == status


async def test_counts_are_served_while_the_database_is_away(
    process: Process, settings: Any
) -> None:
    nowhere = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    away = new_process(nowhere)
    try:
        async with client_of(create_app(away)) as client:
            samples = await measured(client)
    finally:
        await away.close()
    assert any(name == "tandem_operations_total" for name, _ in samples)
    assert not any(name == "tandem_jobs" for name, _ in samples)


def pids_of(samples: Samples) -> set[str]:
    """The processes that tell of their pools."""
    found = [dict(labels) for name, labels in samples if name == "tandem_pool_limit"]
    return {labels["pid"] for labels in found}


async def test_whichever_process_is_asked_speaks_for_all(alone: Shop, tmp_path: Path) -> None:
    port = free_port()
    words = ["serve", "--no-demo", "--port", str(port), "--workers", "2"]
    url = f"http://127.0.0.1:{port}"
    calls = 30

    async def asked() -> bool:
        # A connection each, so that both processes get some.
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            answer = await client.get("/api/v2/products")
            # A slow machine may refuse some; they are sent again, as a client does.
            assert answer.status_code in (200, 503)
            return answer.status_code == 200

    async def ready() -> bool:
        try:
            async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                return (await client.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def worked() -> bool:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            samples = await measured(client)
        found = of(samples, "tandem_job_attempts_total", job="jobs.forgetOld", outcome="OK")
        return found == 1

    with running(tmp_path / "log", alone.process.settings, *words):
        await eventually(ready)
        await asyncio.gather(*(eventually(asked) for _ in range(calls)))
        for _ in range(8):
            async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                samples = await measured(client)
            called = {"operation": "products.list", "face": "v2", "outcome": "OK"}
            assert of(samples, "tandem_operations_total", **called) == calls
        await eventually(worked)
        pids: set[str] = set()

        async def all_tell() -> bool:
            nonlocal pids
            try:
                async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                    pids = pids_of(await measured(client))
            except httpx.TransportError:  # it met the process that is killed below
                return False
            return len(pids) == 3  # two servers and a worker

        await eventually(all_tell)
        # A process that has ended tells nothing, and another one takes its place.
        dead = min(pids)
        os.kill(int(dead), signal.SIGKILL)

        async def replaced() -> bool:
            return await all_tell() and dead not in pids

        await eventually(replaced)


async def test_a_process_tells_of_its_pool_its_cache_its_loop_and_itself(
    settings: Any, shop: Shop
) -> None:
    process = new_process(settings.model_copy(update={"pool_max": 3, "pool_wait_seconds": 60}))
    product = await shop.product()
    sampler = ProcessMetrics(process)
    async with client_of(create_app(process)) as client:
        before = await measured(client)
        await sampler.sample()
        for _ in range(3):
            await client.get(f"/api/v2/products/{product.id}")
            await eventually(lambda: stored(process))
        async with AsyncExitStack() as lent:
            for _ in range(3):
                await lent.enter_async_context(process.database.connection())
            late = asyncio.create_task(lent.enter_async_context(process.database.connection()))
            await asyncio.sleep(0)
            await sampler.sample()
            samples = await measured_of(process)
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)
        process.redis_reachability.failed(OSError("planted"))
        await sampler.sample()
        after = await measured_of(process)
    await process.close()
    pool = [of(samples, f"tandem_pool_{name}") for name in ("in_use", "waiting", "open", "limit")]
    assert pool == [3, 1, 3, 3]
    assert of(after, "tandem_pool_in_use") == 0
    for outcome, count in (("HIT", 2), ("MISS", 1)):
        was = of(before, "tandem_cache_lookups_total", outcome=outcome) or 0
        assert of(after, "tandem_cache_lookups_total", outcome=outcome) == was + count
    assert [of(samples, "tandem_reachable", server=one) for one in ("PostgreSQL", "Redis")] == [
        1,
        1,
    ]
    assert of(after, "tandem_reachable", server="Redis") == 0
    assert (of(after, "tandem_event_loop_lag_seconds_count") or 0) >= 2
    assert (of(after, "process_cpu_seconds_total") or 0) > 0
    if sys.platform == "linux":
        assert (of(after, "process_resident_memory_bytes") or 0) > 10_000_000
        assert (of(after, "process_open_fds") or 0) > 3


async def measured_of(process: Process) -> Samples:
    """Every sample of this process, while its pool may be all in use."""
    text = generate_latest(REGISTRY).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_pool_that_stays_nearly_full_is_told_once_and_when_it_has_room_again() -> None:
    watch = PoolWatch()

    def looked(in_use: int, now: float) -> list[tuple[str, str]]:
        with structlog.testing.capture_logs() as lines:
            watch.look(PoolUse(in_use, 0, 20, 20), now)
        return [(line["log_level"], line["event"]) for line in lines]

    assert [looked(16, now) for now in (0, 10, 29.5)] == [[], [], []]
    assert looked(15, 29.8) == []  # it had room for a moment
    assert [looked(16, now) for now in (30, 59)] == [[], []]
    assert looked(20, 60) == [("warning", "database pool is nearly full")]
    assert looked(20, 600) == []
    assert looked(15, 601) == [("info", "database pool has room again")]
    assert looked(16, 602) == []


def test_a_worker_opens_as_many_connections_as_start_and_doctor_count() -> None:
    assert 2 * len(split(HANDLERS, LANES, 10)) == QUEUE_CONNECTIONS
