"""Categories of products."""

from tests.faces import Door
from tests.shop import Shop, new_key, unique

UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def test_a_category_is_read_by_its_id(door: Door, shop: Shop) -> None:
    name = unique("Garden & Haus ")
    category_id = await shop.category(name)
    category = (await door.call("categories.get", {"id": category_id})).ok
    assert category["id"] == category_id
    assert category["name"] == name
    assert category["description"] == "A shelf"
    assert category["version"] == 1
    assert category["createdAt"].endswith("Z")


async def test_an_id_is_read_whatever_its_case(door: Door, shop: Shop) -> None:
    category_id = await shop.category()
    found = (await door.call("categories.get", {"id": category_id.upper()})).ok
    assert found["id"] == category_id


async def test_an_unknown_and_a_malformed_id_are_not_found(door: Door) -> None:
    for id in (UNKNOWN, "nonsense", "%00", "0"):
        outcome = await door.call("categories.get", {"id": id})
        assert (outcome.code, outcome.status) == ("CATEGORY_NOT_FOUND", 404)


async def test_categories_come_by_name_in_either_direction(door: Door, shop: Shop) -> None:
    for name in ("zebra ", "Äpfel ", "apple ", "Zoo "):
        await shop.category(unique(name))
    up = (await door.call("categories.list", {"first": 100})).ok
    names = [category["name"] for category in up]
    assert names == sorted(names, key=str.encode)
    down = (await door.call("categories.list", {"first": 100, "sort": "-name"})).ok
    names = [category["name"] for category in down]
    assert names == sorted(names, key=str.encode, reverse=True)


async def test_a_public_read_takes_no_notice_of_a_key(door: Door, shop: Shop) -> None:
    category_id = await shop.category()
    headers = {"Idempotency-Key": new_key()}
    outcome = await door.call("categories.get", {"id": category_id}, headers=headers)
    assert outcome.ok["id"] == category_id
    assert not outcome.replayed
