"""The catalogue changes while others use it: real transactions that stand in each other's way."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.faces import Door
from tests.shop import Person, Shop, unique

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@asynccontextmanager
async def meanwhile(shop: Shop, sql: str, *values: Any) -> AsyncIterator[None]:
    """Another connection did this and commits at the end of the block."""
    async with shop.process.database.connection() as connection, connection.transaction():
        await connection.execute(sql, *values)
        yield


async def until_waiting(shop: Shop, *calls: "asyncio.Task[Any]") -> None:
    """Wait until each of the calls waits for a lock."""
    while await shop.value(_WAITING) < len(calls):
        for call in calls:
            assert not call.done(), call.result()


async def one_piece(shop: Shop, price: str) -> tuple[Any, Person, dict[str, Any]]:
    product, buyer = await shop.product(price), await shop.person(balance="100.00")
    return product, buyer, {"lines": [{"productId": product.id, "quantity": 1}]}


async def test_an_order_waits_for_a_price_that_is_being_changed(door: Door, shop: Shop) -> None:
    product, buyer, values = await one_piece(shop, "5.00")
    price = "UPDATE products SET price = 7.00, name = 'Dear lamp' WHERE id = $1"
    async with meanwhile(shop, price, product.id):
        call = asyncio.create_task(door.call("orders.create", values, caller=buyer))
        await until_waiting(shop, call)
    order = (await call).ok
    [line] = order["lines"]
    assert (line["unitPrice"], line["name"], order["total"]) == ("7.00", "Dear lamp", "7.00")


async def test_no_order_is_placed_of_what_is_being_archived(door: Door, shop: Shop) -> None:
    product, buyer, values = await one_piece(shop, "5.00")
    archive = "UPDATE products SET is_active = false WHERE id = $1"
    async with meanwhile(shop, archive, product.id):
        call = asyncio.create_task(door.call("orders.create", values, caller=buyer))
        await until_waiting(shop, call)
    outcome = await call
    assert (outcome.code, outcome.status) == ("PRODUCT_NOT_FOUND", 404)
    assert await shop.stock(product.id) == (10, 0)


@pytest.mark.parametrize("operation", ["products.update", "products.archive"])
async def test_a_product_changes_after_the_orders_that_are_being_placed(
    door: Door, shop: Shop, admin: Person, operation: str
) -> None:
    product, buyer, values = await one_piece(shop, "5.00")
    change = {"id": product.id, **({"price": "7.00"} if operation == "products.update" else {})}
    # The order has read its prices and cannot write its history.
    async with meanwhile(shop, "LOCK TABLE order_history IN EXCLUSIVE MODE"):
        placing = asyncio.create_task(door.call("orders.create", values, caller=buyer))
        await until_waiting(shop, placing)
        changing = asyncio.create_task(door.call(operation, change, caller=admin))
        await until_waiting(shop, placing, changing)
    assert (await placing).ok["total"] == "5.00"
    assert (await changing).ok


async def test_of_changes_that_knew_one_version_one_is_made(
    door: Door, shop: Shop, manager: Person
) -> None:
    product = await shop.product("5.00")
    tag = (await door.call("products.get", {"id": product.id})).etag
    outcomes = await asyncio.gather(
        *(
            door.call(
                "products.update",
                {"id": product.id, "price": f"{price}.00"},
                caller=manager,
                if_match=tag,
            )
            for price in range(6, 12)
        )
    )
    assert Counter(outcome.code for outcome in outcomes) == {"OK": 1, "PRECONDITION_FAILED": 5}
    found = (await door.call("products.get", {"id": product.id})).ok
    [won] = [outcome.ok for outcome in outcomes if outcome.error is None]
    assert found == won
    assert found["version"] == 2


@pytest.mark.parametrize("operation", ["products.create", "products.update"])
async def test_no_product_is_put_into_a_category_that_is_being_deleted(
    door: Door, shop: Shop, manager: Person, operation: str
) -> None:
    category, product = await shop.category(), await shop.product()
    values: dict[str, Any] = {"categoryId": category}
    if operation == "products.create":
        values |= {"name": unique("Lamp "), "price": "5.00"}
    else:
        values |= {"id": product.id}
    async with meanwhile(shop, "DELETE FROM categories WHERE id = $1", category):
        call = asyncio.create_task(door.call(operation, values, caller=manager))
        await until_waiting(shop, call)
    outcome = await call
    assert (outcome.code, outcome.status) == ("CATEGORY_NOT_FOUND", 404)
    inside = "SELECT count(*) FROM products WHERE category_id = $1"
    assert await shop.value(inside, category) == 0


async def test_no_category_is_deleted_that_a_product_is_being_put_into(
    door: Door, shop: Shop, admin: Person
) -> None:
    category = await shop.category()
    values = {"categoryId": category, "name": unique("Lamp "), "price": "5.00"}
    # The product is in its category, and its stock cannot be written.
    async with meanwhile(shop, "LOCK TABLE stock IN EXCLUSIVE MODE"):
        putting = asyncio.create_task(door.call("products.create", values, caller=admin))
        await until_waiting(shop, putting)
        deletion = door.call("categories.delete", {"id": category}, caller=admin)
        deleting = asyncio.create_task(deletion)
        await until_waiting(shop, putting, deleting)
    product = (await putting).ok
    outcome = await deleting
    assert (outcome.code, outcome.status) == ("CATEGORY_IN_USE", 409)
    assert (await door.call("products.get", {"id": product["id"]})).ok == product


async def test_a_slug_is_given_once_at_one_moment(door: Door, shop: Shop, manager: Person) -> None:
    values = {"slug": unique("shelf-"), "name": "Shelf"}
    outcomes = await asyncio.gather(
        *(door.call("categories.create", values, caller=manager) for _ in range(6))
    )
    assert Counter(outcome.code for outcome in outcomes) == {"OK": 1, "SLUG_TAKEN": 5}
