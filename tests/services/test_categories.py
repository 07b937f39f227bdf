"""Categories of products."""

from typing import Any

import httpx
import pytest

from tests.faces import Door
from tests.shop import Person, Shop, new_key, unique

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


async def test_categories_come_by_name_in_either_direction(
    door: Door, shop: Shop, manager: Person
) -> None:
    word = unique("order")
    for name in ("Zoo", "Äpfel", "zebra", "apple", "Apfel", "Öl"):
        raw = {"name": f"{word} {name}", "slug": unique("sorted-").lower()}
        await door.call("categories.create", raw, caller=manager)
    expected = ["Apfel", "Äpfel", "apple", "Öl", "zebra", "Zoo"]

    async def found(sort: str) -> list[str]:
        names: list[str] = []
        after = None
        while True:
            values = {"first": 100, "sort": sort, "after": after}
            page = await door.call("categories.list", values)
            names += [category["name"] for category in page.ok]
            after = page.listed.end
            if not page.listed.has_next:
                return [name.removeprefix(f"{word} ") for name in names if name.startswith(word)]

    assert await found("name") == expected
    assert await found("-name") == expected[::-1]


async def test_a_public_read_takes_no_notice_of_a_key(door: Door, shop: Shop) -> None:
    category_id = await shop.category()
    headers = {"Idempotency-Key": new_key()}
    outcome = await door.call("categories.get", {"id": category_id}, headers=headers)
    assert outcome.ok["id"] == category_id
    assert not outcome.replayed


def wanted(**more: Any) -> dict[str, Any]:
    return {"slug": unique("shelf-"), "name": unique("Garden & Haus "), **more}


async def test_a_manager_adds_a_category(door: Door, shop: Shop, manager: Person) -> None:
    raw = wanted(description="Pots.\nAnd plants.")
    category = (await door.call("categories.create", raw, caller=manager)).ok
    for name, value in raw.items():
        assert category[name] == value
    assert category["version"] == 1
    assert (await door.call("categories.get", {"id": category["id"]})).ok == category
    bare = (await door.call("categories.create", wanted(), caller=manager)).ok
    assert bare["description"] == ""
    audit = await shop.last_audit("categories.create", manager)
    assert audit
    assert (audit["entity"], audit["entity_id"]) == ("category", bare["id"])
    assert audit["changed"] == ["name", "slug"]


async def test_a_new_category_has_its_address(
    faces: dict[str, Door], client: httpx.AsyncClient, manager: Person
) -> None:
    for version in ("v1", "v2"):
        made = await faces[version].call("categories.create", wanted(), caller=manager)
        assert made.status == 201
        found = await client.get(made.headers["location"])
        assert made.ok["id"] in found.text


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("", "TOO_SHORT"),
        ("Lamps", "INVALID_FORMAT"),
        ("desk lamps", "INVALID_FORMAT"),
        (" lamps", "INVALID_FORMAT"),
        ("-lamps", "INVALID_FORMAT"),
        ("lamps-", "INVALID_FORMAT"),
        ("desk--lamps", "INVALID_FORMAT"),
        ("lämps", "INVALID_FORMAT"),
        ("x" * 101, "TOO_LONG"),
    ],
)
async def test_a_slug_is_words_joined_by_hyphens(
    door: Door, shop: Shop, manager: Person, slug: str, code: str
) -> None:
    category_id = await shop.category()
    async with shop.unchanged():
        made = await door.call("categories.create", wanted(slug=slug), caller=manager)
        values = {"id": category_id, "slug": slug}
        moved = await door.call("categories.update", values, caller=manager)
    assert made.failure.paths == moved.failure.paths == {"slug": code}


async def test_a_slug_is_of_one_category(door: Door, shop: Shop, manager: Person) -> None:
    longest = unique("x").ljust(100, "x")
    raw = wanted(slug=longest)
    category = (await door.call("categories.create", raw, caller=manager)).ok
    other = await shop.category()
    async with shop.unchanged():
        made = await door.call("categories.create", wanted(slug=longest), caller=manager)
        values = {"id": other, "slug": longest}
        moved = await door.call("categories.update", values, caller=manager)
    assert (made.code, made.status) == (moved.code, moved.status) == ("SLUG_TAKEN", 409)
    # Its own slug is no other's.
    values = {"id": category["id"], "slug": longest, "name": "Shelf"}
    assert (await door.call("categories.update", values, caller=manager)).ok["name"] == "Shelf"


