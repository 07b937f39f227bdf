"""Lists that are searched, and sorted by relevance or by name, on every door."""

from typing import Any

import msgspec
import pytest

from tests.faces import Door
from tests.shop import PASSWORD, Person, Shop, unique


async def walked(doors: list[Door], operation: str, caller: Any = None, **values: Any) -> list[str]:
    """The ids of a list, one a page, each page through the next of the doors."""
    found: list[str] = []
    after = None
    while True:
        door = doors[len(found) % len(doors)]
        page = await door.call(operation, {**values, "first": 1, "after": after}, caller=caller)
        found += page.ids()
        after = page.listed.end
        if not page.listed.has_next:
            return found


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("東京限定抹茶チョコレート {}", "抹茶 {}"),
        ("Café Crème {}", "cafe creme {}"),
        ("Kopfhörer HD-650 {}", "650 {}"),
        ("Lamps {}", "{} lam"),
    ],
)
async def test_a_product_is_found_as_people_type(
    door: Door, shop: Shop, manager: Person, name: str, typed: str
) -> None:
    word = unique("q")
    raw = {"name": name.format(word), "price": "1.00", "categoryId": await shop.shelf()}
    made = (await door.call("products.create", raw, caller=manager)).ok
    values = {"search": typed.format(word), "total": True}
    found = await door.call("products.list", values)
    assert (found.ids(), found.listed.total) == ([made["id"]], 1)
    renamed = {"id": made["id"], "name": "Something else"}
    await door.call("products.update", renamed, caller=manager)
    assert (await door.call("products.list", values)).ids() == []


async def test_a_search_comes_by_relevance_unless_told_otherwise(door: Door, shop: Shop) -> None:
    word, other = unique("numbat"), unique("dunnart")
    made = [
        await shop.product(name=f"{word} {other}"),
        await shop.product(name=f"{word} lamp", tags=[other]),
        await shop.product(name="Lamp", tags=[word, other]),
        await shop.product(name="Lamp", description=f"{word} {word} {other}"),
        await shop.product(name="Lamp", description=f"A {word} and a {other}"),
    ]
    ids = [product.id for product in made]

    async def found(**more: Any) -> list[str]:
        return (await door.call("products.list", {"search": f"{word} {other}", **more})).ids()

    assert await found() == ids
    assert await found(sort="relevance", page=1) == ids
    assert await found(sort="-createdAt") == ids[::-1]
    assert await found(page=2, perPage=2) == ids[2:4]
    assert await walked([door], "products.list", search=f"{word} {other}") == ids


async def test_pages_by_relevance_cross_doors_and_bear_changes(
    shop: Shop, faces: dict[str, Door], manager: Person
) -> None:
    word = unique("bilby")
    texts: list[dict[str, Any]] = [{"name": f"{word} {n}"} for n in range(3)] + [
        {"tags": [word]} for _ in range(3)
    ]
    made = [(await shop.product(**text)).id for text in texts]
    doors = list(faces.values())
    whole = (await doors[0].call("products.list", {"search": word})).ids()
    assert [{*whole[:3]}, {*whole[3:]}] == [{*made[:3]}, {*made[3:]}]
    assert await walked(doors, "products.list", search=word) == whole
    backwards = await doors[1].call("products.list", {"search": word, "last": 2})
    assert backwards.ids() == whole[-2:]
    before = {"search": word, "last": 2, "before": backwards.listed.start}
    assert (await doors[2].call("products.list", before)).ids() == whole[2:4]
    first = await doors[0].call("products.list", {"search": word, "first": 3})
    # What comes and changes on the pages before is not met again, and nothing is left out.
    await shop.product(name=f"{word} {word} new")
    change = {"id": whole[1], "name": f"{word} renamed"}
    await doors[1].call("products.update", change, caller=manager)
    rest = {"search": word, "first": 5, "after": first.listed.end}
    assert (await doors[2].call("products.list", rest)).ids() == whole[3:]


