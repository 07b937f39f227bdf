"""Migrations: there and back, and as often as one likes."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from persistence import migrate, revision

_OURS = """
SELECT 'table ' || table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'sequence ' || sequence_name FROM information_schema.sequences
WHERE sequence_schema = 'public'
UNION ALL SELECT 'type ' || typname FROM pg_type
WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
"""


async def _things(database_url: str) -> set[str]:
    engine = migrate.engine_for(database_url)
    try:
        async with engine.connect() as connection:
            return set((await connection.execute(sa.text(_OURS))).scalars())
    finally:
        await engine.dispose()


async def _back_to(database_url: str, revision: str) -> None:
    engine = migrate.engine_for(database_url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(
                lambda sync: command.downgrade(migrate.configuration(sync), revision)
            )
            await connection.commit()
    finally:
        await engine.dispose()


def _newest_by_alembic() -> str | None:
    return ScriptDirectory.from_config(migrate.configuration()).get_current_head()


async def test_every_migration_has_a_way_back(fresh_database: str) -> None:
    there = await _things(fresh_database)
    await _back_to(fresh_database, "base")
    assert await _things(fresh_database) == set()
    await asyncio.to_thread(migrate.upgrade, fresh_database)
    assert await _things(fresh_database) == there
    here, newest = await revision.current(fresh_database)
    assert here == newest == _newest_by_alembic()


async def test_a_database_tells_its_revision_before_and_after_the_first(
    fresh_database: str,
) -> None:
    await _back_to(fresh_database, "0001")
    assert await revision.current(fresh_database) == ("0001", _newest_by_alembic())
    await _back_to(fresh_database, "base")
    assert await revision.current(fresh_database) == (None, _newest_by_alembic())


async def test_coupons_of_times_that_cannot_be_read_move_into_those_that_can(
    fresh_database: str,
) -> None:
    await _back_to(fresh_database, "0017")
    usual = ("2026-01-01T00:00+00", "2026-02-01T00:00+00")
    first, last = ("1900-01-01T00:00+00", "2999-12-31T00:00+00")
    given = {
        ("0001-01-01T00:00+00", "0002-01-01T00:00+00"): (first, "1900-01-02T00:00+00"),
        ("0001-01-01T00:00+00", None): (first, None),
        (None, "9999-12-31T00:00+00"): (None, last),
        ("5000-01-01T00:00+00", "9999-12-31T00:00+00"): ("2999-12-30T00:00+00", last),
        (usual[0], "9999-12-31T00:00+00"): (usual[0], last),
        usual: usual,
        (None, None): (None, None),
    }
    connection = await asyncpg.connect(fresh_database)
    try:
        for number, times in enumerate(given):
            await connection.execute(
                "INSERT INTO coupons (id, code, kind, value, currency, starts_at, ends_at) VALUES "
                "(gen_random_uuid(), $1, 'PERCENT', 10, 'EUR', $2::text::timestamptz, "
                "$3::text::timestamptz)",
                f"COUPON-{number}",
                *times,
            )
        await asyncio.to_thread(migrate.upgrade, fresh_database)
        for number, (starts, ends) in enumerate(given.values()):
            same = await connection.fetchval(
                "SELECT starts_at IS NOT DISTINCT FROM $2::text::timestamptz "
                "AND ends_at IS NOT DISTINCT FROM $3::text::timestamptz "
                "FROM coupons WHERE code = $1",
                f"COUPON-{number}",
                starts,
                ends,
            )
            assert same, number
    finally:
        await connection.close()


async def test_wallets_hold_what_earlier_orders_wait_for_and_may_hold_too_much(
    fresh_database: str,
) -> None:
    await _back_to(fresh_database, "0018")
    connection = await asyncpg.connect(fresh_database)
    held = "SELECT held FROM accounts WHERE user_id = $1"
    move = "UPDATE orders SET status = $2, expires_at = NULL WHERE id = $1"
    try:
        user = await connection.fetchval(
            "INSERT INTO users (id, email, username, full_name, password_hash, role) VALUES "
            "(gen_random_uuid(), 'a@example.com', 'ada', 'Ada', '-', 'USER') RETURNING id"
        )
        await connection.execute(
            "INSERT INTO accounts (id, kind, user_id, balance, currency) VALUES "
            "(gen_random_uuid(), 'WALLET', $1, 10, 'EUR')",
            user,
        )

        async def place(status: str) -> str:
            waits = status in ("PENDING", "AWAITING_APPROVAL")
            return await connection.fetchval(
                "INSERT INTO orders (id, customer_id, status, payment_status, subtotal, total, "
                "tax, currency, expires_at) VALUES (gen_random_uuid(), $1, $2, 'UNPAID', 8, 8, 1, "
                "'EUR', CASE WHEN $3 THEN now() END) RETURNING id",
                user,
                status,
                waits,
            )

        statuses = ("PENDING", "AWAITING_APPROVAL", "EXPIRED")
        first, second, _ = [await place(status) for status in statuses]
        await asyncio.to_thread(migrate.upgrade, fresh_database)
        assert await connection.fetchval(held, user) == 16
        with pytest.raises(asyncpg.CheckViolationError, match="more than its balance"):
            await place("PENDING")
        await connection.execute(move, first, "EXPIRED")
        assert await connection.fetchval(held, user) == 8
        await connection.execute("UPDATE orders SET status = 'PENDING' WHERE id = $1", second)
        assert await connection.fetchval(held, user) == 8
        await connection.execute(move, second, "CANCELLED")
        assert await connection.fetchval(held, user) == 0
    finally:
        await connection.close()


async def test_coupons_and_payments_of_older_orders_say_what_became_of_them(
    fresh_database: str,
) -> None:
    await _back_to(fresh_database, "0018")
    buyer, manager = (str(uuid4()) for _ in range(2))
    given = {
        # The order's end, its payment, who ended it, and then the redemption and the payment.
        ("CANCELLED", "REFUNDED", manager): ("RELEASED", "REFUNDED"),
        ("CANCELLED", "REFUNDED", None): ("RELEASED", "REFUNDED"),
        ("CANCELLED", "REFUNDED", buyer): ("USED", "REFUNDED"),
        ("SHIPPED", "PARTIALLY_REFUNDED", manager): ("USED", "COMPLETED"),
        ("SHIPPED", "REFUNDED", manager): ("USED", "REFUNDED"),
    }
    connection = await asyncpg.connect(fresh_database)
    orders = {case: str(uuid4()) for case in given}
    try:
        await connection.execute("SET session_replication_role = replica")
        for (status, paid, actor), order in orders.items():
            refunded = 1 if paid == "PARTIALLY_REFUNDED" else 2
            await connection.execute(
                "INSERT INTO orders (id, customer_id, status, payment_status, subtotal, "
                "total, tax, refunded, currency) "
                "VALUES ($1, $2, $3, $4, 2, 2, 0, $5, 'EUR')",
                order,
                buyer,
                status,
                paid,
                refunded,
            )
            await connection.execute(
                "INSERT INTO order_history (id, order_id, from_status, to_status, actor_id) "
                "VALUES (gen_random_uuid(), $1, 'PAID', $2, $3)",
                order,
                status,
                actor,
            )
            await connection.execute(
                "INSERT INTO coupon_redemptions (order_id, coupon_id, user_id, status, amount, "
                "currency) VALUES ($1, gen_random_uuid(), $2, 'USED', 1, 'EUR')",
                order,
                buyer,
            )
            await connection.execute(
                "INSERT INTO payments (id, order_id, transfer_id, amount, currency) "
                "VALUES (gen_random_uuid(), $1, gen_random_uuid(), 2, 'EUR')",
                order,
            )

        async def redemption(order: str) -> str:
            found = "SELECT status FROM coupon_redemptions WHERE order_id = $1"
            return str(await connection.fetchval(found, order))

        await asyncio.to_thread(migrate.upgrade, fresh_database)
        for case, order in orders.items():
            found = "SELECT status FROM payments WHERE order_id = $1"
            assert given[case] == (await redemption(order), await connection.fetchval(found, order))
        await _back_to(fresh_database, "0018")
        assert {await redemption(order) for order in orders.values()} == {"USED"}
    finally:
        await connection.close()


async def test_a_short_name_becomes_longer_on_the_way_back(fresh_database: str) -> None:
    connection = await asyncpg.connect(fresh_database)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "INSERT INTO products (id, name, price, currency, category_id) "
            "VALUES (gen_random_uuid(), '茶碗', 1, 'EUR', gen_random_uuid())"
        )
        await _back_to(fresh_database, "0018")
        assert await connection.fetchval("SELECT name FROM products") == "茶碗_"
    finally:
        await connection.close()


async def test_migrating_again_changes_nothing(fresh_database: str) -> None:
    before = await _things(fresh_database)
    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, fresh_database) for _ in range(3)))
    assert await _things(fresh_database) == before


async def test_servers_that_start_together_migrate_once(fresh_database: str) -> None:
    await _back_to(fresh_database, "0023")
    # An index that is built beside others waits for their transactions, and they for the lock.
    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, fresh_database) for _ in range(3)))
    connection = await asyncpg.connect(fresh_database)
    try:
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert await connection.fetchval(invalid) == 0
        assert await revision.current(fresh_database) == (revision.newest(), revision.newest())
    finally:
        await connection.close()


async def test_words_are_left_to_a_job_and_their_columns_may_be_added_again(
    fresh_database: str,
) -> None:
    await _back_to(fresh_database, "0023")
    connection = await asyncpg.connect(fresh_database)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "INSERT INTO products (id, name, price, currency, category_id) "
            "VALUES (gen_random_uuid(), 'Tea bowl', 1, 'EUR', gen_random_uuid())"
        )
        await asyncio.to_thread(migrate.upgrade, fresh_database, "0024")
        found = "SELECT words, name_key, text_version FROM products"
        assert tuple(await connection.fetchrow(found) or ()) == (None, None, 0)
        # A migration that ended in the middle, between two of its steps, goes on.
        await connection.execute("DROP INDEX products_words_idx")
        await connection.execute("UPDATE alembic_version SET version_num = '0023'")
        await asyncio.to_thread(migrate.upgrade, fresh_database, "0024")
        assert await connection.fetchval("SELECT to_regclass('products_words_idx')") is not None
    finally:
        await connection.close()
