"""The migration to plain numerics: every amount stays as it was, there and back."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import structlog

from persistence import migrate
from persistence.amounts import AMOUNTS
from services.process import new_process
from services.shop import keep_currency
from services.users import own_account
from tests.conftest import Addresses, settings_for
from tests.persistence.test_migrations import _back_to
from tests.shop import Clock, Shop

#: Projects came later.
_TABLES = (*(AMOUNTS.keys() - {"projects"}), "postings", "order_lines", "refund_lines")
_COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type = 'numeric' AND table_name <> 'projects' ORDER BY 1, 2
"""
#: The files of tables and indexes: a table that is written anew gets another one.
_FILES = """
SELECT relname, pg_relation_filenode(oid) AS file FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
    AND relname NOT LIKE 'shop%' ORDER BY 1
"""
_UNCHECKED = "SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND NOT convalidated"


@pytest.fixture
async def traded(
    addresses: Addresses, fresh_database: str, password_hash: str
) -> AsyncIterator[asyncpg.Connection]:
    """A database in EUR in which somebody bought and got money back."""
    process = new_process(settings_for(fresh_database, addresses.redis_url), Clock())
    await process.open()
    shop = Shop(process, password_hash)
    buyer = await shop.person(balance="500.00")
    coupon = await shop.coupon("12.50", minimumOrder="10.00")
    lines = [((await shop.product("19.90")).id, 3), ((await shop.product("100.00")).id, 1)]
    order = await shop.order(buyer, lines, couponCode=coupon.code, paid=True)
    await shop.refund(order.id, lines=[{"productId": lines[0][0], "quantity": 1}])
    await shop.order(buyer)
    await keep_currency(process.database, "EUR")
    await process.close()
    connection = await asyncpg.connect(fresh_database, timeout=60)
    yield connection
    await connection.close(timeout=60)


async def _amounts(connection: asyncpg.Connection) -> dict[str, list[str | None]]:
    """Every amount as text, by column."""
    found = {}
    for table, column in await connection.fetch(_COLUMNS):
        rows = await connection.fetch(f"SELECT {column}::text AS amount FROM {table} ORDER BY 1")
        found[f"{table}.{column}"] = [row["amount"] for row in rows]
    return found


async def test_every_amount_stays_as_it_was_there_and_back(
    fresh_database: str, traded: asyncpg.Connection
) -> None:
    now = await _amounts(traded)
    assert now["products.price"] == ["100.00", "19.90", "19.99"]
    assert now["coupons.value"] == ["12.50"]
    assert {name.partition(".")[0] for name, rows in now.items() if rows} == {*_TABLES} - {
        "provider_events"
    }
    await _back_to(fresh_database, "0021")
    before = await _amounts(traded)
    # The accounts of the shop and of the provider hold no money.
    assert before | {"accounts.held": now["accounts.held"]} == now
    await asyncio.to_thread(migrate.upgrade, fresh_database)
    assert await _amounts(traded) == before
    assert await traded.fetchval("SELECT currency FROM shop") == "EUR"
    assert await traded.fetchval(_UNCHECKED) == 0


async def test_no_table_is_written_anew_and_rows_are_looked_at_in_a_step_of_their_own(
    fresh_database: str, traded: asyncpg.Connection
) -> None:
    await _back_to(fresh_database, "0021")
    files = await traded.fetch(_FILES)
    await asyncio.to_thread(migrate.upgrade, fresh_database, "0022")
    assert await traded.fetch(_FILES) == files
    # Every rule over amounts waits: one of scale in each table, and those there were before.
    assert (await traded.fetchval(_UNCHECKED) or 0) > 2 * len(_TABLES)
    await asyncio.to_thread(migrate.upgrade, fresh_database, "0023")
    assert await traded.fetch(_FILES) == files
    assert await traded.fetchval(_UNCHECKED) == 0


