"""The measured shop, filled by plain SQL in seconds; its ledger is empty on purpose."""

import asyncpg

from services.process import new_database
from services.search.reindexing import reindex
from services.settings.settings import Settings

CATEGORIES, PRODUCTS, USERS = 20, 100_000, 20_000
ORDERS, LINES = 200_000, 3
#: W4 reads 20 orders of a buyer, so only this many users have orders. Each buyer has two sessions
#: with a token each: 20,000 different tokens.
BUYERS = ORDERS // 20
SESSIONS = 2 * BUYERS
#: A user without orders, and the session after the buyers' sessions.
MANAGER, MANAGERS_SESSION = USERS - 1, SESSIONS
FILL_SECONDS = 300  # filling takes about 30 s, and then the words some minutes


def product_id(number: int) -> str:
    """The id of a product of the filled shop, from 0."""
    return f"01a1f000-0000-7000-8001-{number:012x}"


def user_id(number: int) -> str:
    """The id of a user, from 0."""
    return f"01a1f000-0000-7000-8002-{number:012x}"


def session_id(number: int) -> str:
    """The id of a session of the user `number % BUYERS`."""
    return f"01a1f000-0000-7000-8003-{number:012x}"


# An id's prefix tells the kind of thing, the rest is its number; Python makes the same ids above.
_ID = "('01a1f000-0000-7000-{}-' || lpad(to_hex({}), 12, '0'))::uuid"
_CATEGORY_ID, _PRODUCT_ID, _USER_ID, _SESSION_ID, _ACCOUNT_ID, _ORDER_ID = (
    _ID.format(kind, "{}") for kind in ("8000", "8001", "8002", "8003", "8004", "8005")
)
_AGO = "timestamptz '2026-06-01' - interval '1 minute' * n"
_NEVER = "timestamptz '2100-01-01'"
_LINE_PRODUCT = f"(n * 7919 + line * 104729) % {PRODUCTS}"
_LINE_PRICE = f"(5 + ({_LINE_PRODUCT}) % 200)::numeric"

# Wallets and stock suffice for any number of new orders. Stock holds the pieces of the orders.
FILL = f"""
INSERT INTO categories (id, slug, name, description)
SELECT {_CATEGORY_ID.format("n")}, 'shelf-' || n, 'Shelf ' || n, 'What lies on shelf ' || n
FROM generate_series(0, {CATEGORIES - 1}) AS n;
INSERT INTO products (id, name, description, price, currency, category_id, tags, metadata, created_at)
SELECT {_PRODUCT_ID.format("n")}, 'Walnut desk lamp ' || n,
    'A lamp of oiled walnut with a linen shade, made to be repaired. Number ' || n || ' of many.',
    5 + n % 200, 'EUR', {_CATEGORY_ID.format(f"n % {CATEGORIES}")}, '{{lamp,desk,walnut}}',
    '{{"color": "walnut", "weightGrams": 1400}}', {_AGO}
FROM generate_series(0, {PRODUCTS - 1}) AS n;
INSERT INTO users (id, email, username, full_name, password_hash, role)
SELECT {_USER_ID.format("n")}, 'user' || n || '@example.com', 'user' || n, 'User ' || n, '-',
    CASE n WHEN {MANAGER} THEN 'MANAGER' ELSE 'USER' END
FROM generate_series(0, {USERS - 1}) AS n;
INSERT INTO profiles (user_id) SELECT id FROM users;
INSERT INTO accounts (id, kind, user_id, balance, currency)
SELECT {_ACCOUNT_ID.format("n")}, 'WALLET', {_USER_ID.format("n")}, 900000000, 'EUR'
FROM generate_series(0, {USERS - 1}) AS n;
INSERT INTO sessions (id, user_id, expires_at)
SELECT {_SESSION_ID.format("n")}, {_USER_ID.format(f"n % {BUYERS}")}, {_NEVER}
FROM generate_series(0, {SESSIONS - 1}) AS n
UNION ALL SELECT {_SESSION_ID.format(MANAGERS_SESSION)}, {_USER_ID.format(MANAGER)}, {_NEVER};
INSERT INTO orders (id, customer_id, status, payment_status, subtotal, total, tax, currency, created_at, expires_at)
SELECT {_ORDER_ID.format("n")}, {_USER_ID.format(f"n % {BUYERS}")}, 'PENDING', 'UNPAID',
    sum, sum, round(sum - sum / 1.19, 2), 'EUR', {_AGO}, {_NEVER}
FROM (
    SELECT n, sum(1 * {_LINE_PRICE})
    FROM generate_series(0, {ORDERS - 1}) AS n, generate_series(0, {LINES - 1}) AS line GROUP BY n
) AS priced;
INSERT INTO order_lines (order_id, position, product_id, name, quantity, unit_price, total)
SELECT {_ORDER_ID.format("n")}, line, {_PRODUCT_ID.format(_LINE_PRODUCT)},
    'Walnut desk lamp ' || {_LINE_PRODUCT}, 1, {_LINE_PRICE}, {_LINE_PRICE}
FROM generate_series(0, {ORDERS - 1}) AS n, generate_series(0, {LINES - 1}) AS line;
INSERT INTO stock (product_id, on_hand, held)
SELECT products.id, 1000000, count(order_lines.product_id)
FROM products LEFT JOIN order_lines ON product_id = products.id GROUP BY products.id;
"""  # noqa: E501


async def fill(database_url: str) -> None:
    """Fill the migrated database with the measured shop."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.execute(FILL, timeout=FILL_SECONDS)
        await _reindex(database_url)
        # Autovacuum must have nothing to do during a measurement.
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            await connection.execute(statement, timeout=FILL_SECONDS)
    finally:
        await connection.close(timeout=10)


async def _reindex(database_url: str) -> None:
    database = new_database(Settings(database_url=database_url))
    try:
        await reindex(database, lambda _: None)
    finally:
        await database.close()
