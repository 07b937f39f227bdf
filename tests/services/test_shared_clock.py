"""Processes whose machine has another time: PostgreSQL's decides for all of them."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import structlog

from api.cli.doctor import clock_found
from api.cli.terminal import Problem
from services import health
from services.health import Health
from services.jobs.handlers import HANDLERS
from services.process import new_process
from services.settings.settings import Settings
from services.shared_clock import MOST_OFF, SharedClock
from services.users import own_account
from tests.conftest import Addresses, settings_for
from tests.shop import Clock, Person, Shop
from tests.worker.work import done, queue, working

_MINUTES = 20  # longer than an order holds its stock, and than a token lives


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop whose machine has the right time."""
    settings = settings_for(fresh_database, addresses.redis_url, job_poll_seconds=0.05)
    process = new_process(settings)
    await process.open()
    yield Shop(process, password_hash)
    await process.close()


@pytest.fixture(params=[_MINUTES, -_MINUTES], ids=["ahead", "behind"])
async def elsewhere(
    shop: Shop, password_hash: str, request: pytest.FixtureRequest
) -> AsyncIterator[Shop]:
    """The same shop in a process whose machine has another time."""
    clock = Clock()
    clock.forward(minutes=request.param)
    process = new_process(shop.process.settings, own_clock=clock)
    await process.open()
    yield Shop(process, password_hash)
    await process.close()


async def status(shop: Shop, order: Any) -> str:
    """The status of an order, once the job that expires orders has run."""
    await queue(shop, "orders.expire")
    async with working(shop, HANDLERS):
        await done(shop)
    return await shop.value("SELECT status FROM orders WHERE id = $1", order.id)


async def test_an_order_expires_at_its_time_whatever_a_worker_s_machine_says(
    shop: Shop, elsewhere: Shop
) -> None:
    order = await shop.order(await shop.person(balance="100.00"))
    assert await status(elsewhere, order) == "PENDING"
    await shop.execute("UPDATE orders SET expires_at = now() WHERE id = $1", order.id)
    assert await status(elsewhere, order) == "EXPIRED"


async def test_an_order_that_another_machine_placed_holds_its_stock_as_long(
    shop: Shop, elsewhere: Shop
) -> None:
    order = await elsewhere.order(await elsewhere.person(balance="100.00"))
    assert await status(shop, order) == "PENDING"
    left = await shop.value("SELECT expires_at - now() FROM orders WHERE id = $1", order.id)
    wanted = timedelta(seconds=shop.process.settings.hold_seconds)
    assert wanted - timedelta(minutes=1) < left < wanted + timedelta(minutes=1)


async def test_tokens_of_one_machine_are_taken_on_another(shop: Shop, elsewhere: Shop) -> None:
    async def known(shop: Shop, person: Person) -> str:
        return (await own_account.me(shop.request(person), {})).id

    for here, there in ((shop, elsewhere), (elsewhere, shop)):
        ada = await here.person()
        assert await known(there, ada) == await known(here, ada) == ada.id


async def test_a_clock_that_is_nearly_right_is_not_corrected(shop: Shop) -> None:
    clock = Clock()
    shared = SharedClock(shop.process.database, clock)

    def corrected() -> bool:
        return not clock() <= shared() <= clock()

    await shared.measure()
    assert not corrected()
    clock.forward(minutes=_MINUTES)
    assert not corrected()  # until it is measured
    await shared.measure()
    assert corrected()
    assert abs(shared() - await shop.value("SELECT clock_timestamp()")) < timedelta(minutes=1)
    clock.forward(minutes=-_MINUTES)
    await shared.measure()
    assert not corrected()


async def test_a_process_says_that_its_clock_is_wrong(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_CHECK_SECONDS", 30)  # a slow machine is sound
    clock = Clock()
    process = new_process(shop.process.settings, own_clock=clock)
    try:
        with structlog.testing.capture_logs() as lines:
            await process.shared_clock.measure()
            assert (await Health(process).find()).status == "ok"
            clock.ahead = MOST_OFF + timedelta(minutes=1)
            for _ in range(3):
                await process.shared_clock.measure()
            # The process corrects its clock, so it may serve.
            assert (await Health(process).find()).status == "degraded"
            assert await Health(process).ready()
            clock.ahead = timedelta(0)
            await process.shared_clock.measure()
            assert (await Health(process).find()).status == "ok"
        said = [line for line in lines if line["event"].startswith("clock")]
        assert [line["event"] for line in said] == ["clock is wrong", "clock is right again"]
        # A measurement is off by half of the time that it takes, at most.
        assert 55 < said[0]["ahead"] < 75
    finally:
        await process.close()


async def test_the_doctor_says_that_a_clock_is_wrong(shop: Shop) -> None:
    clock, settings = Clock(), shop.process.settings
    # A measurement is off by half of the time that it takes, at most.
    assert re.match(r"[0-4]\.\d s (ahead of|behind) PostgreSQL's", await found(settings, clock))
    clock.forward(seconds=-60)
    with pytest.raises(Problem, match=r"^(5[5-9]|6[0-5])\.\d s behind PostgreSQL's"):
        await found(settings, clock)


async def found(settings: Settings, clock: Clock) -> str:
    """What the doctor finds of a clock."""
    return await asyncio.to_thread(clock_found, settings, clock)
