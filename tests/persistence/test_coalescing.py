"""Reads that are asked together, and rows that travel as one text."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import asyncpg

from persistence.database.failures import Unavailable
from persistence.database.listing import Window
from persistence.database.transactions import QueryStats, Reader
from persistence.database.views import Wanted
from persistence.fast.coalescing import Coalescer, CoalescingReader
from persistence.fast.json_rows import json_rows
from persistence.nodes import _VIEWS
from persistence.products.views import PRODUCT, PRODUCTS
from services.process import Process, new_process
from services.settings.settings import Settings
from tests.conftest import settings_for
from tests.shop import Person, Shop

SIGHT: dict[str, Any] = {
    "viewer": None,
    "session": None,
    "sees_all": True,
    "administers": True,
    "reads_own": True,
}


@pytest.fixture(scope="module")
async def fast(shop: Shop) -> AsyncIterator[Process]:
    """A process on the fast paths, whatever the others are on."""
    settings = shop.process.settings
    urls = {"database_url": settings.database_url, "redis_url": settings.redis_url}
    process = new_process(settings_for(**urls, fast_paths=True), shop.process.clock)
    yield process
    await process.close()


@pytest.fixture(scope="module")
async def buyer(shop: Shop) -> Person:
    """Somebody with something of every kind."""
    buyer = await shop.person(balance="500.00")
    await shop.upload(buyer)
    await shop.comment(buyer)
    await shop.project(buyer)
    await shop.machine(buyer, "orders:read:own")
    order = await shop.redeem(await shop.coupon(), buyer)
    await shop.pay(buyer, order.id)
    await shop.invoice(buyer, order.id)
    await shop.refund(order.id)
    await shop.deposit(buyer, "10.00")
    await shop.failed_job()
    return buyer


async def read(process: Process, *ids: str, stats: QueryStats | None = None) -> list[Any]:
    reader = process.database.reader(stats or QueryStats())
    return await reader.all(PRODUCT.by_ids, ids=list(ids), **SIGHT)


def coalescer_of(process: Process) -> Coalescer:
    """The coalescer that a process's readers share."""
    reader = process.database.reader(QueryStats())
    assert isinstance(reader, CoalescingReader)
    return reader._coalescer


