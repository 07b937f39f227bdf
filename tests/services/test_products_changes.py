"""Products that change: edited by managers, archived and brought back by admins."""

import json
from typing import Any

import httpx
import pytest

from tests.faces import Door
from tests.shop import Person, Shop, new_key, unique

UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def lamp(shop: Shop, **more: Any) -> Any:
    """A product with something in every field."""
    return await shop.product(
        "49.90",
        description="Warm light.",
        tags=["lamp", "wood"],
        metadata={"watts": 7, "care": {"oil": True, "wax": 1}, "colors": ["red", "blue"]},
        image="https://example.com/lamp.jpg",
        **more,
    )


async def test_a_manager_changes_a_product(door: Door, shop: Shop, manager: Person) -> None:
    product = await lamp(shop)
    values = {
        "id": product.id,
        "name": unique("Oak lamp "),
        "description": "Warmer light.\nOiled.",
        "price": "59.9",
        "categoryId": await shop.category(),
        "tags": ["oak", "lamp", "oak"],
        "metadata": {"watts": 9},
        "image": "https://example.com/oak.jpg",
    }
    before = (await door.call("products.get", {"id": product.id})).ok
    changed = await door.call("products.update", values, caller=manager)
    after = changed.ok
    assert after == {
        **before,
        **values,
        "price": "59.90",
        "tags": ["oak", "lamp"],
        "metadata": {**before["metadata"], "watts": 9},
        "version": 2,
        "updatedAt": after["updatedAt"],
    }
    assert after["updatedAt"] > before["updatedAt"]
    found = await door.call("products.get", {"id": product.id})
    assert (found.ok, found.etag) == (after, changed.etag)
    audit = await shop.last_audit("products.update", manager)
    assert audit
    assert (audit["entity"], audit["entity_id"]) == ("product", product.id)
    assert audit["changed"] == sorted(values.keys() - {"id"})


async def test_what_is_left_out_of_a_product_stays(door: Door, shop: Shop, manager: Person) -> None:
    product = await lamp(shop)
    before = (await door.call("products.get", {"id": product.id})).ok
    values = {"id": product.id, "price": "1.00"}
    after = (await door.call("products.update", values, caller=manager)).ok
    moved = {name for name in after if after[name] != before[name]}
    assert moved == {"price", "version", "updatedAt"}


async def test_null_clears_what_may_be_empty(door: Door, shop: Shop, manager: Person) -> None:
    product = await lamp(shop)
    empty = {"description": "", "tags": [], "metadata": {}, "image": None}
    values = {"id": product.id, **dict.fromkeys(empty)}
    after = (await door.call("products.update", values, caller=manager)).ok
    assert {name: after[name] for name in empty} == empty
    # Once more: nothing is different, so nothing changes.
    assert (await door.call("products.update", values, caller=manager)).ok == after
    audit = await shop.last_audit("products.update", manager)
    assert audit
    assert audit["changed"] == []


