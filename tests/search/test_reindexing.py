"""Rows from before there were words and sort keys: found as they were, and filled by a job."""

import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.process import new_process
from services.search.queries import read_search
from services.search.reindexing import outdated, reindex, reindex_new
from services.search.sort_keys import sort_key
from tests.cli.test_create_admin import tandem
from tests.commands import running
from tests.conftest import Addresses, settings_for
from tests.faces import Door, Service
from tests.shop import Person, Shop, unique
from tests.worker.work import eventually, queue, working

_FORGET = "UPDATE products SET words = NULL, name_key = NULL, text_version = 0 WHERE id = $1"
_VERSION = "SELECT text_version FROM products WHERE id = $1"


@pytest.fixture
async def alone(fresh_database: str, addresses: Addresses) -> AsyncIterator[Shop]:
    """A shop with a database of its own."""
    process = new_process(settings_for(fresh_database, addresses.redis_url))
    yield Shop(process, "")
    await process.close()


async def found(door: Door, **values: Any) -> list[str]:
    return (await door.call("products.list", values)).ids()


async def test_a_row_without_words_is_found_and_sorted_as_before(door: Door, shop: Shop) -> None:
    category, word = await shop.category(), unique("w")
    names = [f"{word} apple", f"{word} Éclair lamps", f"{word} Mango"]
    ids = [(await shop.product(name=name, categoryId=category)).id for name in names]
    await shop.execute(_FORGET, ids[1])
    await shop.execute(_FORGET, ids[2])
    # English words and exact accents, with the rows that have words.
    assert {*await found(door, search=word)} == {*ids}
    assert await found(door, search=f"{word} lamp") == [ids[1]]
    assert await found(door, search=f"{word} éclair") == [ids[1]]
    assert await found(door, search=f"{word} -mango", sort="createdAt") == ids[:2]
    assert await found(door, search=f"{word} eclair") == []
    # As PostgreSQL's small letters sort: the same for ASCII, and beyond it for others.
    by_name = [ids[0], ids[2], ids[1]]
    assert await found(door, categoryId=category, sort="name") == by_name
    walked: list[str] = []
    after = None
    for _ in ids:
        page = await door.call(
            "products.list", {"categoryId": category, "sort": "name", "first": 1, "after": after}
        )
        walked += page.ids()
        after = page.listed.end
    assert walked == by_name
    await reindex(shop.process.database, lambda _: None)
    await shop.execute("SELECT 'products'")  # what is stored of lists is outdated
    assert await found(door, search=f"{word} eclair") == [ids[1]]
    assert await found(door, categoryId=category, sort="name") == ids


async def test_a_row_that_an_older_server_writes_is_found_by_what_it_says_now(
    shop: Shop, manager: Person
) -> None:
    direct, word = Service(shop), unique("w")
    product = await shop.product(name=f"{word} Café")
    # An older server knows the texts alone.
    older = "UPDATE products SET name = $2, version = version + 1 WHERE id = $1"
    await shop.execute(older, product.id, f"{word} Crème lamps")
    assert await shop.value(_VERSION, product.id) == -1
    assert await found(direct, search=f"{word} cafe") == []
    assert await found(direct, search=f"{word} lamp") == [product.id]
    await shop.execute(older, product.id, f"{word} Crème lamp")
    assert await shop.value(_VERSION, product.id) == -1
    # A change by this one makes the words anew, whatever it changes.
    change = {"id": product.id, "price": "5.00"}
    assert (await direct.call("products.update", change, caller=manager)).error is None
    assert await shop.value(_VERSION, product.id) == 1
    assert await found(direct, search=f"{word} creme") == [product.id]
    # What changes no text leaves them.
    await shop.execute("UPDATE products SET price = 6 WHERE id = $1", product.id)
    assert await shop.value(_VERSION, product.id) == 1


async def test_a_row_of_a_newer_version_is_found_as_before(shop: Shop) -> None:
    direct, word = Service(shop), unique("w")
    product = await shop.product(name=f"{word} Crème lamps")
    await shop.execute("UPDATE products SET text_version = 2 WHERE id = $1", product.id)
    assert await found(direct, search=f"{word} lamp") == [product.id]
    assert await found(direct, search=f"{word} creme") == []
    # A worker leaves it to those that wrote it; the command makes it this version's.
    await reindex(shop.process.database, lambda _: None)
    assert await shop.value(_VERSION, product.id) == 2
    await reindex(shop.process.database, lambda _: None, newer=True)
    assert await shop.value(_VERSION, product.id) == 1


