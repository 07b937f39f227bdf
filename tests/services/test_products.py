"""Products: what the shop sells."""

from decimal import Decimal
from typing import Any

import pytest

from tests.faces import Door
from tests.shop import Person, Shop, new_key, unique

UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def asked(shop: Shop, **more: Any) -> dict[str, Any]:
    return {
        "name": unique("Walnut lamp "),
        "price": "49.90",
        "categoryId": await shop.shelf(),
        **more,
    }


async def test_a_manager_adds_a_product_with_its_first_stock(
    door: Door, shop: Shop, manager: Person
) -> None:
    raw = await asked(
        shop,
        description="Warm light.\nOiled by hand.",
        tags=["lamp", "wood", "lamp"],
        metadata={"height": 40, "weight": 1.5, "care": {"oil": True, "note": None}},
        image="https://example.com/lamp.jpg",
        stock=7,
    )
    product = (await door.call("products.create", raw, caller=manager)).ok
    assert product["name"] == raw["name"]
    assert product["description"] == "Warm light.\nOiled by hand."
    assert product["price"] == "49.90"
    assert product["currency"] == "EUR"
    assert product["categoryId"] == raw["categoryId"]
    assert product["tags"] == ["lamp", "wood"]
    assert product["metadata"] == raw["metadata"]
    assert product["image"] == raw["image"]
    assert product["isActive"] is True
    assert product["stock"] == 7
    assert product["version"] == 1
    assert (await door.call("products.get", {"id": product["id"]})).ok == product
    assert await shop.stock(product["id"]) == (7, 0)
    kinds = "SELECT kind || quantity FROM stock_movements WHERE product_id = $1"
    assert await shop.value(kinds, product["id"]) == "RECEIVED7"


async def test_a_product_needs_little(door: Door, shop: Shop, manager: Person) -> None:
    product = (await door.call("products.create", await asked(shop), caller=manager)).ok
    assert product["description"] == ""
    assert product["tags"] == []
    assert product["metadata"] == {}
    assert product["image"] is None
    assert product["stock"] == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0.01", "0.01"), ("5", "5.00"), ("5.5", "5.50"), (7, "7.00"), (7.25, "7.25")],
)
async def test_money_is_a_string_or_a_number_of_two_decimals(
    door: Door, shop: Shop, manager: Person, given: Any, kept: str
) -> None:
    raw = await asked(shop, price=Decimal(str(given)) if isinstance(given, float) else given)
    if door.name != "direct" and isinstance(given, float):
        raw["price"] = given  # JSON writes 7.25, which faces read as decimal text
    assert (await door.call("products.create", raw, caller=manager)).ok["price"] == kept


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ("0", "TOO_SMALL"),
        ("0.001", "INVALID_FORMAT"),
        ("-1", "INVALID_FORMAT"),
        ("1000000000.00", "TOO_LARGE"),
        ("1e3", "INVALID_FORMAT"),
        ("abc", "INVALID_FORMAT"),
        ("", "INVALID_FORMAT"),
    ],
)
async def test_a_wrong_price_is_a_bad_field(
    door: Door, shop: Shop, manager: Person, price: str, code: str
) -> None:
    raw = await asked(shop, price=price)
    async with shop.unchanged():
        failure = (await door.call("products.create", raw, caller=manager)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert failure.paths == {"price": code}


async def test_all_bad_fields_of_a_product_are_named_at_once(
    door: Door, shop: Shop, manager: Person
) -> None:
    raw = {
        "name": "",
        "description": "d" * 2001,
        "price": "0.00",
        "categoryId": "not-an-id",
        "tags": ["a", "", "t" * 51],
        "metadata": {"deep": {"a": {"b": {"c": {"d": 1}}}}},
        "image": "javascript:alert(1)",
        "stock": -1,
    }
    async with shop.unchanged():
        failure = (await door.call("products.create", raw, caller=manager)).failure
    assert failure.code == "VALIDATION_FAILED"
    assert failure.paths == {
        "name": "TOO_SHORT",
        "description": "TOO_LONG",
        "price": "TOO_SMALL",
        "categoryId": "INVALID_FORMAT",
        "tags.1": "TOO_SHORT",
        "tags.2": "TOO_LONG",
        "metadata": "TOO_DEEP",
        "image": "INVALID_FORMAT",
        "stock": "TOO_SMALL",
    }


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({str(n): n for n in range(51)}, "TOO_MANY"),
        ({"list": list(range(51))}, "TOO_MANY"),
        ({"n" * 101: 1}, "INVALID_FORMAT"),
        ({"text": "x" * 1001}, "INVALID_FORMAT"),
        ({"number": 2**53 + 1}, "TOO_LARGE"),
    ],
)
async def test_metadata_has_limits(
    door: Door, shop: Shop, manager: Person, metadata: Any, code: str
) -> None:
    raw = await asked(shop, metadata=metadata)
    failure = (await door.call("products.create", raw, caller=manager)).failure
    assert failure.paths == {"metadata": code}


