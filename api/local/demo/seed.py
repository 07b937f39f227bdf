"""Loads the demo shop from its data files, through the operations that callers use.

Thus the books are clean, and every order has its history and its audit rows. Dates lie in the past
because the loader moves the process's clock from event to event.

Each operation commits by itself, so a load that is killed leaves a part of the shop behind. The
table `demo_unfinished` exists from before the first operation until the statement that finishes the
load. The next load that finds it empties the database and begins anew.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from logging import WARNING
from typing import Any

import asyncpg
import structlog

from api.local.demo.content import add_content
from api.local.demo.loader import Clock, Loader
from api.local.demo.orders import add_orders
from api.local.demo.people import add_customers, add_staff
from api.local.demo.products import add_coupons, add_products
from api.local.demo.shop import read_shop
from persistence import migrate
from persistence.database_url import connection_options
from persistence.users.tables import Role
from services.money import currency
from services.process import new_process
from services.settings.settings import Settings
from services.shop import keep_currency

#: Two processes that start together must not both load.
_LOCK = 7_426_332
#: How long a process waits for another one's load, which takes some ten seconds.
_WAIT_SECONDS = 300
#: The loader signs each account in once, when it is made, and uses that session until today.
_SIGNED_IN_SECONDS = 200 * 24 * 3600

_IS_UNFINISHED = "SELECT to_regclass('public.demo_unfinished') IS NOT NULL"
_IS_IN_USE = "SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM products)"
_BEGIN = "CREATE TABLE public.demo_unfinished ()"
#: Runs as one transaction. It ends the loader's sessions and drops mails that nobody reads. It
#: spreads the jobs that write invoices' PDFs, newest first and one every 3 s: the jobs of the first
#: visitors run between them.
_FINISH = """
UPDATE users SET email_verified_at = created_at;
DELETE FROM refresh_tokens;
DELETE FROM sessions;
DELETE FROM idempotency_keys;
DELETE FROM jobs WHERE entrypoint <> 'invoices.render';
UPDATE jobs SET execute_after = now() + place * interval '3 seconds'
FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS place FROM jobs) AS turn
WHERE turn.id = jobs.id;
DROP TABLE public.demo_unfinished;
"""

Progress = Callable[[str], None]


async def seed(settings: Settings, progress: Progress | None = None) -> bool:
    """Load the demo shop into a migrated database; False when it holds users or products already.

    ``progress`` is told each step in a few words. A load takes some ten seconds. After a load that
    was killed, everything in the database is deleted first. Raises RuntimeError in production,
    where logins with a published password must not exist.
    """
    if not settings.development:
        raise RuntimeError("Demo data has a published password: production does not load it.")
    progress = progress or _silent
    # A connection of its own holds the lock: PostgreSQL releases it however this process ends.
    guard = await asyncpg.connect(**connection_options(settings.database_url), timeout=10)
    try:
        await guard.execute(f"SELECT pg_advisory_lock({_LOCK})", timeout=_WAIT_SECONDS)
        if await guard.fetchval(_IS_UNFINISHED):
            progress("beginning anew")
            await asyncio.to_thread(migrate.recreate, settings.database_url)
        elif await guard.fetchval(_IS_IN_USE):
            return False
        else:
            await guard.execute(_BEGIN)
        with _quiet_logs():
            await _load(settings, progress)
        await guard.execute(_FINISH)
        # Without statistics PostgreSQL would plan the first requests for empty tables.
        await guard.execute("ANALYZE")
        return True
    finally:
        await guard.close()


async def _load(settings: Settings, progress: Progress) -> None:
    """Run all operations that make the shop."""
    clock = Clock(datetime.now(UTC))
    process = new_process(
        settings.model_copy(
            update={
                "pool_min": 1,
                "pool_max": 2,
                "access_token_seconds": _SIGNED_IN_SECONDS,
                "refresh_token_seconds": _SIGNED_IN_SECONDS,
                # No order of the demo shop waits for approval, whatever its currency.
                "approval_above": currency(settings.currency).largest,
            }
        ),
        clock,
    )
    loader = Loader(process, clock, ends_at=clock.now)
    shop = read_shop()
    try:
        await keep_currency(process.database, settings.currency)
        await process.tokens.load()
        progress("people")
        staff = await add_staff(loader, shop.staff)
        customers = await add_customers(loader, shop.customers)
        progress("products")
        product_ids = await add_products(loader, shop, staff)
        await add_coupons(loader, shop.coupons, staff[Role.MANAGER])
        progress("orders")
        await add_orders(loader, shop, product_ids, customers, staff, progress)
        progress("posts")
        await add_content(loader, shop, [staff[Role.USER], *customers])
        clock.now = loader.ends_at
        await loader.top_up(staff[Role.USER], loader.amount(Decimal(500)))
    finally:
        await process.close()


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Hides the lines that thousands of operations would log, not their warnings."""
    before: dict[str, Any] = structlog.get_config() if structlog.is_configured() else {}
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(WARNING),
        # A logger that is kept from now on would stay quiet for good.
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        if before:
            structlog.configure(**before)


def _silent(_: str) -> None:
    pass
