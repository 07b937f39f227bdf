"""Run the checks of the books: do money, stock and orders in a database agree with each other?

Each check is one query in plain SQL over the tables, so that it shares no code with what it
checks. All checks read one snapshot, so that a shop can be checked while it sells.

No check relies on the order of `created_at`: a call reads the clock before it waits for a lock,
so a row that is written first may carry the later time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from persistence.database_url import connection_options
from services.books.audit import AUDIT_CHECKS
from services.books.check import Check
from services.books.content import CONTENT_CHECKS
from services.books.coupons import COUPON_CHECKS
from services.books.deposits import DEPOSIT_CHECKS
from services.books.idempotency import IDEMPOTENCY_CHECKS
from services.books.invoices import INVOICE_CHECKS
from services.books.ledger import LEDGER_CHECKS
from services.books.orders import ORDER_CHECKS
from services.books.refunds import REFUND_CHECKS
from services.books.stock import STOCK_CHECKS

CONNECT_SECONDS = 5
CHECK_SECONDS = 300  # for one check; a million postings take some seconds
IDS_NAMED = 5

CHECKS = (
    *LEDGER_CHECKS,
    *STOCK_CHECKS,
    *ORDER_CHECKS,
    *REFUND_CHECKS,
    *DEPOSIT_CHECKS,
    *IDEMPOTENCY_CHECKS,
    *AUDIT_CHECKS,
    *COUPON_CHECKS,
    *INVOICE_CHECKS,
    *CONTENT_CHECKS,
)

_RUN = """
SELECT count(*), count(*) FILTER (WHERE wrong IS NOT FALSE),
    (array_agg(id::text ORDER BY id) FILTER (WHERE wrong IS NOT FALSE))[:{ids}]
FROM ({sql}) AS looked_at(id, wrong)
"""


class Unreadable(Exception):
    """The database cannot be checked; the message is one sentence for a person."""


@dataclass(frozen=True)
class CheckResult:
    """The result of a check: how many things it checked, how many are wrong, and the first ids."""

    name: str
    checked: int
    wrong: int
    ids: Sequence[str]


async def run_checks(database_url: str) -> list[CheckResult]:
    """Run every check in one snapshot, in the order of `CHECKS`; raises `Unreadable`."""
    try:
        connection = await asyncpg.connect(
            **connection_options(database_url),
            timeout=CONNECT_SECONDS,
            command_timeout=CHECK_SECONDS + 5,
            server_settings={
                "application_name": "tandem books",
                "statement_timeout": str(CHECK_SECONDS * 1000),
                "lock_timeout": "5000",
                "jit": "off",
            },
        )
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return [await _run(connection, check) for check in CHECKS]
        finally:
            await connection.close(timeout=CONNECT_SECONDS)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        message = f"The database is not a Tandem of this version ({error}): run tandem migrate."
        raise Unreadable(message) from None
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or "no answer in time"
        raise Unreadable(f"The database cannot be read ({reason}).") from None


async def _run(connection: asyncpg.Connection, check: Check) -> CheckResult:
    row = await connection.fetchrow(_RUN.format(ids=IDS_NAMED, sql=check.sql))
    assert row is not None
    return CheckResult(check.name, row[0], row[1], row[2] or [])
