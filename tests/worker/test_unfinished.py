"""What a dead or discarded job owed is queued again."""

from collections.abc import AsyncIterator

import pytest

from services.jobs.handlers import HANDLERS
from services.jobs.queue import Job
from services.jobs.unfinished import queue_again
from services.process import new_process
from tests.conftest import Addresses, settings_for
from tests.shop import Clock, Shop
from tests.worker.work import done, working

JOB = Job("job", "a-request", {})
OWED = ("deposits.charge", "invoices.issue", "invoices.credit", "invoices.render")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str, clock: Clock
) -> AsyncIterator[Shop]:
    """A shop of its own, with nothing owed but what the test leaves."""
    process = new_process(settings_for(fresh_database, addresses.redis_url), clock)
    await process.open()
    yield Shop(process, password_hash)
    await process.close()


async def queued(shop: Shop) -> dict[str, list[dict[str, str]]]:
    found = {name: [job["data"] for job in await shop.jobs(name)] for name in OWED}
    return {name: data for name, data in found.items() if data}


async def test_what_is_owed_since_a_day_is_queued_again_and_done(shop: Shop, clock: Clock) -> None:
    ada = await shop.person(balance="100.00")
    deposit = await shop.deposit(ada, "9000.04")
    assert deposit.status == "PENDING"
    order = await shop.order(ada, paid=True)
    refund = await shop.refund(order.id, amount="1.00")
    await shop.execute("DELETE FROM jobs")
    await queue_again(shop.process, JOB)
    assert await queued(shop) == {}

    clock.forward(days=1, minutes=1)
    await queue_again(shop.process, JOB)
    assert await queued(shop) == {
        "deposits.charge": [{"depositId": deposit.id}],
        "invoices.issue": [{"orderId": order.id}],
        "invoices.credit": [{"refundId": refund.id}],
    }
    # What a job does already is left to it.
    before = await queued(shop)
    await queue_again(shop.process, JOB)
    assert await queued(shop) == before
    async with working(shop, HANDLERS):
        await done(shop)
    kinds = "SELECT kind FROM invoices JOIN invoice_pdfs ON invoice_id = invoices.id ORDER BY kind"
    assert [row["kind"] for row in await shop.rows(kinds)] == ["CREDIT_NOTE", "INVOICE"]
    status = "SELECT status FROM deposits WHERE id = $1"
    assert await shop.value(status, deposit.id) == "SUCCEEDED"
    clock.forward(days=2)
    await queue_again(shop.process, JOB)
    assert await queued(shop) == {}


async def test_a_file_that_was_never_made_is_made(shop: Shop, clock: Clock) -> None:
    ada = await shop.person(balance="100.00")
    order = await shop.order(ada, paid=True)
    await HANDLERS["invoices.issue"](shop.process, Job("job", "a", {"orderId": order.id}))
    await shop.execute("DELETE FROM jobs")
    clock.forward(days=2)
    await queue_again(shop.process, JOB)
    assert list(await queued(shop)) == ["invoices.render"]