def asked_of(process: Process, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of each statement from now on, how many questions it answers."""
    asked: list[int] = []
    coalescer = coalescer_of(process)
    run = coalescer._run

    async def counted(query: Any, bunches: Sequence[Any]) -> Any:
        asked.append(len(bunches))
        return await run(query, bunches)

    monkeypatch.setattr(coalescer, "_run", counted)
    return asked


@pytest.mark.parametrize("view", _VIEWS, ids=[view.name for view in _VIEWS])
async def test_rows_that_travel_as_text_are_those_that_the_driver_reads(
    shop: Shop, fast: Process, buyer: Person, view: Any
) -> None:
    database = fast.database
    known = (
        sa.select(view.id.label("id")).select_from(view.source).order_by(view.id.desc()).limit(200)
    )
    compiled = known.compile(dialect=asyncpg.dialect(), compile_kwargs={"literal_binds": True})
    ids = [str(row["id"]) for row in await shop.rows(str(compiled))]
    values = {**SIGHT, "viewer": buyer.id, "ids": ids, "now": shop.process.clock()}
    query = view.by_ids
    async with database.connection() as connection:
        records = await connection.fetch(query.sql, *query.arguments(values))
    expected = {row.id: row for row in (query.row(*record) for record in records)}
    assert json_rows(query)
    assert expected
    assert {
        row.id: row for row in await database.reader(QueryStats()).all(query, **values)
    } == expected


async def test_rows_of_a_projection_are_the_same_on_both_ways(shop: Shop, fast: Process) -> None:
    product = await shop.product("5.10")
    wanted = Wanted(
        frozenset({"name", "price", "category_id", "created_at", "tags"}),
        (("category_id", Wanted(frozenset({"slug"}))),),
    )
    query = PRODUCT.of_ids(wanted)
    values = {**SIGHT, "ids": [product.id]}
    [row] = await fast.database.reader(QueryStats()).all(query, **values)
    assert [row] == await Reader(fast.database, QueryStats()).all(query, **values)
    assert (row.price, row.at_category_id.id) == ("5.10", row.category_id)


async def test_reads_by_id_of_one_turn_are_one_statement(
    shop: Shop, fast: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [(await shop.product()).id for _ in range(6)]
    asked = asked_of(fast, monkeypatch)
    tallies = [QueryStats() for _ in range(4)]
    wanted = [ids[:1], ids[1:3], ids[2:5], [ids[5], ids[0]]]
    found = await asyncio.gather(
        *(read(fast, *each, stats=stats) for each, stats in zip(wanted, tallies, strict=True))
    )
    assert [[row.id for row in rows] for rows in found] == wanted
    assert [stats.statements for stats in tallies] == [1] * 4
    assert asked == [1]


async def page(
    process: Process,
    category: str,
    stats: QueryStats | None = None,
    *,
    limit: int = 7,
    **more: Any,
) -> list[Any]:
    window = Window(limit, **more)
    reader = process.database.reader(stats or QueryStats())
    found = await PRODUCTS.page(reader, "name", {"categoryId": category}, window, **SIGHT)
    return found.rows


def pages_take(seconds: float, process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it that so long is what a page took lately."""
    coalescer = coalescer_of(process)
    read = coalescer.all

    async def taken(query: Any, values: dict[str, Any], stats: QueryStats) -> Any:
        query.seconds = seconds
        return await read(query, values, stats)

    monkeypatch.setattr(coalescer, "all", taken)


@pytest.fixture
async def shelves(shop: Shop) -> dict[str, list[str]]:
    """Ids of products by their categories'."""
    shelves: dict[str, list[str]] = {}
    for count in range(11):
        category = await shop.category()
        made = [await shop.product(name=f"Lamp {n}", categoryId=category) for n in range(count)]
        shelves[category] = [product.id for product in made]
    return shelves


async def test_pages_of_one_shape_are_asked_together_and_each_gets_its_own(
    fast: Process, shelves: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages_take(0.001, fast, monkeypatch)
    asked = asked_of(fast, monkeypatch)
    tallies = [QueryStats() for _ in shelves]
    found = await asyncio.gather(*map(page, [fast] * len(shelves), shelves, tallies))
    assert [[row.id for row in rows] for rows in found] == [ids[:7] for ids in shelves.values()]
    assert [stats.statements for stats in tallies] == [1] * len(shelves)
    assert asked == [8, 3]


async def test_dear_pages_are_asked_beside_each_other(
    fast: Process, shelves: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages_take(1.0, fast, monkeypatch)
    asked = asked_of(fast, monkeypatch)
    found = await asyncio.gather(*(page(fast, category, offset=1) for category in shelves))
    assert [[row.id for row in rows] for rows in found] == [ids[1:8] for ids in shelves.values()]
    assert asked == [1] * len(shelves)


async def test_a_page_that_fails_takes_none_along_that_was_asked_with_it(
    fast: Process, shelves: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    category, ids = list(shelves.items())[-1]
    pages_take(0.001, fast, monkeypatch)
    asked = asked_of(fast, monkeypatch)
    found: Any = await asyncio.gather(
        page(fast, category),
        page(fast, category, limit=-1),
        page(fast, category, limit=9),
        return_exceptions=True,
    )
    assert [row.id for row in found[0]] == ids[:7]
    assert isinstance(found[1], Exception)
    assert [row.id for row in found[2]] == ids[:9]
    assert asked == [3, 1, 1, 1]


async def test_pages_asked_together_of_a_database_that_is_away_are_not_asked_again(
    fast: Process, shelves: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages_take(0.001, fast, monkeypatch)
    times = 0

    async def away(query: Any, arguments: list[list[Any]]) -> Any:
        nonlocal times
        times += 1
        raise Unavailable

    monkeypatch.setattr(coalescer_of(fast), "_run", away)
    pages = [page(fast, category) for category in list(shelves)[:5]]
    found = await asyncio.gather(*pages, return_exceptions=True)
    assert [type(error) for error in found] == [Unavailable] * 5
    assert times == 1


async def test_a_page_of_a_common_size_is_planned_once_for_all(
    fresh_database: str, settings: Settings
) -> None:
    # In a database of its own: what other tests leave, once PostgreSQL counts it, may make a plan
    # for this one category the cheaper one.
    process = new_process(settings_for(fresh_database, settings.redis_url, fast_paths=True))
    # Enough of them for PostgreSQL to compare plans, one after the other on one connection.
    for _ in range(10):
        await page(process, str(uuid4()), limit=21)
    async with process.database.connection() as connection:
        planned = await connection.fetch(
            "SELECT generic_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%category_id = $2%ORDER BY coalesce(%LIMIT 21)%'"
            " AND statement NOT LIKE '%pg_prepared_statements%'"
        )
    await process.close()
    assert [row["generic_plans"] for row in planned] == [5]


async def test_what_goes_by_key_is_planned_once_and_the_connection_forgets_that(
    fast: Process,
) -> None:
    async def mode(**options: bool) -> Any:
        async with fast.database.transaction(QueryStats(), **options) as tx:
            return await tx._connection.fetchval("SHOW plan_cache_mode")

    assert [await mode(by_key=True), await mode()] == ["force_generic_plan", "auto"]


async def test_what_is_asked_for_several_is_logged_as_nobodys(
    shop: Shop, fast: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts: list[Any] = []
    run = coalescer_of(fast)._run

    async def seen(query: Any, bunches: Sequence[Any]) -> Any:
        contexts.append(structlog.contextvars.get_contextvars())
        return await run(query, bunches)

    monkeypatch.setattr(coalescer_of(fast), "_run", seen)
    product = await shop.product()

    async def asker(request_id: str) -> None:
        structlog.contextvars.bind_contextvars(request_id=request_id)
        await read(fast, product.id)
        assert structlog.contextvars.get_contextvars()["request_id"] == request_id

    await asyncio.gather(asker("first"), asker("second"))
    assert contexts == [{}]


async def test_readers_of_different_sight_are_not_asked_together(shop: Shop, fast: Process) -> None:
    product = await shop.product()
    await shop.execute("UPDATE products SET is_active = false WHERE id = $1", product.id)
    reader = fast.database.reader(QueryStats())
    sights = [{**SIGHT, "sees_all": sees} for sees in (True, False, True, False)]
    found = await asyncio.gather(
        *(reader.all(PRODUCT.by_ids, ids=[product.id], **viewer_values) for viewer_values in sights)
    )
    assert [len(rows) for rows in found] == [1, 0, 1, 0]


async def test_a_reader_who_leaves_does_not_take_the_others_answer_along(
    shop: Shop, fast: Process
) -> None:
    ids = [(await shop.product()).id for _ in range(3)]
    reads = [asyncio.create_task(read(fast, id)) for id in ids]
    await asyncio.sleep(0)
    reads[0].cancel()
    found = await asyncio.gather(*reads, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert [[row.id for row in rows] for rows in found[1:]] == [[ids[1]], [ids[2]]]  # type: ignore[union-attr]


async def test_a_read_that_fails_fails_for_all_who_asked_and_for_nobody_later(
    shop: Shop, fast: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = await shop.product()

    async def away(query: Any, arguments: list[Any]) -> Any:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(coalescer_of(fast), "_run", away)
        reads = (read(fast, product.id) for _ in range(3))
        found = await asyncio.gather(*reads, return_exceptions=True)
    assert [type(error) for error in found] == [Unavailable] * 3
    assert [row.id for row in await read(fast, product.id)] == [product.id]


async def test_what_was_written_before_a_read_came_is_in_its_answer(
    shop: Shop, fast: Process
) -> None:
    """A read that joins others must not get what a statement saw that ran before it came."""
    product = await shop.product(stock=0)

    async def rounds(mine: int) -> None:
        for number in range(1, 20):
            await shop.execute(
                "UPDATE products SET metadata = jsonb_set(metadata, $2, $3) WHERE id = $1",
                product.id,
                [f"writer{mine}"],
                number,
            )
            [row] = await read(fast, product.id)
            assert row.metadata[f"writer{mine}"] == number

    await asyncio.gather(*(rounds(mine) for mine in range(8)))
