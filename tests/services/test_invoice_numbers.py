"""Invoice numbers: one after the other, whoever gives them and whatever ends in the middle."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from persistence.database.transactions import QueryStats
from persistence.orders.statements import LOCK_ORDER
from services.access.callers import viewer_values
from services.books.running import run_checks
from services.errors.common import Internal
from services.invoices.issuing import issue, issue_credit_note, issue_invoice
from services.jobs.queue import Job
from services.process import new_process
from tests.commands import running
from tests.conftest import Addresses, settings_for
from tests.shop import Shop, unique
from tests.worker.work import eventually, working

PAYMENTS = 50


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue and numbers of its own, where the year begins as it does in Berlin."""
    settings = settings_for(
        fresh_database,
        addresses.redis_url,
        job_poll_seconds=0.05,
        job_lease_seconds=1,
        # Fifty payments at one moment wait for ten connections, on a busy machine for long.
        key_wait_seconds=60,
        time_zone="Europe/Berlin",
    )
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def numbers(shop: Shop) -> list[str]:
    """The numbers in the order in which they were given."""
    rows = await shop.rows("SELECT number FROM invoices ORDER BY issued_at, sequence")
    return [row["number"] for row in rows]


def running_on(count: int, year: int) -> list[str]:
    return [f"{year}-{place:06}" for place in range(1, count + 1)]


async def test_fifty_payments_two_workers_and_a_killed_one_leave_no_gap(
    shop: Shop, tmp_path: Path
) -> None:
    buyers = [await shop.person(balance="100.00") for _ in range(PAYMENTS)]
    orders = [await shop.order(buyer) for buyer in buyers]
    log = tmp_path / "log"
    with running(log, shop.process.settings, "worker") as killed:
        paying = asyncio.gather(
            *(shop.pay(buyer, order.id) for buyer, order in zip(buyers, orders, strict=True))
        )

        async def begun() -> bool:
            return len(await numbers(shop)) > 2

        await eventually(begun)
        killed.send_signal(signal.SIGKILL)
        await paying

    async def all_there() -> bool:
        return len(await numbers(shop)) >= PAYMENTS and not await shop.jobs("invoices.issue")

    handlers = {"invoices.issue": issue_invoice}
    async with working(shop, handlers), working(shop, handlers):
        await eventually(all_there)
    year = await shop.value("SELECT max(year) FROM invoices")
    assert await numbers(shop) == running_on(PAYMENTS, year)
    assert await shop.value("SELECT count(DISTINCT order_id) FROM invoices") == PAYMENTS
    found = await run_checks(shop.process.settings.database_url)
    assert [result.name for result in found if result.wrong] == []


async def test_credit_notes_are_numbered_apart_and_without_gaps_by_two_workers(
    shop: Shop,
) -> None:
    buyer = await shop.person(balance="1000.00")
    orders = [(await shop.order(buyer, paid=True)).id for _ in range(10)]
    await asyncio.gather(*(shop.refund(order, amount="1.00") for order in orders for _ in "ab"))

    async def all_there() -> bool:
        waiting = [*await shop.jobs("invoices.issue"), *await shop.jobs("invoices.credit")]
        return not waiting

    # A worker may come to a credit note before another comes to its invoice.
    handlers = {"invoices.issue": issue_invoice, "invoices.credit": issue_credit_note}
    async with working(shop, handlers), working(shop, handlers):
        await eventually(all_there)
    year = await shop.value("SELECT max(year) FROM invoices")
    expected = running_on(10, year) + [f"CN-{number}" for number in running_on(20, year)]
    assert sorted(await numbers(shop)) == sorted(expected)
    found = await run_checks(shop.process.settings.database_url)
    assert [result.name for result in found if result.wrong] == []


async def given(shop: Shop, order_id: str) -> str:
    request = Job(unique(), unique("test-"), {}).request(shop.process)
    return (await issue.by_system(request, {"id": order_id})).number


async def test_a_number_that_was_rolled_back_is_given_again(shop: Shop) -> None:
    buyer = await shop.person(balance="1000.00")
    orders = [(await shop.order(buyer, paid=True)).id for _ in range(3)]
    first = await given(shop, orders[0])
    await shop.execute(f"ALTER TABLE invoices ADD CONSTRAINT no CHECK (order_id <> '{orders[1]}')")
    with pytest.raises(Internal):
        await given(shop, orders[1])
    third = await given(shop, orders[2])
    await shop.execute("ALTER TABLE invoices DROP CONSTRAINT no")
    second = await given(shop, orders[1])
    year = int(first[:4])
    assert [first, third, second] == running_on(3, year)


async def test_numbering_waits_for_no_order_that_is_being_changed(shop: Shop) -> None:
    buyer = await shop.person(balance="1000.00")
    order = await shop.order(buyer, paid=True)
    looks = {**viewer_values(None, "orders", shop.process.clock()), "sees_all": True}
    async with shop.process.database.transaction(QueryStats()) as tx:
        assert await tx.one(LOCK_ORDER, order_id=order.id, **looks)
        # Whoever waited for it would hold the counter meanwhile, and end at the limit of locks.
        assert await given(shop, order.id)


async def test_numbers_begin_anew_with_the_shops_own_year(shop: Shop) -> None:
    at = datetime(2030, 12, 31, 22, 59, tzinfo=UTC)
    buyer = await shop.person(balance="1000.00")
    orders = [(await shop.order(buyer, paid=True)).id for _ in range(5)]
    process = shop.process
    found = []
    for order_id, now in zip(
        orders,
        (
            at,
            at + timedelta(seconds=30),
            at + timedelta(minutes=1),  # midnight in Berlin
            at,  # by another machine, whose clock is slow
            at + timedelta(hours=2),
        ),
        strict=True,
    ):
        process.clock = lambda now=now: now
        found.append(await given(shop, order_id))
    assert found == [*running_on(2, 2030), *running_on(3, 2031)]
    assert await numbers(shop) == found
