"""The books: whether money, stock and orders in a database agree with each other.

Each check is one query of its own in plain SQL, over the tables alone, so that it shares no code
with what it checks. All of them read one snapshot, so a shop may be checked while it sells.

No check leans on the order of `created_at`: a call reads the clock before it waits for a lock, so
what was written first may carry the later time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from persistence.orders.statuses import MOVES, WAITING_STATUSES, listed
from persistence.wallet import SHOP
from services.books.coupons import COUPON_CHECKS
from services.books.invoices import INVOICE_CHECKS
from services.books.refunds import REFUND_CHECKS

CONNECT_SECONDS = 5
CHECK_SECONDS = 300  # for one check; a million postings take some seconds
IDS_NAMED = 5


class Unreadable(Exception):
    """The database cannot be checked; the message is one sentence for a person."""


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    ``sql`` answers ``(id text, wrong boolean)``, a row for each thing looked at; NULL counts as
    wrong.
    """

    name: str
    sql: str


@dataclass(frozen=True)
class Figure:
    """What a check found: things looked at, how many of them are wrong, and the first few."""

    name: str
    checked: int
    wrong: int
    ids: Sequence[str]


_STEPS = ", ".join(
    f"('{move.before}', '{move.after}')" if move.before else f"(NULL, '{move.after}')"
    for move in MOVES
)
_WAITING = listed(WAITING_STATUSES)

