"""A flood of paid orders: two workers finish it, and what is scheduled keeps its intervals."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from services.process import new_process
from tests.commands import running
from tests.conftest import Addresses, settings_for
from tests.shop import Shop
from tests.worker.work import eventually

_ORDERS = 2_000
#: The longest that two workers may take, in seconds.
_LIMIT = 600
_INTERVAL = 5.0


@pytest.fixture
async def shop(
    fresh_database: str, addresses: Addresses, password_hash: str
) -> AsyncIterator[Shop]:
    """A shop with a queue of its own."""
    settings = settings_for(
        fresh_database,
        addresses.redis_url,
        expiry_seconds=_INTERVAL,
        audit_seal_seconds=_INTERVAL,
    )
    process = new_process(settings)
    yield Shop(process, password_hash)
    await process.close()


async def pay_orders(shop: Shop, count: int) -> None:
    """Paid orders of ten buyers, whose jobs wait."""
    product = await shop.product(stock=count)
    buyers = [await shop.person() for _ in range(10)]

    async def buy(place: int) -> None:
        buyer = buyers[place]
        await shop.deposit(buyer, "9999.00")
        for _ in range(place, count, len(buyers)):
            await shop.order(buyer, [(product.id, 1)], paid=True)

    assert Decimal(product.price) * count / len(buyers) < 9999
    await asyncio.gather(*[buy(place) for place in range(len(buyers))])


async def finish(shop: Shop, count: int, folder: Path) -> None:
    """Let two workers make every PDF and send every mail."""

    async def all_done() -> bool:
        waiting = "SELECT count(*) FROM jobs WHERE entrypoint LIKE 'invoices.%' OR priority > 0"
        made = await shop.value("SELECT count(*) FROM invoice_pdfs")
        return made == count and await shop.value(waiting) == 0

    settings, poll = shop.process.settings, {"TANDEM_JOB_POLL_SECONDS": "1"}
    with (
        running(folder / "first", settings, "worker", **poll),
        running(folder / "second", settings, "worker", **poll),
    ):
        await eventually(all_done, _LIMIT)


@pytest.mark.soak
async def test_two_workers_finish_a_flood_of_paid_orders(shop: Shop, tmp_path: Path) -> None:
    await pay_orders(shop, _ORDERS)
    await finish(shop, _ORDERS, tmp_path)
    rows = await shop.rows(
        "SELECT entrypoint, count(*)::int, "
        "extract(epoch FROM max(created) - min(created))::float AS seconds "
        "FROM job_log WHERE status = 'successful' GROUP BY 1"
    )
    ran = {row["entrypoint"]: row for row in rows}
    assert ran["invoices.render"]["count"] == ran["mail.orderPaid"]["count"] == _ORDERS
    for name in ("orders.expire", "audit.seal"):
        # Not every five seconds to the moment, because workers look once a second.
        assert ran[name]["count"] > ran[name]["seconds"] / (1.5 * _INTERVAL), ran
        assert ran[name]["seconds"] > ran["invoices.render"]["seconds"] / 2, ran
