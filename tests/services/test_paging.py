"""Pages: keyset and numbered, the same list whichever way one walks."""

from typing import Any

import pytest

from services.operation.cursors import CursorKeys
from tests.faces import Door, Outcome
from tests.shop import Person, Shop


@pytest.fixture
async def shelf(shop: Shop) -> tuple[str, list[str]]:
    """A category with seven products, some of one price, newest first."""
    category = await shop.category()
    prices = ["3.00", "1.00", "2.00", "2.00", "2.00", "1.00", "3.00"]
    made = [await shop.product(price, categoryId=category) for price in prices]
    return category, [product.id for product in reversed(made)]


async def products(door: Door, category: str, **values: Any) -> Outcome:
    return await door.call("products.list", {"categoryId": category, **values})


async def walked(door: Door, category: str, size: int, **values: Any) -> list[str]:
    """Every id of the list, page after page."""
    found: list[str] = []
    cursor = None
    while True:
        after = {"after": cursor} if cursor else {}
        outcome = await products(door, category, first=size, **after, **values)
        found += outcome.ids()
        if not outcome.listed.has_next:
            return found
        assert len(outcome.ids()) == size
        cursor = outcome.listed.end
        assert cursor


@pytest.mark.parametrize("sort", ["-createdAt", "createdAt", "name", "-name", "price", "-price"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_walking_by_cursor_meets_everything_once_in_order(
    door: Door, shelf: tuple[str, list[str]], sort: str, size: int
) -> None:
    category, ids = shelf
    whole = (await products(door, category, sort=sort)).ids()
    assert sorted(whole) == sorted(ids)
    assert await walked(door, category, size, sort=sort) == whole


async def test_walking_backwards_is_the_same_list(door: Door, shelf: tuple[str, list[str]]) -> None:
    category, ids = shelf
    tail = await products(door, category, last=3)
    assert tail.ids() == ids[-3:]
    assert (tail.listed.has_previous, tail.listed.has_next) == (True, False)
    middle = await products(door, category, last=3, before=tail.listed.start)
    assert middle.ids() == ids[-6:-3]
    assert (middle.listed.has_previous, middle.listed.has_next) == (True, True)
    head = await products(door, category, last=3, before=middle.listed.start)
    assert head.ids() == ids[:1]
    assert (head.listed.has_previous, head.listed.has_next) == (False, True)


async def test_a_cursor_alone_gives_a_page_of_the_usual_size(
    door: Door, shelf: tuple[str, list[str]]
) -> None:
    category, ids = shelf
    cursor = (await products(door, category, first=2)).listed.end
    assert (await products(door, category, after=cursor)).ids() == ids[2:]
    cursor = (await products(door, category, first=3, after=cursor)).listed.end
    assert (await products(door, category, before=cursor)).ids() == ids[:4]


async def test_keyset_pages_are_stable_under_inserts(
    door: Door, shop: Shop, shelf: tuple[str, list[str]]
) -> None:
    category, ids = shelf
    cursor = (await products(door, category, first=3)).listed.end
    await shop.product(categoryId=category)
    assert (await products(door, category, first=4, after=cursor)).ids() == ids[3:]


async def test_numbered_pages_are_the_same_list(door: Door, shelf: tuple[str, list[str]]) -> None:
    category, ids = shelf
    for number, expected in ((1, ids[:3]), (2, ids[3:6]), (3, ids[6:]), (4, [])):
        outcome = await products(door, category, page=number, perPage=3, total=True)
        assert outcome.ids() == expected
        assert outcome.listed.total == 7
        assert outcome.listed.has_next == (number < 3)
        assert outcome.listed.has_previous == (number > 1)
    assert (await products(door, category, perPage=2)).ids() == ids[:2]
    assert (await products(door, category, page=1)).ids() == ids


async def test_a_total_is_counted_only_when_asked_for(
    door: Door, shelf: tuple[str, list[str]]
) -> None:
    category, _ = shelf
    assert (await products(door, category, first=1, total=True)).listed.total == 7
    if door.name != "v1":  # which always counts
        assert (await products(door, category, first=1)).listed.total is None


async def test_twenty_come_when_nothing_is_asked(door: Door, shop: Shop) -> None:
    category = await shop.category()
    for _ in range(21):
        await shop.product(categoryId=category)
    outcome = await products(door, category)
    assert len(outcome.ids()) == 20
    assert outcome.listed.has_next
    assert len((await products(door, category, first=100)).ids()) == 21


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"first": 0}, {"first": "TOO_SMALL"}),
        ({"first": 101}, {"first": "TOO_LARGE"}),
        ({"last": -1}, {"last": "TOO_SMALL"}),
        ({"perPage": 101}, {"perPage": "TOO_LARGE"}),
        ({"page": 0}, {"page": "TOO_SMALL"}),
        ({"page": 1_000_001}, {"page": "TOO_LARGE"}),
        ({"first": 101, "last": 0}, {"first": "TOO_LARGE", "last": "TOO_SMALL"}),
        ({"first": 1, "last": 1}, {"last": "CONFLICT"}),
        ({"first": 1, "before": "x"}, {"last": "CONFLICT"}),
        ({"first": 1, "page": 1}, {"page": "CONFLICT"}),
        ({"after": "x", "perPage": 5}, {"page": "CONFLICT"}),
        ({"after": "nonsense"}, {"after": "INVALID_CURSOR"}),
        ({"before": "näh"}, {"before": "INVALID_CURSOR"}),
        ({"after": ""}, {"after": "INVALID_CURSOR"}),
        ({"before": ""}, {"before": "INVALID_CURSOR"}),
    ],
)
async def test_a_page_is_asked_for_in_one_way(
    door: Door, shop: Shop, values: dict[str, Any], paths: dict[str, str]
) -> None:
    failure = (await products(door, await shop.shelf(), **values)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert failure.paths == paths


async def test_a_tampered_cursor_is_refused(door: Door, shelf: tuple[str, list[str]]) -> None:
    category, _ = shelf
    cursor = (await products(door, category, first=2)).listed.end
    assert cursor
    swapped = "A" if cursor[10] != "A" else "B"
    for bent in (cursor[:-1], cursor + "A", cursor[:10] + swapped + cursor[11:], cursor + "="):
        failure = (await products(door, category, first=2, after=bent)).failure
        assert failure.paths == {"after": "INVALID_CURSOR"}


async def test_a_cursor_belongs_to_its_sort_and_filters(
    door: Door, shop: Shop, shelf: tuple[str, list[str]], user: Person
) -> None:
    category, _ = shelf
    cursor = (await products(door, category, first=2)).listed.end
    another = await shop.category()
    for values in (
        {"categoryId": category, "sort": "createdAt"},
        {"categoryId": category, "minPrice": "1.00"},
        {"categoryId": another},
        {},
    ):
        failure = (await door.call("products.list", {"after": cursor, **values})).failure
        assert failure.paths == {"after": "INVALID_CURSOR"}
    foreign = await door.call("orders.list", {"after": cursor}, caller=user)
    assert foreign.failure.paths == {"after": "INVALID_CURSOR"}


async def test_a_cursor_does_not_mind_the_page_size(
    door: Door, shelf: tuple[str, list[str]]
) -> None:
    category, ids = shelf
    cursor = (await products(door, category, first=2)).listed.end
    assert (await products(door, category, first=5, after=cursor)).ids() == ids[2:7]


async def test_a_nested_cursor_belongs_to_its_parent(door: Door, shop: Shop) -> None:
    buyer = await shop.person(balance="99.00")
    one, two = await shop.order(buyer, paid=True), await shop.order(buyer, paid=True)
    first = await door.call("orders.history", {"id": one.id, "first": 1}, caller=buyer)
    assert first.listed.has_next
    values = {"first": 1, "after": first.listed.end}
    rest = await door.call("orders.history", {"id": one.id, **values}, caller=buyer)
    assert [event["toStatus"] for event in first.ok + rest.ok] == ["PAID", "PENDING"]
    assert not rest.listed.has_next
    failure = (await door.call("orders.history", {"id": two.id, **values}, caller=buyer)).failure
    assert failure.paths == {"after": "INVALID_CURSOR"}


async def test_nested_pages_count_their_own(door: Door, shop: Shop) -> None:
    buyer = await shop.person(balance="99.00")
    order = await shop.order(buyer, paid=True)
    values = {"id": order.id, "first": 1, "total": True}
    assert (await door.call("orders.history", values, caller=buyer)).listed.total == 2
    values = {"id": order.id, "page": 2, "perPage": 1, "total": True}
    outcome = await door.call("orders.history", values, caller=buyer)
    assert [event["toStatus"] for event in outcome.ok] == ["PENDING"]
    assert outcome.listed.total == 2


def test_cursors_of_the_previous_secret_still_count() -> None:
    old, new = "o" * 32, "n" * 32
    cursor = CursorKeys(old, None).write(b"scope", ("value", "id"))
    assert CursorKeys(new, old).read(b"scope", cursor, str) == ("value", "id")
    assert CursorKeys(new, None).read(b"scope", cursor, str) is None