CHECKS = (
    Check(
        "transfers sum to zero",
        """
        SELECT transfers.id, sum(amount) = 0 IS NOT TRUE
        FROM transfers LEFT JOIN postings ON transfer_id = transfers.id GROUP BY transfers.id
        """,
    ),
    Check(
        "all postings sum to zero",
        "SELECT 'postings', coalesce(sum(amount), 0) <> 0 FROM postings",
    ),
    Check(
        "transfers have a cause",
        """
        SELECT id, CASE kind
            WHEN 'DEPOSIT' THEN deposit_id IS NULL OR order_id IS NOT NULL
            ELSE order_id IS NULL OR deposit_id IS NOT NULL END
        FROM transfers
        """,
    ),
    Check(
        "wallets hold the sum of their postings",
        """
        SELECT accounts.id, balance <> coalesce(sum(amount), 0)
        FROM accounts LEFT JOIN postings ON account_id = accounts.id
        WHERE kind = 'WALLET' GROUP BY accounts.id
        """,
    ),
    # From 0 to the sum, each posting leads from one balance to the next, in whatever order. So
    # every balance is reached as often as it is left, but for the first and the last.
    Check(
        "balances after postings follow each other",
        """
        WITH wallet AS (
            SELECT accounts.id, coalesce(sum(amount), 0) AS last
            FROM accounts LEFT JOIN postings ON account_id = accounts.id
            WHERE kind = 'WALLET' GROUP BY accounts.id
        ), way AS (
            SELECT id, 0::numeric AS balance, 1 AS turn FROM wallet
            UNION ALL SELECT id, last, -1 FROM wallet
            UNION ALL SELECT account_id, balance_after, 1 FROM postings
            UNION ALL SELECT account_id, balance_after - amount, -1 FROM postings
        ), uneven AS (
            SELECT id FROM way GROUP BY id, balance HAVING sum(turn) <> 0
            UNION SELECT account_id FROM postings JOIN wallet ON wallet.id = account_id
            WHERE balance_after IS NULL
        )
        SELECT id, id IN (SELECT id FROM uneven) FROM wallet
        """,
    ),
    Check(
        "wallets are not negative",
        """
        SELECT id, balance < 0 OR EXISTS (
            SELECT FROM postings WHERE account_id = accounts.id AND balance_after < 0)
        FROM accounts WHERE kind = 'WALLET'
        """,
    ),
    Check(
        "stock on hand is the sum of its movements",
        """
        SELECT stock.product_id, on_hand <> coalesce(sum(quantity), 0)
        FROM stock LEFT JOIN stock_movements USING (product_id)
        GROUP BY stock.product_id
        """,
    ),
    # What is sold is read off the orders here, not off the movements.
    Check(
        "on hand and sold are what came in",
        """
        WITH came AS (
            SELECT product_id, sum(quantity) AS pieces FROM stock_movements
            WHERE kind IN ('RECEIVED', 'ADJUSTED') GROUP BY product_id
        ), sold AS (
            SELECT product_id, sum(quantity) AS pieces
            FROM order_lines JOIN orders ON orders.id = order_id
            WHERE payment_status <> 'UNPAID' AND status <> 'CANCELLED' GROUP BY product_id
        ), restocked AS (
            SELECT product_id, sum(quantity) AS pieces
            FROM refund_lines JOIN refunds ON refunds.id = refund_id
            JOIN orders ON orders.id = order_id
            WHERE restocked AND status <> 'CANCELLED' GROUP BY product_id
        )
        SELECT product_id, on_hand + coalesce(sold.pieces, 0) - coalesce(restocked.pieces, 0)
            <> coalesce(came.pieces, 0)
        FROM stock LEFT JOIN came USING (product_id) LEFT JOIN sold USING (product_id)
        LEFT JOIN restocked USING (product_id)
        """,
    ),
    Check(
        "held stock lies between none and on hand",
        "SELECT product_id, held < 0 OR held > on_hand FROM stock",
    ),
    Check(
        "held stock is what waiting orders want",
        f"""
        WITH wanted AS (
            SELECT product_id, sum(quantity) AS pieces
            FROM order_lines JOIN orders ON orders.id = order_id
            WHERE status IN ({_WAITING}) GROUP BY product_id
        )
        SELECT product_id, held <> coalesce(pieces, 0)
        FROM stock LEFT JOIN wanted USING (product_id)
        """,  # noqa: S608 - our own words
    ),
    Check(
        "no order is paid twice",
        """
        SELECT orders.id,
            (SELECT count(*) FROM payments WHERE order_id = orders.id) > 1 OR
            (SELECT count(*) FROM transfers WHERE order_id = orders.id AND kind = 'PAYMENT') > 1
        FROM orders
        """,
    ),
    # The wallet's side is looked at; the other one follows from the sums.
    Check(
        "paid orders have their payment",
        """
        SELECT orders.id, NOT EXISTS (
            SELECT FROM payments
            JOIN transfers ON transfers.id = transfer_id
            JOIN postings ON postings.transfer_id = transfers.id
            JOIN accounts ON accounts.id = account_id
            WHERE payments.order_id = orders.id AND transfers.order_id = orders.id
                AND transfers.kind = 'PAYMENT' AND payments.amount = orders.total
                AND postings.amount = -orders.total AND accounts.user_id = orders.customer_id)
        FROM orders WHERE payment_status <> 'UNPAID'
        """,
    ),
    *(Check(name, sql) for name, sql in REFUND_CHECKS),
    Check(
        "unpaid orders have moved no money",
        """
        SELECT id, EXISTS (SELECT FROM payments WHERE order_id = orders.id)
            OR EXISTS (SELECT FROM transfers WHERE order_id = orders.id AND kind = 'PAYMENT')
        FROM orders WHERE payment_status = 'UNPAID'
        """,
    ),
    Check(
        "order totals are the sum of their lines less the discount",
        """
        SELECT orders.id,
            (sum(order_lines.total) = subtotal AND subtotal - discount = orders.total) IS NOT TRUE
        FROM orders LEFT JOIN order_lines ON order_id = orders.id GROUP BY orders.id
        """,
    ),
    Check(
        "line totals are price times quantity",
        "SELECT order_id || ' line ' || position, total <> unit_price * quantity FROM order_lines",
    ),
    Check(
        "payment status and times fit the status",
        """
        SELECT id, CASE
                WHEN status IN ('PAID', 'CONFIRMED', 'SHIPPED', 'DELIVERED')
                    THEN payment_status = 'UNPAID'
                WHEN status = 'CANCELLED' THEN payment_status NOT IN ('UNPAID', 'REFUNDED')
                ELSE payment_status <> 'UNPAID' END
            OR (paid_at IS NULL) <> (payment_status = 'UNPAID')
            OR (cancelled_at IS NULL) <> (status <> 'CANCELLED')
            OR (shipped_at IS NULL) <> (status NOT IN ('SHIPPED', 'DELIVERED'))
            OR (delivered_at IS NULL) <> (status <> 'DELIVERED')
        FROM orders
        """,
    ),
    # No status is ever reached twice, so a history is one walk when every status in it is
    # reached as often as it is left, but for the last.
    Check(
        "histories lead to the status by allowed steps",
        f"""
        WITH step AS (
            SELECT order_id, from_status, to_status,
                NOT EXISTS (
                    SELECT FROM (VALUES {_STEPS}) AS allowed(before, after)
                    WHERE before IS NOT DISTINCT FROM from_status AND after = to_status
                ) AS forbidden
            FROM order_history
        ), way AS (
            SELECT order_id, to_status AS status, 1 AS turn FROM step
            UNION ALL SELECT order_id, from_status, -1 FROM step
            UNION ALL SELECT id, status, -1 FROM orders
            UNION ALL SELECT id, NULL, 1 FROM orders
        ), broken AS (
            SELECT order_id FROM step WHERE forbidden
            UNION SELECT order_id FROM way GROUP BY order_id, status HAVING sum(turn) <> 0
        )
        SELECT id, id IN (SELECT order_id FROM broken) FROM orders
        """,  # noqa: S608 - our own words
    ),
    Check(
        "shop revenue is payments less refunds",
        f"""
        SELECT 'revenue',
            (SELECT coalesce(sum(amount), 0) FROM postings WHERE account_id = '{SHOP}') <>
            (SELECT coalesce(sum(amount), 0) FROM payments) -
            (SELECT coalesce(sum(refunded), 0) FROM orders)
        """,  # noqa: S608 - our own words
    ),
    Check(
        "deposits have their transfer once they succeed",
        """
        SELECT deposits.id, CASE status
            WHEN 'SUCCEEDED' THEN count(transfers.id) <> 1 OR NOT coalesce(bool_or(
                kind = 'DEPOSIT' AND EXISTS (
                    SELECT FROM postings JOIN accounts ON accounts.id = account_id
                    WHERE transfer_id = transfers.id AND postings.amount = deposits.amount
                        AND accounts.user_id = deposits.user_id)), false)
            ELSE count(transfers.id) > 0 END
        FROM deposits LEFT JOIN transfers ON deposit_id = deposits.id GROUP BY deposits.id
        """,
    ),
    Check(
        "deposits agree with the provider's events",
        """
        SELECT deposits.id, count(*) FILTER (WHERE settled) > 1 OR bool_or(
            provider_events.amount <> deposits.amount
            OR provider_events.currency <> deposits.currency
            OR status <> CASE WHEN provider_events.failure_code IS NULL
                THEN 'SUCCEEDED' ELSE 'FAILED' END)
            FILTER (WHERE provider_events.id IS NOT NULL) IS TRUE
        FROM deposits LEFT JOIN provider_events ON deposit_id = deposits.id GROUP BY deposits.id
        """,
    ),
    # A key and its outcome are committed together; the minute is for clocks that differ.
    Check(
        "idempotency keys have their outcome",
        """
        SELECT concat_ws(' ', operation, key, 'of', caller_id),
            outcome IS NULL AND created_at < now() - interval '1 minute'
        FROM idempotency_keys
        """,
    ),
    # What a seal's hash is made of takes the secret: `tandem audit verify` looks at that.
    Check(
        "audit entries are sealed or wait for it",
        """
        SELECT id, (EXISTS (SELECT FROM audit_seals WHERE entry_id = audit_log.id))
            = (EXISTS (SELECT FROM audit_unsealed WHERE entry_id = audit_log.id))
        FROM audit_log
        """,
    ),
    Check(
        "audit seals have their entry",
        """
        SELECT entry_id, NOT EXISTS (SELECT FROM audit_log WHERE id = entry_id)
        FROM (SELECT entry_id FROM audit_seals UNION ALL SELECT entry_id FROM audit_unsealed)
        """,
    ),
    Check(
        "audit seals follow each other without gaps",
        """
        SELECT position, position <> coalesce(lag(position) OVER chain, 0) + 1
            OR previous <> coalesce(lag(hash) OVER chain, previous)
        FROM audit_seals WINDOW chain AS (ORDER BY position)
        """,
    ),
    Check(
        "no audit entry is sealed twice",
        "SELECT entry_id, count(*) > 1 FROM audit_seals GROUP BY entry_id",
    ),
    Check(
        "the audit chain ends with its last seal",
        """
        SELECT 'chain', (SELECT (position, hash) FROM audit_chain) IS DISTINCT FROM coalesce(
            (SELECT (position, hash) FROM audit_seals ORDER BY position DESC LIMIT 1),
            (SELECT (position, hash) FROM audit_chain WHERE position = 0))
        """,
    ),
    Check(
        "currencies agree",
        """
        SELECT orders.id, orders.currency <> accounts.currency
        FROM orders LEFT JOIN accounts ON user_id = customer_id
        UNION ALL SELECT deposits.id, deposits.currency <> accounts.currency
        FROM deposits LEFT JOIN accounts USING (user_id)
        UNION ALL SELECT payments.id, payments.currency <> orders.currency
        FROM payments LEFT JOIN orders ON orders.id = order_id
        UNION ALL SELECT refunds.id, refunds.currency <> orders.currency
        FROM refunds LEFT JOIN orders ON orders.id = order_id
        """,
    ),
    *(Check(name, sql) for name, sql in COUPON_CHECKS),
    *(Check(name, sql) for name, sql in INVOICE_CHECKS),
)


async def figures(database_url: str) -> list[Figure]:
    """What every check finds in one snapshot, in the order of `CHECKS`; raises `Unreadable`."""
    url = database_url.replace("postgresql+asyncpg:", "postgresql:", 1)
    try:
        connection = await asyncpg.connect(
            url,
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
                return [await _figure(connection, check) for check in CHECKS]
        finally:
            await connection.close(timeout=CONNECT_SECONDS)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        message = f"The database is not a Tandem of this version ({error}): run tandem migrate."
        raise Unreadable(message) from None
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or "no answer in time"
        raise Unreadable(f"The database cannot be read ({reason}).") from None


_FIGURE = """
SELECT count(*), count(*) FILTER (WHERE wrong IS NOT FALSE),
    (array_agg(id::text ORDER BY id) FILTER (WHERE wrong IS NOT FALSE))[:{ids}]
FROM ({sql}) AS looked_at(id, wrong)
"""


async def _figure(connection: asyncpg.Connection, check: Check) -> Figure:
    row = await connection.fetchrow(_FIGURE.format(ids=IDS_NAMED, sql=check.sql))
    assert row is not None
    return Figure(check.name, row[0], row[1], row[2] or [])