async def test_a_write_survives_a_migration_that_changes_a_type(
    addresses: Addresses, fresh_database: str, password_hash: str
) -> None:
    settings = settings_for(fresh_database, addresses.redis_url, pool_min=1, pool_max=2)
    process = new_process(settings, Clock())
    await process.open()
    shop = Shop(process, password_hash)
    person = await shop.person()
    for bio in ("I count.", "I count and compute."):
        await own_account.update_me(shop.request(person), {"bio": bio})
    await shop.execute("ALTER TABLE profiles ALTER COLUMN bio TYPE varchar(3000)")
    with structlog.testing.capture_logs() as lines:
        changed = await own_account.update_me(shop.request(person), {"bio": "I weave."})
    assert changed.profile.bio == "I weave."
    assert "crossed transactions" in {line["event"] for line in lines}
    await process.close()


async def test_no_amount_has_four_decimals(traded: asyncpg.Connection) -> None:
    # Triggers would round it before the rule sees it.
    await traded.execute("SET session_replication_role = replica")
    filled = [name.split(".") for name, rows in (await _amounts(traded)).items() if any(rows)]
    assert {table for table, _ in filled} == {*_TABLES} - {"provider_events"}
    for table, column in filled:
        with pytest.raises(asyncpg.CheckViolationError, match=f"{table}_scale_check"):
            await traded.execute(f"UPDATE {table} SET {column} = {column} + 0.0000")


async def test_a_database_whose_amounts_have_three_decimals_cannot_go_back(
    fresh_database: str, traded: asyncpg.Connection
) -> None:
    await traded.execute("SET session_replication_role = replica")
    await traded.execute("UPDATE products SET price = price + 0.005 WHERE price < 19.95")
    with pytest.raises(migrate.Refused, match="products has amounts with three"):
        await _back_to(fresh_database, "0021")
    prices = [price for [price] in await traded.fetch("SELECT price::text FROM products")]
    assert sorted(prices) == ["100.00", "19.905", "19.99"]
    assert await traded.fetchval("SELECT version_num FROM alembic_version") == "0022"


@pytest.mark.parametrize(
    ("code", "price", "after"), [("JPY", "100.00", "100"), ("KWD", "1.25", "1.250")]
)
async def test_an_older_database_in_another_currency_gets_its_decimals(
    fresh_database: str, code: str, price: str, after: str
) -> None:
    connection = await asyncpg.connect(fresh_database, timeout=60)
    try:
        await _back_to(fresh_database, "0021")
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "INSERT INTO products (id, name, price, currency, category_id) "
            f"VALUES (gen_random_uuid(), 'Lamp', {price}, '{code}', gen_random_uuid())"
        )
        await connection.execute(
            "INSERT INTO coupons (id, code, kind, value, currency) "
            f"VALUES (gen_random_uuid(), 'HALF', 'PERCENT', 12.5, '{code}')"
        )
        await asyncio.to_thread(migrate.upgrade, fresh_database)
        assert await connection.fetchval("SELECT price::text FROM products") == after
        assert await connection.fetchval("SELECT value::text FROM coupons") == "12.50"
        assert await connection.fetchval("SELECT currency FROM shop") == code
    finally:
        await connection.close(timeout=60)


async def test_fractions_of_a_currency_without_any_are_not_rounded_away(
    fresh_database: str,
) -> None:
    connection = await asyncpg.connect(fresh_database, timeout=60)
    try:
        await _back_to(fresh_database, "0021")
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "INSERT INTO products (id, name, price, currency, category_id) "
            "VALUES (gen_random_uuid(), 'Lamp', 100.50, 'JPY', gen_random_uuid())"
        )
        with pytest.raises(migrate.Refused, match="products has amounts with some"):
            await asyncio.to_thread(migrate.upgrade, fresh_database)
        assert await connection.fetchval("SELECT price::text FROM products") == "100.50"
    finally:
        await connection.close(timeout=60)


@pytest.mark.parametrize(("code", "decimals"), [("JPY", 0), ("KWD", 3)])
async def test_a_database_in_a_currency_of_other_decimals_cannot_go_back(
    addresses: Addresses, fresh_database: str, code: str, decimals: int
) -> None:
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    await keep_currency(process.database, code)
    await process.close()
    sentence = f"two decimals for every amount, and {code} has {decimals}"
    with pytest.raises(migrate.Refused, match=sentence):
        await _back_to(fresh_database, "0021")
    # What loses everything may.
    await asyncio.to_thread(migrate.recreate, fresh_database)