async def test_pages_by_name_cross_doors_and_bear_changes(
    shop: Shop, faces: dict[str, Door], manager: Person
) -> None:
    category = await shop.category()
    names = ["apple", "Éclair", "eclairs", "Mango", "Zebra", "éclair"]
    by_name = {name: (await shop.product(name=name, categoryId=category)).id for name in names}
    doors = list(faces.values())
    asked = {"categoryId": category, "sort": "name"}
    whole = [by_name[n] for n in ("apple", "Éclair", "éclair", "eclairs", "Mango", "Zebra")]
    whole[1:3] = sorted(whole[1:3])  # equal keys come by id
    assert await walked(doors, "products.list", **asked) == whole
    assert await walked(doors, "products.list", **{**asked, "sort": "-name"}) == whole[::-1]
    first = await doors[0].call("products.list", {**asked, "first": 2})
    # The product of the cursor itself is renamed, and products are put before and behind it.
    change = {"id": whole[1], "name": "Aardvark"}
    await doors[1].call("products.update", change, caller=manager)
    await shop.product(name="Abacus", categoryId=category)
    last = await shop.product(name="Zoo", categoryId=category)
    rest = {**asked, "first": 9, "after": first.listed.end}
    assert (await doors[2].call("products.list", rest)).ids() == [*whole[2:], last.id]


async def test_a_trimmed_page_by_name_continues(shop: Shop, faces: dict[str, Door]) -> None:
    category = await shop.category()
    for name in ("b", "A", "c"):
        await shop.product(name=name, categoryId=category)
    for face in ("v1", "v2"):
        values = {"categoryId": category, "sort": "name", "fields": "name", "first": 2}
        page = await faces[face].call("products.list", values)
        assert page.ok == [{"name": "A"}, {"name": "b"}]
        rest = await faces[face].call("products.list", {**values, "after": page.listed.end})
        assert rest.ok == [{"name": "c"}]


async def test_coupons_are_sorted_by_code(door: Door, shop: Shop, manager: Person) -> None:
    word = unique("S")
    for code in ("b", "A-", "C_"):
        await shop.coupon(code=f"{word}{code}")
    for sort, expected in (("code", ["A-", "b", "C_"]), ("-code", ["C_", "b", "A-"])):
        found: list[str] = []
        after = None
        while True:
            values = {"sort": sort, "first": 100, "after": after}
            page = await door.call("coupons.list", values, caller=manager)
            found += [coupon["code"] for coupon in page.ok]
            after = page.listed.end
            if not page.listed.has_next:
                break
        assert [code.removeprefix(word) for code in found if code.startswith(word)] == expected


async def test_users_are_sorted_by_full_name_in_any_language(
    door: Door, shop: Shop, admin: Person
) -> None:
    word = unique("n")
    names = ["Émile", "Emil", "Zoë", "Łukasz", "Lukas", "Øystein", "Oscar"]
    for name in names:
        person = await shop.person()
        raw = {"fullName": f"{word} {name}"}
        assert (await door.call("users.updateMe", raw, caller=person)).error is None
    values = {"search": word, "sort": "fullName"}
    found = (await door.call("users.list", values, caller=admin)).ok
    expected = ["Emil", "Émile", "Lukas", "Łukasz", "Oscar", "Øystein", "Zoë"]
    assert [user["fullName"].removeprefix(f"{word} ") for user in found] == expected


async def test_a_deleted_account_keeps_no_sort_key(shop: Shop, faces: dict[str, Door]) -> None:
    person = await shop.person()
    change = {"fullName": "Äda Lovelace"}
    await faces["v2"].call("users.updateMe", change, caller=person)
    key = "SELECT full_name_key FROM users WHERE id = $1"
    assert (await shop.value(key, person.id)).startswith("ada lovelace")
    gone = await faces["v2"].call("users.deleteMe", {"password": PASSWORD}, caller=person)
    assert gone.error is None
    assert await shop.value(key, person.id) == "deleted user"


@pytest.mark.parametrize(
    ("operation", "sort", "more"),
    [
        ("products.list", "name", {}),
        ("products.list", "relevance", {"search": "lamp"}),
        ("users.list", "fullName", {}),
        ("categories.list", "name", {}),
    ],
)
async def test_a_cursor_of_another_version_is_refused(
    door: Door, shop: Shop, admin: Person, operation: str, sort: str, more: dict[str, Any]
) -> None:
    position = (1 if sort == "relevance" else "lamp", admin.id)
    found = []
    # Before there were versions, this one, and the next one.
    versions: tuple[list[int], ...] = ([], [1], [2])
    for version in versions:
        scope = msgspec.json.encode([operation, None, sort, sorted(more.items()), *version])
        cursor = shop.process.cursors.write(scope, position)
        values = {"sort": sort, "after": cursor, "first": 1, **more}
        outcome = await door.call(operation, values, caller=admin)
        found.append(outcome.failure.paths if outcome.error else None)
    assert found == [{"after": "INVALID_CURSOR"}, None, {"after": "INVALID_CURSOR"}]
