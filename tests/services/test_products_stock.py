"""Stock: adjusted by what came or went, or set to what it is instead of what it was."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from services.products.managing import MOST_PIECES
from tests.faces import Door
from tests.shop import Person, Shop, new_key

UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def adjusted(door: Door, caller: Person, product: Any, **values: Any) -> Any:
    raw = {"id": product.id, **values}
    return await door.call("products.adjustStock", raw, caller=caller, key=new_key())


async def movements(shop: Shop, product: Any) -> list[tuple[str, int, str | None]]:
    """What was recorded since the first pieces came."""
    rows = await shop.rows(
        "SELECT kind, quantity, note FROM stock_movements WHERE product_id = $1 "
        "ORDER BY created_at, id OFFSET 1",
        product.id,
    )
    return [(row["kind"], row["quantity"], row["note"]) for row in rows]


async def test_pieces_come_and_go(door: Door, shop: Shop, manager: Person) -> None:
    product = await shop.product(stock=5)
    came = await adjusted(door, manager, product, delta=7, reason="Delivery.\nTwo boxes.")
    assert (came.ok["stock"], came.ok["version"]) == (12, 1)
    found = await door.call("products.get", {"id": product.id})
    assert (found.ok, found.etag) == (came.ok, came.etag)
    went = (await adjusted(door, manager, product, delta=-12, reason=None)).ok
    assert went["stock"] == 0
    assert await shop.stock(product.id) == (0, 0)
    assert await movements(shop, product) == [
        ("RECEIVED", 7, "Delivery.\nTwo boxes."),
        ("ADJUSTED", -12, None),
    ]
    audit = await shop.last_audit("products.adjustStock", manager)
    assert audit
    assert (audit["entity"], audit["entity_id"]) == ("product", product.id)
    assert audit["changed"] == ["stock"]


async def test_stock_is_set_where_it_is_the_expected_one(
    door: Door, shop: Shop, manager: Person
) -> None:
    product = await shop.product(stock=5)
    more = (await adjusted(door, manager, product, stock=8, expected=5)).ok
    assert (more["stock"], more["version"]) == (8, 1)
    assert (await adjusted(door, manager, product, stock=0, expected=8)).ok["stock"] == 0
    assert await movements(shop, product) == [("ADJUSTED", 3, None), ("ADJUSTED", -8, None)]
    async with shop.unchanged():
        late = await adjusted(door, manager, product, stock=9, expected=8)
    assert (late.code, late.status) == ("STOCK_CHANGED", 409)
    assert late.failure.details == {"stock": 0}


async def test_a_count_that_confirms_the_stock_moves_nothing(
    door: Door, shop: Shop, manager: Person
) -> None:
    product = await shop.product(stock=5)
    async with shop.unchanged():
        assert (await adjusted(door, manager, product, stock=5, expected=5)).ok["stock"] == 5
    audit = await shop.last_audit("products.adjustStock", manager)
    assert audit
    assert (audit["outcome"], audit["changed"]) == ("OK", [])


async def test_pieces_that_an_order_holds_are_neither_counted_nor_taken_away(
    door: Door, shop: Shop, manager: Person
) -> None:
    product, buyer = await shop.product("1.00", stock=5), await shop.person(balance="10.00")
    order = await shop.order(buyer, [(product.id, 2)])
    async with shop.unchanged():
        short = await adjusted(door, manager, product, delta=-4)
        shelf = await adjusted(door, manager, product, stock=9, expected=5)
    assert (short.code, short.status) == ("OUT_OF_STOCK", 422)
    assert short.failure.paths == {"delta": "OUT_OF_STOCK"}
    assert shelf.failure.details == {"stock": 3}
    assert (await adjusted(door, manager, product, stock=10, expected=3)).ok["stock"] == 10
    assert await shop.stock(product.id) == (12, 2)
    assert (await adjusted(door, manager, product, delta=-10)).ok["stock"] == 0
    assert await shop.stock(product.id) == (2, 2)
    await shop.pay(buyer, order.id)
    assert await shop.stock(product.id) == (0, 0)


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({}, {"": "REQUIRED"}),
        ({"reason": "Why not."}, {"stock": "REQUIRED"}),
        ({"stock": 5}, {"expected": "REQUIRED"}),
        ({"expected": 5}, {"stock": "REQUIRED"}),
        ({"delta": 1, "stock": 5, "expected": 5}, {"delta": "CONFLICT"}),
        ({"delta": 1, "expected": 5}, {"delta": "CONFLICT"}),
        ({"delta": 0}, {"delta": "TOO_SMALL"}),
        ({"delta": MOST_PIECES + 1}, {"delta": "TOO_LARGE"}),
        ({"delta": -MOST_PIECES - 1}, {"delta": "TOO_SMALL"}),
        (
            {"stock": -1, "expected": MOST_PIECES + 1},
            {"stock": "TOO_SMALL", "expected": "TOO_LARGE"},
        ),
        ({"delta": None, "stock": None}, {"delta": "REQUIRED", "stock": "REQUIRED"}),
        ({"delta": 1, "reason": ""}, {"reason": "TOO_SHORT"}),
        ({"delta": 1, "reason": "x" * 501}, {"reason": "TOO_LONG"}),
        ({"delta": 1, "onHand": 5}, {"onHand": "UNKNOWN_FIELD"}),
    ],
)
async def test_stock_is_adjusted_in_one_way(
    door: Door, shop: Shop, manager: Person, values: dict[str, Any], paths: dict[str, str]
) -> None:
    product = await shop.product(stock=5)
    async with shop.unchanged():
        outcome = await adjusted(door, manager, product, **values)
    assert (outcome.code, outcome.status) == ("VALIDATION_FAILED", 400)
    assert outcome.failure.paths == paths


async def test_a_million_pieces_are_the_most_held_ones_included(
    door: Door, shop: Shop, manager: Person
) -> None:
    product, buyer = await shop.product("1.00", stock=10), await shop.person(balance="10.00")
    await shop.order(buyer, [(product.id, 2)])
    async with shop.unchanged():
        came = await adjusted(door, manager, product, delta=MOST_PIECES - 9)
        counted = await adjusted(door, manager, product, stock=MOST_PIECES - 1, expected=8)
    assert came.failure.paths == {"delta": "TOO_LARGE"}
    assert counted.failure.paths == {"stock": "TOO_LARGE"}
    most = (await adjusted(door, manager, product, delta=MOST_PIECES - 10)).ok
    assert most["stock"] == MOST_PIECES - 2


@pytest.mark.parametrize("id", [UNKNOWN, "nonsense"])
async def test_the_stock_of_no_product_is_not_adjusted(
    door: Door, shop: Shop, manager: Person, id: str
) -> None:
    values = {"id": id, "delta": 1}
    async with shop.unchanged():
        outcome = await door.call("products.adjustStock", values, caller=manager, key=new_key())
    assert (outcome.code, outcome.status) == ("PRODUCT_NOT_FOUND", 404)


async def test_the_stock_of_an_archived_product_is_adjusted(
    door: Door, shop: Shop, manager: Person
) -> None:
    product = await shop.product(stock=5, is_active=False)
    assert (await adjusted(door, manager, product, delta=-5)).ok["stock"] == 0


async def test_a_repeated_adjustment_is_made_once(door: Door, shop: Shop, manager: Person) -> None:
    product, key = await shop.product(stock=5), new_key()
    values = {"id": product.id, "delta": 3}
    first = await door.call("products.adjustStock", values, caller=manager, key=key)
    again = await door.call("products.adjustStock", values, caller=manager, key=key)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.ok == first.ok
    assert await shop.stock(product.id) == (8, 0)


async def test_adjustments_at_one_moment_all_count(door: Door, shop: Shop, manager: Person) -> None:
    product = await shop.product(stock=5)
    deltas = [3, -1, 2, -1, 4, -1, -2, 1]
    outcomes = await asyncio.gather(
        *(adjusted(door, manager, product, delta=delta) for delta in deltas)
    )
    assert all(outcome.ok for outcome in outcomes)
    assert await shop.stock(product.id) == (5 + sum(deltas), 0)
    assert sorted(pieces for _, pieces, _ in await movements(shop, product)) == sorted(deltas)


async def test_of_counts_at_one_moment_one_counts(door: Door, shop: Shop, manager: Person) -> None:
    product = await shop.product(stock=5)
    outcomes = await asyncio.gather(
        *(adjusted(door, manager, product, stock=n, expected=5) for n in range(10, 16))
    )
    assert Counter(outcome.code for outcome in outcomes) == {"OK": 1, "STOCK_CHANGED": 5}
    [won] = [outcome.ok["stock"] for outcome in outcomes if outcome.error is None]
    assert await shop.stock(product.id) == (won, 0)