async def test_reindexing_is_no_change_to_anybody(shop: Shop, faces: dict[str, Door]) -> None:
    product = await shop.product(name="Crème")
    category = await shop.category("Öl")
    person = await shop.person()
    tables = {"products": product.id, "categories": category, "users": person.id}
    for table, id in tables.items():
        await shop.execute(f"UPDATE {table} SET text_version = 0 WHERE id = $1", id)
    shown = "SELECT updated_at, version, text_version FROM {} WHERE id = $1"
    before = [(await shop.rows(shown.format(table), id))[0] for table, id in tables.items()]
    read = (await faces["v2"].call("products.get", {"id": product.id})).ok
    await reindex_new(shop.process, None)  # type: ignore[arg-type]
    after = [(await shop.rows(shown.format(table), id))[0] for table, id in tables.items()]
    assert after == [{**row, "text_version": 1} for row in before]
    assert (await faces["v2"].call("products.get", {"id": product.id})).ok == read
    assert await shop.value("SELECT name_key FROM categories WHERE id = $1", category) == (
        sort_key("Öl")
    )
    # Once all is filled there is nothing to do.
    done: list[int] = []
    await reindex(shop.process.database, done.append)
    assert done == []


async def test_a_worker_fills_what_is_left(shop: Shop) -> None:
    product = await shop.product(name="Crème")
    await shop.execute(_FORGET, product.id)
    async with working(shop, {"search.reindex": reindex_new}):
        await queue(shop, "search.reindex")

        async def filled() -> bool:
            return await shop.value(_VERSION, product.id) == 1

        await eventually(filled)


async def test_a_row_that_somebody_changes_is_left_for_later(shop: Shop) -> None:
    held, free = [(await shop.product()).id for _ in range(2)]
    for id in (held, free):
        await shop.execute(_FORGET, id)
    database = shop.process.database
    async with database.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM products WHERE id = $1 FOR UPDATE", held)
        await reindex(database, lambda _: None)
        assert await shop.value(_VERSION, free) == 1
        assert await shop.value(_VERSION, held) == 0
    await reindex(database, lambda _: None)
    assert await shop.value(_VERSION, held) == 1


async def _fill_shop(shop: Shop, count: int) -> None:
    """Products, categories and users, as an older server left them."""
    await shop.execute(
        "INSERT INTO categories (id, slug, name) SELECT gen_random_uuid(), 'old-' || n, 'Öl ' || n "
        "FROM generate_series(1, 3) n"
    )
    await shop.execute(
        "INSERT INTO users (id, email, username, full_name, password_hash, role) "
        "VALUES (gen_random_uuid(), 'a@example.com', 'ada', 'Äda', '-', 'USER')"
    )
    await shop.execute(
        "INSERT INTO products (id, name, description, price, currency, category_id, tags) "
        "SELECT gen_random_uuid(), 'Crème HD-' || n, '東京限定抹茶チョコレート', 1, 'EUR', "
        "(SELECT id FROM categories LIMIT 1), '{Straße}' FROM generate_series(1, $1) n",
        count,
    )


async def test_the_doctor_tells_what_is_not_done_and_the_command_does_it(alone: Shop) -> None:
    await _fill_shop(alone, 250)
    settings = alone.process.settings
    assert await outdated(alone.process.database) == {"products": 250, "categories": 3, "users": 1}
    status, said = await tandem(settings, "doctor")
    assert status == 0, said
    said = re.sub(r"\s+", " ", said)
    assert "! Search 250 products, 3 categories, 1 users are found as before the update" in said
    status, said = await tandem(settings, "reindex")
    assert (status, said.endswith("All rows have their words and sort keys.")) == (0, True), said
    assert await outdated(alone.process.database) == {}
    status, said = await tandem(settings, "doctor")
    assert "✓ Search all rows have their words and sort keys" in re.sub(r"\s+", " ", said)
    for typed, count in (("creme", 250), ("hd-17", 1), ("抹茶", 250), ("strasse", 250)):
        query = "SELECT count(*) FROM products WHERE words @@ $1::tsquery"
        words = read_search(f'"{typed}"').words
        assert await alone.value(query, words) == count, typed


@pytest.mark.thorough
async def test_a_command_that_is_killed_ten_times_ends_with_the_right_words(
    alone: Shop, tmp_path: Path
) -> None:
    await _fill_shop(alone, 6_000)
    settings = alone.process.settings
    left = "SELECT count(*) FROM products WHERE text_version <> 1"
    before, killed, runs = 6_000, 0, itertools.count()
    while killed < 10:
        with running(tmp_path / f"run-{next(runs)}", settings, "reindex") as child:

            async def advanced(before: int = before) -> bool:
                return await alone.value(left) < before

            await eventually(advanced)
            child.kill()
            child.wait(60)
        before = await alone.value(left)
        if before:
            killed += 1
        else:  # it came to its end before it was killed: once more from the beginning
            await alone.execute("UPDATE products SET text_version = 0")
            before = 6_000
    status, said = await tandem(settings, "reindex")
    assert status == 0, said
    wrong = """
        SELECT count(*) FROM products
        WHERE text_version <> 1
            OR name_key <> lower(replace(name, 'è', 'e')) || chr(1) || lower(name)
            OR NOT words @@ ('creme & 抹茶 & strasse & ' || lower(substr(name, 10)))::tsquery
    """
    assert await alone.value(wrong) == 0
    assert await outdated(alone.process.database) == {}