async def test_eleven_tags_are_too_many(door: Door, shop: Shop, manager: Person) -> None:
    raw = await asked(shop, tags=[f"tag{n}" for n in range(11)])
    failure = (await door.call("products.create", raw, caller=manager)).failure
    assert failure.paths == {"tags": "TOO_MANY"}


async def test_a_product_needs_a_category_that_exists(
    door: Door, shop: Shop, manager: Person
) -> None:
    raw = await asked(shop, categoryId=UNKNOWN)
    async with shop.unchanged():
        outcome = await door.call("products.create", raw, caller=manager)
    assert (outcome.code, outcome.status) == ("CATEGORY_NOT_FOUND", 404)


async def test_a_product_is_made_once_for_a_key(door: Door, shop: Shop, manager: Person) -> None:
    raw, key = await asked(shop), new_key()
    first = await door.call("products.create", raw, caller=manager, key=key)
    again = await door.call("products.create", raw, caller=manager, key=key)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.ok == first.ok
    named = "SELECT count(*) FROM products WHERE name = $1"
    assert await shop.value(named, raw["name"]) == 1


@pytest.mark.parametrize("id", [UNKNOWN, "nonsense"])
async def test_an_unknown_product_is_not_found(door: Door, id: str) -> None:
    outcome = await door.call("products.get", {"id": id})
    assert (outcome.code, outcome.status) == ("PRODUCT_NOT_FOUND", 404)


async def test_an_archived_product_is_seen_by_managers_only(
    door: Door, shop: Shop, user: Person, moderator: Person, manager: Person, admin: Person
) -> None:
    category = await shop.category()
    product = await shop.product(is_active=False, categoryId=category)
    for caller in (None, user, moderator):
        outcome = await door.call("products.get", {"id": product.id}, caller=caller)
        assert outcome.code == "PRODUCT_NOT_FOUND"
        listed = await door.call("products.list", {"categoryId": category}, caller=caller)
        assert listed.ids() == []
    for caller in (manager, admin):
        found = (await door.call("products.get", {"id": product.id}, caller=caller)).ok
        assert found["isActive"] is False
        listed = await door.call("products.list", {"categoryId": category}, caller=caller)
        assert listed.ids() == [product.id]


async def test_products_are_filtered(door: Door, shop: Shop) -> None:
    category, tag = await shop.category(), unique("tag")
    slug = await shop.value("SELECT slug FROM categories WHERE id = $1", category)
    cheap = await shop.product("5.00", categoryId=category, tags=[tag])
    middle = await shop.product("10.00", categoryId=category, stock=0)
    dear = await shop.product("20.00", categoryId=category, tags=[tag, "x"])
    stranger = await shop.product("10.00", tags=[tag])

    async def found(**filters: Any) -> list[str]:
        return (await door.call("products.list", {"sort": "price", **filters})).ids()

    everything = [cheap.id, middle.id, dear.id]
    assert await found(categoryId=category) == everything
    assert await found(category=slug) == everything
    assert await found(category="no-such-shelf") == []
    assert await found(category=slug, tag=tag) == [cheap.id, dear.id]
    assert set(await found(tag=tag)) == {cheap.id, dear.id, stranger.id}
    assert await found(category=slug, minPrice="10.00") == [middle.id, dear.id]
    assert await found(category=slug, maxPrice="10.00") == [cheap.id, middle.id]
    assert await found(category=slug, minPrice="5.01", maxPrice="19.99") == [middle.id]
    assert await found(category=slug, inStock=True) == [cheap.id, dear.id]
    assert await found(category=slug, inStock=False) == [middle.id]


async def test_one_price_can_be_asked_for(door: Door, shop: Shop) -> None:
    category = await shop.category()
    made = [await shop.product(price, categoryId=category) for price in ("9.99", "10.00", "10.01")]
    values = {"categoryId": category, "minPrice": "10.00", "maxPrice": "10.00"}
    assert (await door.call("products.list", values)).ids() == [made[1].id]


@pytest.mark.parametrize("name", ["茶碗", "茶", "Go", "X"])
async def test_a_name_may_be_as_short_as_a_letter(
    door: Door, shop: Shop, manager: Person, name: str
) -> None:
    raw = await asked(shop) | {"name": f" {name} "}
    product = (await door.call("products.create", raw, caller=manager)).ok
    assert product["name"] == name
    changed = {"id": (await shop.product()).id, "name": name}
    assert (await door.call("products.update", changed, caller=manager)).ok["name"] == name