async def test_null_is_refused_for_what_must_be_there(
    door: Door, shop: Shop, manager: Person
) -> None:
    product = await lamp(shop)
    required = ("name", "price", "categoryId", "isActive")
    values = {"id": product.id, **dict.fromkeys(required)}
    async with shop.unchanged():
        failure = (await door.call("products.update", values, caller=manager)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert failure.paths.keys() == set(required)


@pytest.mark.parametrize(
    ("patch", "merged"),
    [
        (
            {"color": "red", "care": {"wax": None, "soap": 2}, "colors": ["green"]},
            {
                "watts": 7,
                "color": "red",
                "care": {"oil": True, "soap": 2},
                "colors": ["green"],
            },
        ),
        ({"care": None, "colors": None}, {"watts": 7}),
        # True is another value than 1, also where a language holds them for equal.
        (
            {"care": {"wax": True}},
            {"watts": 7, "care": {"oil": True, "wax": True}, "colors": ["red", "blue"]},
        ),
    ],
)
async def test_metadata_merges_and_arrays_replace(
    door: Door, shop: Shop, manager: Person, patch: Any, merged: Any
) -> None:
    product = await lamp(shop)
    values = {"id": product.id, "metadata": patch}
    after = (await door.call("products.update", values, caller=manager)).ok
    # Not with ==, which holds True and 1 for equal.
    assert json.dumps(after["metadata"], sort_keys=True) == json.dumps(merged, sort_keys=True)
    assert after["version"] == 2


async def test_metadata_may_not_grow_beyond_its_limits_by_merging(
    door: Door, shop: Shop, manager: Person
) -> None:
    product = await lamp(shop)
    values = {"id": product.id, "metadata": {f"fact{number}": number for number in range(50)}}
    async with shop.unchanged():
        failure = (await door.call("products.update", values, caller=manager)).failure
    assert failure.paths == {"metadata": "TOO_MANY"}


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({}, {"": "REQUIRED"}),
        ({"stock": 5}, {"stock": "UNKNOWN_FIELD"}),
        ({"version": 5, "name": "Lamp"}, {"version": "UNKNOWN_FIELD"}),
        ({"price": "0.00", "name": " "}, {"price": "TOO_SMALL", "name": "TOO_SHORT"}),
        ({"tags": [f"tag{n}" for n in range(11)]}, {"tags": "TOO_MANY"}),
        ({"metadata": {"number": 2**53 + 1}}, {"metadata": "TOO_LARGE"}),
        ({"metadata": {"number": -(2**53) - 1}}, {"metadata": "TOO_LARGE"}),
        ({"image": "javascript:alert(1)"}, {"image": "INVALID_FORMAT"}),
    ],
)
async def test_a_senseless_change_is_refused(
    door: Door, shop: Shop, manager: Person, values: dict[str, Any], paths: dict[str, str]
) -> None:
    product = await lamp(shop)
    async with shop.unchanged():
        outcome = await door.call("products.update", {"id": product.id, **values}, caller=manager)
    assert (outcome.code, outcome.status) == ("VALIDATION_FAILED", 400)
    assert outcome.failure.paths == paths


async def test_a_product_moves_only_into_a_category_that_exists(
    door: Door, shop: Shop, manager: Person
) -> None:
    values = {"id": (await lamp(shop)).id, "categoryId": UNKNOWN, "name": "Lamp"}
    async with shop.unchanged():
        outcome = await door.call("products.update", values, caller=manager)
    assert (outcome.code, outcome.status) == ("CATEGORY_NOT_FOUND", 404)


@pytest.mark.parametrize("operation", ["products.update", "products.archive"])
async def test_a_product_that_changed_meanwhile_is_left_alone(
    door: Door, shop: Shop, admin: Person, operation: str
) -> None:
    more = {"price": "7.00"} if operation == "products.update" else {}
    product = await lamp(shop)
    old = (await door.call("products.get", {"id": product.id})).etag
    values = {"id": product.id, "price": "5.00"}
    new = (await door.call("products.update", values, caller=admin)).etag
    # What changes by itself is no other version.
    adjusted = {"id": product.id, "delta": 1}
    assert (await door.call("products.adjustStock", adjusted, caller=admin, key=new_key())).ok
    values = {"id": product.id, **more}
    async with shop.unchanged():
        late = await door.call(operation, values, caller=admin, if_match=old)
    assert (late.code, late.status) == ("PRECONDITION_FAILED", 412)
    assert (await door.call(operation, values, caller=admin, if_match=new)).ok


async def test_v1_takes_put_for_a_product(
    client: httpx.AsyncClient, shop: Shop, manager: Person
) -> None:
    path = f"/api/v1/products/{(await lamp(shop)).id}"
    done = await client.put(path, json={"price": "5.00"}, headers=manager.headers)
    assert done.json()["data"]["price"] == "5.00"
    assert done.json()["data"]["tags"] == ["lamp", "wood"]
    assert (await client.put(path.replace("v1", "v2"), json={})).status_code == 405


async def test_an_order_keeps_the_price_it_was_placed_at(
    door: Door, shop: Shop, manager: Person
) -> None:
    product, buyer = await shop.product("5.00"), await shop.person(balance="100.00")
    order = await shop.order(buyer, [(product.id, 1)])
    values = {"id": product.id, "price": "7.00", "name": "Dear lamp"}
    assert (await door.call("products.update", values, caller=manager)).ok
    kept = (await door.call("orders.get", {"id": order.id}, caller=buyer)).ok
    [line] = kept["lines"]
    assert (line["unitPrice"], line["name"]) == ("5.00", product.name)
    assert str((await shop.order(buyer, [(product.id, 1)])).total) == "7.00"


