"""What is kept for so long and no longer."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.jobs.handlers import SCHEDULES
from services.jobs.queue import Job
from services.jobs.retention import forget_access, forget_jobs
from services.jobs.schedules import queue_due
from services.orders import buying as orders_buying
from services.process import new_process
from tests.conftest import Addresses, settings_for
from tests.shop import Clock, Shop, new_key

JOB = Job("job", "a-request", {})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str, clock: Clock
) -> AsyncIterator[Shop]:
    """A shop of its own: what is forgotten here is nobody else's."""
    settings = settings_for(fresh_database, addresses.redis_url)
    process = new_process(settings, clock)
    await process.open()
    yield Shop(process, password_hash)
    await process.close()


async def test_what_ended_long_ago_is_forgotten_and_what_lives_is_not(
    shop: Shop, clock: Clock
) -> None:
    ada = await shop.person(balance="100.00")
    ended, alive = await shop.signed_in_again(ada), await shop.signed_in_again(ada)
    await shop.revoke(ended)
    gone = await shop.machine(ada, "orders:read:own")
    kept = await shop.machine(ada, "orders:read:own")
    for person, ends in ((gone, "now()"), (kept, "now() + interval '1 year'")):
        await shop.execute(
            f"UPDATE api_keys SET expires_at = {ends} WHERE id = $1",
            person.key_id,
        )
    await shop.execute(
        "UPDATE sessions SET expires_at = now() + interval '1 year' WHERE id = $1", alive.session_id
    )
    clock.forward(days=89)
    await forget_access(shop.process, JOB)
    sessions = "SELECT id::text FROM sessions WHERE user_id = $1"
    assert len(await shop.rows(sessions, ada.id)) == 3
    clock.forward(days=10)
    await forget_access(shop.process, JOB)
    assert await shop.rows(sessions, ada.id) == [{"id": alive.session_id}]
    tokens = (
        "SELECT session_id::text AS id FROM refresh_tokens"
        " WHERE session_id IN (SELECT id FROM sessions WHERE user_id = $1)"
    )
    assert await shop.rows(tokens, ada.id) == [{"id": alive.session_id}]
    keys = "SELECT id::text FROM api_keys WHERE user_id = $1"
    assert await shop.rows(keys, ada.id) == [{"id": kept.key_id}]


async def test_a_key_is_forgotten_once_it_has_expired_and_not_before(
    shop: Shop, clock: Clock
) -> None:
    ada = await shop.person(balance="100.00")
    order, key = await shop.order(ada), new_key()
    await orders_buying.pay(shop.request(ada), {"id": order.id}, key=key)
    count = "SELECT count(*) FROM idempotency_keys WHERE key = $1"
    clock.forward(hours=24)
    await forget_access(shop.process, JOB)
    assert await shop.value(count, key) == 1
    clock.forward(hours=2)
    await forget_access(shop.process, JOB)
    assert await shop.value(count, key) == 0


async def test_the_log_of_jobs_that_come_by_themselves_is_short(shop: Shop) -> None:
    await queue_due(shop.process, SCHEDULES)
    name = "orders.expire"
    await shop.execute("DELETE FROM jobs WHERE entrypoint = $1", name)
    await shop.execute("UPDATE job_log SET created = created - $1::interval", timedelta(hours=2))
    count = "SELECT count(*) FROM job_log WHERE entrypoint = $1"
    assert await shop.value(count, name) >= 1
    await forget_jobs(shop.process, JOB)
    assert await shop.value(count, name) == 0
    # What has not run yet keeps its log: its starts are counted by it.
    assert await shop.value(count, "audit.seal") >= 1