async def test_a_tag_is_one_in_whatever_case(door: Door, shop: Shop, manager: Person) -> None:
    category, sale = await shop.category(), unique("Sale")
    tags = [sale, sale.lower(), sale.upper(), "été", "ÉTÉ", "τέλος", "ΤΈΛΟΣ", "Straße", "STRASSE"]
    raw = await asked(shop) | {"categoryId": category, "tags": tags}
    first = (await door.call("products.create", raw, caller=manager)).ok
    kept = [sale, "été", "τέλος", "Straße", "STRASSE"]
    assert first["tags"] == kept
    second = await shop.product(categoryId=category)
    changed = {"id": second.id, "tags": [sale.upper(), sale, "ΤΈΛΟΣ", "Été", "straße"]}
    tags = (await door.call("products.update", changed, caller=manager)).ok["tags"]
    assert tags == [sale.upper(), "ΤΈΛΟΣ", "Été", "straße"]
    # A product from before the update may hold a tag in two cases; it is found by both.
    older = await shop.product(categoryId=category)
    await shop.execute("UPDATE products SET tags = '{Winter,WINTER}' WHERE id = $1", older.id)
    both = [second.id, first["id"]]
    for tag, ids in (
        *((spelled(sale), both) for spelled in (str, str.lower, str.upper, str.title)),
        *((tag, both) for tag in ("été", "ÉTÉ", "τέλος", "ΤΈΛΟΣ", "τέλοσ", "STRAßE")),
        ("strasse", [first["id"]]),
        ("winter", [older.id]),
        (f"{sale}x", []),
    ):
        values = {"categoryId": category, "tag": tag}
        assert (await door.call("products.list", values)).ids() == ids, tag


async def test_held_pieces_are_not_in_stock(door: Door, shop: Shop) -> None:
    category = await shop.category()
    product = await shop.product("1.00", stock=2, categoryId=category)
    buyer = await shop.person(balance="10.00")
    await shop.order(buyer, [(product.id, 2)])
    assert (await door.call("products.get", {"id": product.id})).ok["stock"] == 0
    listed = await door.call("products.list", {"categoryId": category, "inStock": True})
    assert listed.ids() == []


async def test_products_are_sorted(door: Door, shop: Shop) -> None:
    category = await shop.category()
    rows = [("Beta", "3.00"), ("alpha", "2.00"), ("Gamma", "2.00")]
    made = [
        await shop.product(price, name=f"{name} lamp", categoryId=category) for name, price in rows
    ]
    beta, alpha, gamma = (product.id for product in made)

    async def found(sort: str | None) -> list[str]:
        filters = {"categoryId": category} | ({"sort": sort} if sort else {})
        return (await door.call("products.list", filters)).ids()

    assert await found(None) == [gamma, alpha, beta]
    assert await found("-createdAt") == [gamma, alpha, beta]
    assert await found("createdAt") == [beta, alpha, gamma]
    assert await found("name") == [alpha, beta, gamma]
    assert await found("-name") == [gamma, beta, alpha]
    assert await found("price") == [alpha, gamma, beta]
    assert await found("-price") == [beta, gamma, alpha]


async def test_search_looks_at_name_tags_and_description_in_this_order(
    door: Door, shop: Shop
) -> None:
    word = unique("quokka")
    in_text = await shop.product(description=f"Loved by every {word}.")
    in_tags = await shop.product(tags=[word])
    in_name = await shop.product(name=f"{word} lamp")
    values = {"search": word, "sort": "relevance", "page": 1}
    assert (await door.call("products.list", values)).ids() == [
        in_name.id,
        in_tags.id,
        in_text.id,
    ]


@pytest.mark.parametrize(
    "search", ["'", '"', "a & | !", "<->", "-", "%_\\", "OR", "ñ 漢字 🙂", ":*", "((("]
)
async def test_any_search_text_is_safe(door: Door, search: str) -> None:
    assert (await door.call("products.list", {"search": search})).error is None


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({"minPrice": "5.01", "maxPrice": "5"}, {"maxPrice": "CONFLICT"}),
        ({"sort": "relevance"}, {"sort": "CONFLICT"}),
        ({"search": "x" * 201}, {"search": "TOO_LONG"}),
        (
            {"tag": "x" * 51, "category": "", "minPrice": "-1"},
            {"tag": "TOO_LONG", "category": "TOO_SHORT", "minPrice": "INVALID_FORMAT"},
        ),
        ({"categoryId": "nonsense"}, {"categoryId": "INVALID_FORMAT"}),
    ],
)
async def test_senseless_filters_are_refused(
    door: Door, values: dict[str, Any], paths: dict[str, str]
) -> None:
    failure = (await door.call("products.list", values)).failure
    assert (failure.code, failure.status) == ("VALIDATION_FAILED", 400)
    assert failure.paths == paths
