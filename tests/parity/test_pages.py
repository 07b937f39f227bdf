"""P4: one list behind every face; a cursor from one continues on the other."""

from itertools import permutations
from typing import Any

import pytest

from tests.faces import FACES, Door, Paging
from tests.shop import Clock, Person, Shop, unique

LISTS = (
    "categories.list",
    "products.list",
    "wallet.entries",
    "orders.list",
    "orders.history",
    "payments.list",
    "audit.list",
    "jobs.list",
)
PAIRS = list(permutations(FACES, 2))


async def listed(shop: Shop, operation: str) -> tuple[dict[str, Any], Person]:
    """Filters of a list with some rows, and somebody who sees them."""
    owner = await shop.person("ADMIN", balance="100.00")
    match operation:
        case "categories.list":
            for _ in range(4):
                await shop.category()
            return {}, owner
        case "products.list":
            category = await shop.category()
            for price in ("1.00", "2.00", "2.00", "3.00", "2.00"):
                await shop.product(price, categoryId=category)
            return {"categoryId": category, "sort": "price"}, owner
        case "wallet.entries" | "deposits.list" | "audit.list":
            for _ in range(4):
                await shop.deposit(owner, "1.00")
            return {"actorId": owner.id} if operation == "audit.list" else {}, owner
        case "orders.list":
            product = await shop.product("1.00")
            for _ in range(5):
                await shop.order(owner, [(product.id, 1)])
            return {"status": "PENDING"}, owner
        case "jobs.list":
            name = unique("tests.")
            for _ in range(4):
                await shop.failed_job(name)
            return {"name": name, "status": "FAILED"}, owner
        case "payments.list":
            product = await shop.product("1.00")
            for _ in range(5):
                await shop.order(owner, [(product.id, 1)], paid=True)
            return {}, owner
        case _:
            order = await shop.order(owner, paid=True, cancelled=True)
            return {"id": order.id}, owner


@pytest.mark.parametrize("operation", LISTS)
async def test_a_page_is_the_same_on_every_face(
    faces: dict[str, Door], shop: Shop, operation: str
) -> None:
    filters, caller = await listed(shop, operation)
    for asked in (
        {"first": 2},
        {"last": 2},
        {"page": 2, "perPage": 1},
        {"page": 1000, "perPage": 100},
        {},
    ):
        values = {**filters, **asked, "total": True}
        outcomes = {
            name: await face.call(operation, values, caller=caller) for name, face in faces.items()
        }
        expected = outcomes["v2"]
        for name in ("graphql", "v1"):
            assert outcomes[name].ok == expected.ok
            assert _same(outcomes[name].listed, expected.listed, v1=name == "v1")


def _same(one: Paging, other: Paging, v1: bool) -> bool:
    if (one.has_next, one.has_previous, one.total) != (
        other.has_next,
        other.has_previous,
        other.total,
    ):
        return False
    # v1 gives the cursors of the neighbouring pages, none where there is none.
    start = other.start if other.has_previous or not v1 else None
    end = other.end if other.has_next or not v1 else None
    return (one.start, one.end) == (start, end)


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_a_cursor_from_one_face_continues_on_the_other(
    faces: dict[str, Door], shop: Shop, operation: str, pair: tuple[str, str]
) -> None:
    filters, caller = await listed(shop, operation)
    here, there = (faces[name] for name in pair)
    first = await here.call(operation, {**filters, "first": 2}, caller=caller)
    assert first.listed.has_next
    values = {**filters, "first": 100, "after": first.listed.end}
    rest = await there.call(operation, values, caller=caller)
    whole = await there.call(operation, {**filters, "first": 100}, caller=caller)
    assert (first.ids() + rest.ids())[:100] == whole.ids()
    assert rest.listed.has_previous
    back = await here.call(
        operation, {**filters, "last": 100, "before": rest.listed.start}, caller=caller
    )
    assert back.ids() == first.ids()


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_a_cursor_that_left_its_filter_is_refused_on_the_other_face(
    faces: dict[str, Door], shop: Shop, pair: tuple[str, str]
) -> None:
    filters, caller = await listed(shop, "products.list")
    here, there = (faces[name] for name in pair)
    first = await here.call("products.list", {**filters, "first": 2}, caller=caller)
    for forgotten in ("categoryId", "sort"):
        values = {name: value for name, value in filters.items() if name != forgotten}
        values["after"] = first.listed.end
        failure = (await there.call("products.list", values, caller=caller)).failure
        assert failure.code == "VALIDATION_FAILED"
        assert failure.paths == {"after": "INVALID_CURSOR"}


@pytest.mark.parametrize("size", ["first", "last", "perPage"])
async def test_a_hundred_is_the_most_on_every_face(door: Door, shop: Shop, size: str) -> None:
    assert (await door.call("products.list", {size: 100})).error is None
    failure = (await door.call("products.list", {size: 101})).failure
    assert failure.paths == {size: "TOO_LARGE"}


async def test_every_face_gives_twenty_when_nothing_is_asked(
    faces: dict[str, Door], shop: Shop
) -> None:
    category = await shop.category()
    for _ in range(21):
        await shop.product(categoryId=category)
    for face in faces.values():
        outcome = await face.call("products.list", {"categoryId": category})
        assert len(outcome.ids()) == 20


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_a_write_on_one_face_is_visible_at_once_on_the_other(
    faces: dict[str, Door], shop: Shop, pair: tuple[str, str]
) -> None:
    here, there = (faces[name] for name in pair)
    category, manager = await shop.category(), await shop.person("MANAGER")
    assert (await there.call("products.list", {"categoryId": category})).ids() == []
    values = {"name": unique("Lamp "), "price": "5.00", "categoryId": category}
    made = (await here.call("products.create", values, caller=manager)).ok
    assert (await there.call("products.list", {"categoryId": category})).ok == [made]
    assert (await there.call("products.get", {"id": made["id"]})).ok == made


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_tokens_of_one_face_count_on_the_other_and_end_on_both(
    faces: dict[str, Door], shop: Shop, pair: tuple[str, str], clock: Clock
) -> None:
    here, there = (faces[name] for name in pair)
    person = await shop.person()
    signed_in = {"email": person.email, "password": person.password}
    tokens = (await here.call("auth.login", signed_in)).ok
    assert (await there.call("users.me", caller=tokens["accessToken"])).ok["id"] == person.id
    newer = (await there.call("auth.refresh", {"refreshToken": tokens["refreshToken"]})).ok
    late = await here.call("auth.refresh", {"refreshToken": tokens["refreshToken"]})
    assert late.code == "REFRESH_TOKEN_USED"
    await here.call("auth.logout", {"refreshToken": newer["refreshToken"]})
    for token in (tokens["accessToken"], newer["accessToken"]):
        assert (await there.call("users.me", caller=token)).code == "TOKEN_REVOKED"