async def test_what_is_left_out_of_a_category_stays(
    door: Door, shop: Shop, manager: Person
) -> None:
    before = (await door.call("categories.create", wanted(description="x"), caller=manager)).ok
    values = {"id": before["id"], "name": unique("Shed ")}
    after = (await door.call("categories.update", values, caller=manager)).ok
    kept = before.keys() - {"name", "version", "updatedAt"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (after["name"], after["version"]) == (values["name"], 2)
    assert after["updatedAt"] > before["updatedAt"]
    audit = await shop.last_audit("categories.update", manager)
    assert audit
    assert (audit["entity_id"], audit["changed"]) == (before["id"], ["name"])
    values = {"id": before["id"], "description": None}
    assert (await door.call("categories.update", values, caller=manager)).ok["description"] == ""
    # Once more: nothing is different, so nothing changes.
    same = (await door.call("categories.update", values, caller=manager)).ok
    assert same["version"] == 3


async def test_a_category_must_keep_its_slug_and_name(
    door: Door, shop: Shop, manager: Person
) -> None:
    values = {"id": await shop.category(), "slug": None, "name": None}
    async with shop.unchanged():
        failure = (await door.call("categories.update", values, caller=manager)).failure
    assert failure.paths == {"slug": "REQUIRED", "name": "REQUIRED"}


async def test_v1_takes_put_for_a_category(
    client: httpx.AsyncClient, shop: Shop, manager: Person
) -> None:
    path = f"/api/v1/categories/{await shop.category()}"
    done = await client.put(path, json={"name": "Shed"}, headers=manager.headers)
    assert done.json()["data"]["name"] == "Shed"
    assert (await client.put(path.replace("v1", "v2"), json={})).status_code == 405


@pytest.mark.parametrize("operation", ["categories.update", "categories.delete"])
async def test_a_category_that_changed_meanwhile_is_left_alone(
    door: Door, shop: Shop, admin: Person, operation: str
) -> None:
    more = {"name": "Shed"} if operation == "categories.update" else {}
    category_id = await shop.category()
    old = (await door.call("categories.get", {"id": category_id})).etag
    values = {"id": category_id, "name": unique("Shed ")}
    new = (await door.call("categories.update", values, caller=admin)).etag
    values = {"id": category_id, **more}
    async with shop.unchanged():
        late = await door.call(operation, values, caller=admin, if_match=old)
    assert (late.code, late.status) == ("PRECONDITION_FAILED", 412)
    assert (await door.call(operation, values, caller=admin, if_match=new)).ok


async def test_an_admin_deletes_a_category(door: Door, shop: Shop, admin: Person) -> None:
    category_id = await shop.category()
    done = await door.call("categories.delete", {"id": category_id}, caller=admin)
    assert done.ok == {"ok": True}
    if door.name in ("v1", "v2"):
        assert done.status == {"v1": 200, "v2": 204}[door.name]
    audit = await shop.last_audit("categories.delete", admin)
    assert audit
    assert (audit["entity"], audit["entity_id"]) == ("category", category_id)
    for operation in ("categories.get", "categories.delete"):
        outcome = await door.call(operation, {"id": category_id}, caller=admin)
        assert (outcome.code, outcome.status) == ("CATEGORY_NOT_FOUND", 404)


@pytest.mark.parametrize("is_active", [True, False])
async def test_a_category_with_products_stays_also_with_archived_ones(
    door: Door, shop: Shop, admin: Person, is_active: bool
) -> None:
    category_id = await shop.category()
    product = await shop.product(categoryId=category_id, is_active=is_active)
    async with shop.unchanged():
        outcome = await door.call("categories.delete", {"id": category_id}, caller=admin)
    assert (outcome.code, outcome.status) == ("CATEGORY_IN_USE", 409)
    values = {"id": product.id, "categoryId": await shop.shelf()}
    assert (await door.call("products.update", values, caller=admin)).ok
    assert (await door.call("categories.delete", {"id": category_id}, caller=admin)).ok


@pytest.mark.parametrize("operation", ["categories.update", "categories.delete"])
async def test_a_category_that_is_not_there_is_not_changed(
    door: Door, shop: Shop, admin: Person, operation: str
) -> None:
    more = {"name": "Shed"} if operation == "categories.update" else {}
    async with shop.unchanged():
        for id in (UNKNOWN, "nonsense"):
            outcome = await door.call(operation, {"id": id, **more}, caller=admin)
            assert (outcome.code, outcome.status) == ("CATEGORY_NOT_FOUND", 404)
