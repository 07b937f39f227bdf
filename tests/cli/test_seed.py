"""The demo shop: loaded once, whoever starts together, and whole after a load that was killed."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from api.local.demo.plans import order_plans
from api.local.demo.seed import seed
from api.local.demo.shop import read_shop
from services.books.running import run_checks
from services.settings.settings import Environment
from tests.conftest import CHECKOUT, Addresses, settings_for

#: Loading takes some ten seconds, and much more on a busy machine.
_SECONDS = 180
#: The demo shop's dearest product is 599.00 in its files.
_DEAREST = "SELECT currency || ' ' || price FROM products ORDER BY price DESC LIMIT 1"


async def fetch(url: str, sql: str) -> object:
    """The first value of an answer."""
    connection = await asyncpg.connect(url, timeout=_SECONDS)
    try:
        return await connection.fetchval(sql, timeout=_SECONDS)
    finally:
        await connection.close(timeout=_SECONDS)


async def count(url: str, table: str) -> object:
    """How many rows a table has."""
    return await fetch(url, f"SELECT count(*) FROM {table}")


async def test_two_processes_that_seed_at_once_seed_once(
    addresses: Addresses, fresh_database: str
) -> None:
    settings = settings_for(fresh_database, addresses.redis_url, currency="KWD")
    assert sorted(await asyncio.gather(seed(settings), seed(settings))) == [False, True]
    assert await count(fresh_database, "users") == 54
    assert await fetch(fresh_database, _DEAREST) == "KWD 599.000"
    assert {result.name for result in await run_checks(fresh_database) if result.wrong} == set()
    # Seeding again changes nothing.
    before = await fetch(fresh_database, "SELECT max(id::text) FROM audit_log")
    assert await seed(settings) is False
    assert await fetch(fresh_database, "SELECT max(id::text) FROM audit_log") == before


async def test_a_load_that_was_killed_begins_anew(
    addresses: Addresses, fresh_database: str
) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": fresh_database,
        "REDIS_URL": addresses.redis_url,
        "TANDEM_CURRENCY": "JPY",
        "TANDEM_ENVIRONMENT": "test",
        "TANDEM_REDIS_PREFIX": f"seed-{uuid4().hex[:10]}",
    }
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "seed"),
        cwd=CHECKOUT,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            while not await count(fresh_database, "orders"):
                assert child.returncode is None
                await asyncio.sleep(0.05)
    finally:
        child.kill()
        await child.wait()
    assert await seed(settings_for(fresh_database, addresses.redis_url, currency="JPY"))
    assert await fetch(fresh_database, _DEAREST) == "JPY 59900"
    assert await fetch(fresh_database, "SELECT currency FROM shop") == "JPY"
    assert await count(fresh_database, "users") == 54
    assert await count(fresh_database, "products") == 500
    assert await count(fresh_database, "orders") == 300
    assert await count(fresh_database, "posts WHERE is_published") == 60
    assert await count(fresh_database, "projects") == 20
    assert await fetch(fresh_database, "SELECT min(number) FROM orders") == "T000001"
    assert await count(fresh_database, "sessions") == 0
    assert await fetch(fresh_database, "SELECT to_regclass('demo_unfinished')") is None
    assert {result.name for result in await run_checks(fresh_database) if result.wrong} == set()


async def test_an_admins_own_database_is_left_alone(
    addresses: Addresses, fresh_database: str
) -> None:
    settings = settings_for(fresh_database, addresses.redis_url)
    connection = await asyncpg.connect(fresh_database, timeout=_SECONDS)
    await connection.execute(
        "INSERT INTO users (id, email, username, full_name, password_hash, role)"
        " VALUES (gen_random_uuid(), 'ada@example.com', 'ada', 'Ada Lovelace', '', 'ADMIN')"
    )
    await connection.close(timeout=_SECONDS)
    assert await seed(settings) is False
    assert await count(fresh_database, "users") == 1
    assert await count(fresh_database, "products") == 0


async def test_production_is_not_seeded(addresses: Addresses, fresh_database: str) -> None:
    settings = settings_for(fresh_database, addresses.redis_url, secret="x" * 32)
    production = settings.model_copy(update={"environment": Environment.PRODUCTION})
    with pytest.raises(RuntimeError, match="production"):
        await seed(production)
    assert await count(fresh_database, "users") == 0


def test_the_data_files_hold_the_whole_shop() -> None:
    shop = read_shop()
    assert [person.role for person in shop.staff] == ["ADMIN", "MANAGER", "MODERATOR", "USER"]
    assert (len(shop.categories), len(shop.products), len(shop.customers)) == (12, 500, 50)
    assert len({product.name for product in shop.products}) == 500
    assert len({post.title for post in shop.posts}) == 60
    assert len({post.category for post in shop.posts}) == 5
    assert shop.products[0].name == "Vellmo Drift Wireless Earbuds, Chalk White"


def test_planned_orders_never_exceed_the_stock() -> None:
    shop, now = read_shop(), datetime.now(UTC)
    left = [0 if product.archived else product.stock for product in shop.products]
    plans = order_plans(shop, now)
    for plan in plans:
        assert plan.placed_at <= now
        for line in plan.lines:
            left[line.product] -= line.quantity
    assert len(plans) == 300
    assert min(left) == 0