async def test_an_archived_product_is_gone_for_everybody_below_manager(
    door: Door, shop: Shop, user: Person, moderator: Person, manager: Person, admin: Person
) -> None:
    product = await lamp(shop)
    done = await door.call("products.archive", {"id": product.id}, caller=admin)
    assert done.ok == {"ok": True}
    if door.name in ("v1", "v2"):
        assert done.status == {"v1": 200, "v2": 204}[door.name]
    for caller in (None, user, moderator):
        outcome = await door.call("products.get", {"id": product.id}, caller=caller)
        assert (outcome.code, outcome.status) == ("PRODUCT_NOT_FOUND", 404)
    found = (await door.call("products.get", {"id": product.id}, caller=manager)).ok
    assert (found["isActive"], found["version"]) == (False, 2)
    audit = await shop.last_audit("products.archive", admin)
    assert audit
    assert (audit["entity_id"], audit["changed"]) == (product.id, ["isActive"])


async def test_what_is_archived_already_stays_as_it_is(
    door: Door, shop: Shop, admin: Person
) -> None:
    product = await lamp(shop)
    assert (await door.call("products.archive", {"id": product.id}, caller=admin)).ok
    async with shop.unchanged():
        assert (await door.call("products.archive", {"id": product.id}, caller=admin)).ok
    audit = await shop.last_audit("products.archive", admin)
    assert audit
    assert (audit["outcome"], audit["changed"]) == ("OK", [])


async def test_orders_of_an_archived_product_go_on_and_no_new_ones_come(
    door: Door, shop: Shop, admin: Person
) -> None:
    product, buyer = await shop.product("5.00", stock=5), await shop.person(balance="100.00")
    line = [(product.id, 1)]
    waiting, paid = await shop.order(buyer, line), await shop.order(buyer, line, paid=True)
    assert (await door.call("products.archive", {"id": product.id}, caller=admin)).ok
    values = {"lines": [{"productId": product.id, "quantity": 1}]}
    async with shop.unchanged():
        refused = await door.call("orders.create", values, caller=buyer)
    assert refused.failure.paths == {"lines.0.productId": "NOT_FOUND"}
    values = {"id": waiting.id}
    assert (await door.call("orders.pay", values, caller=buyer, key=new_key())).ok
    cancelled = (await door.call("orders.cancel", {"id": paid.id}, caller=buyer)).ok
    assert cancelled["status"] == "CANCELLED"


async def test_only_who_may_archive_says_whether_a_product_is_sold(
    door: Door, shop: Shop, manager: Person, admin: Person
) -> None:
    product = await lamp(shop)
    values = {"id": product.id, "isActive": False, "price": "5.00"}
    async with shop.unchanged():
        outcome = await door.call("products.update", values, caller=manager)
    assert (outcome.code, outcome.status) == ("FORBIDDEN", 403)
    # To say how it is changes nothing, so whoever writes back what they read may do that.
    values = {"id": product.id, "isActive": True, "price": "5.00"}
    assert (await door.call("products.update", values, caller=manager)).ok["price"] == "5.00"
    assert (await door.call("products.archive", {"id": product.id}, caller=admin)).ok
    values = {"id": product.id, "isActive": True}
    async with shop.unchanged():
        outcome = await door.call("products.update", values, caller=manager)
    assert outcome.code == "FORBIDDEN"
    back = (await door.call("products.update", values, caller=admin)).ok
    assert back["isActive"] is True
    assert (await door.call("products.get", {"id": product.id})).ok == back


async def test_a_manager_changes_an_archived_product(
    door: Door, shop: Shop, manager: Person
) -> None:
    product = await shop.product(is_active=False)
    values = {"id": product.id, "price": "5.00"}
    after = (await door.call("products.update", values, caller=manager)).ok
    assert (after["price"], after["isActive"]) == ("5.00", False)
    # A key that may change every product need not see them all in lists to do so.
    writer = await shop.machine(manager, "products:write:all")
    values["price"] = "6.00"
    assert (await door.call("products.update", values, caller=writer)).ok["price"] == "6.00"


@pytest.mark.parametrize("operation", ["products.update", "products.archive"])
async def test_a_product_that_is_not_there_is_not_changed(
    door: Door, shop: Shop, admin: Person, operation: str
) -> None:
    more = {"price": "7.00"} if operation == "products.update" else {}
    async with shop.unchanged():
        for id in (UNKNOWN, "nonsense"):
            outcome = await door.call(operation, {"id": id, **more}, caller=admin)
            assert (outcome.code, outcome.status) == ("PRODUCT_NOT_FOUND", 404)
