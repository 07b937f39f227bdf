"""A ledger with many deposits, written straight into the tables: for exports and the benchmark."""

from datetime import UTC, datetime

import asyncpg

#: When the first of them happened; three happen at each moment, a second apart.
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)

#: Triggers would move each wallet's balance row by row; the last statement sets it.
_FILL = (
    "SET session_replication_role = replica",
    """
    CREATE TEMP TABLE made AS
    SELECT number, (begins || '-7000-8000-' || ends)::uuid AS transfer,
        (begins || '-7001-8000-' || ends)::uuid AS deposit,
        (begins || '-7002-8000-' || ends)::uuid AS received,
        (begins || '-7003-8000-' || ends)::uuid AS given,
        wallets.id AS account, user_id, wallets.currency,
        ((number::bigint * 7919) % 99999 + 1)::numeric / 100 AS exact, NULL::numeric AS amount,
        $1::timestamptz + (number / 3) * interval '1 second' AS at
    FROM generate_series(0, $2::int - 1) AS number
    CROSS JOIN LATERAL (
        -- Ids that sort by time, as UUIDv7 do.
        SELECT lpad(to_hex(extract(epoch FROM $1::timestamptz)::bigint + number / 3), 8, '0')
            || '-' || lpad(to_hex(number % 3), 4, '0') AS begins,
            lpad(to_hex(number), 12, '0') AS ends
    ) AS ids
    -- Their number comes from beside them, so that PostgreSQL can join by hashes.
    CROSS JOIN (SELECT count(*) AS count FROM accounts WHERE kind = 'WALLET') AS all_wallets
    JOIN (
        SELECT *, row_number() OVER (ORDER BY id) - 1 AS place
        FROM accounts WHERE kind = 'WALLET'
    ) AS wallets ON place = number % all_wallets.count
    """,
    "UPDATE made SET amount = round(exact, tandem_decimals(currency))",
    """
    INSERT INTO deposits (id, user_id, amount, currency, status, created_at, settled_at)
    SELECT deposit, user_id, amount, currency, 'SUCCEEDED', at, at FROM made
    """,
    """
    INSERT INTO transfers (id, kind, deposit_id, created_at)
    SELECT transfer, 'DEPOSIT', deposit, at FROM made
    """,
    """
    INSERT INTO postings (id, transfer_id, account_id, amount, balance_after, created_at)
    SELECT received, transfer, account, amount,
        (SELECT balance FROM accounts WHERE id = account)
            + sum(amount) OVER (PARTITION BY account ORDER BY number), at
    FROM made
    UNION ALL
    SELECT given, transfer, accounts.id, -amount, NULL, at
    FROM made JOIN accounts ON kind = 'PROVIDER'
    """,
    """
    UPDATE accounts SET balance = balance + earned.amount
    FROM (SELECT account, sum(amount) AS amount FROM made GROUP BY account) AS earned
    WHERE accounts.id = account
    """,
    "DROP TABLE made",
)


async def fill(database_url: str, count: int) -> None:
    """Add so many deposits into the wallets that there are; the books agree with them."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        async with connection.transaction():
            for sql in _FILL:
                values = (BEGINS, count) if "$1" in sql else ()
                await connection.execute(sql, *values, timeout=600)
        await connection.execute("VACUUM ANALYZE", timeout=600)
    finally:
        await connection.close(timeout=10)
