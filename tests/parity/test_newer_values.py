"""An enum value that this release does not know: a newer release wrote it during a rolling update.

The caller did nothing wrong: the answer is `INTERNAL`, for as little of it as can be.
"""

import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from api.app import create_app
from services.process import new_process
from tests.conftest import client_of, running
from tests.faces import Door
from tests.shop import Person, Shop

#: The columns of the test, by table, with the rule that refuses unknown values.
_RULES = {"orders": "orders_status_check", "coupons": "coupons_kind_check"}
_ORDERS = "{ orders { nodes { id total %s } } }"


@pytest.fixture(scope="module")
async def newer(shop: Shop) -> AsyncIterator[None]:
    """The database of a newer release, whose rules allow more values."""
    kept = {}
    for table, rule in _RULES.items():
        kept[table] = await shop.value(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", rule
        )
        await shop.execute(f"ALTER TABLE {table} DROP CONSTRAINT {rule}")
    yield
    await shop.execute("UPDATE orders SET status = 'EXPIRED' WHERE status = 'PARKED'")
    await shop.execute("UPDATE coupons SET kind = 'FIXED' WHERE kind = 'BUNDLE'")
    for table, rule in _RULES.items():
        await shop.execute(f"ALTER TABLE {table} ADD CONSTRAINT {rule} {kept[table]}")


@pytest.fixture(params=[True, False], ids=["compiled", "graphql-core"])
async def graphql(
    request: pytest.FixtureRequest, shop: Shop, client: httpx.AsyncClient
) -> AsyncIterator[httpx.AsyncClient]:
    """Both engines of GraphQL, one after the other."""
    if request.param == shop.process.settings.fast_paths:
        yield client
        return
    settings = shop.process.settings.model_copy(update={"fast_paths": request.param})
    process = new_process(settings, shop.process.clock)
    async with running(create_app(process)) as app, client_of(app) as other:
        yield other


async def _parked(shop: Shop, person: Person) -> Any:
    await shop.deposit(person, "100.00")
    order = await shop.order(person)
    await shop.execute(
        "UPDATE orders SET status = 'PARKED', expires_at = NULL WHERE id = $1", order.id
    )
    return order


async def _asked(client: httpx.AsyncClient, document: str, person: Person) -> Any:
    """The answer of the third time, by which a document is compiled."""
    document = f"query Q{random.randrange(10**9)} {document}"
    headers = {"Authorization": f"Bearer {person.token}"}
    answers = [
        await client.post("/graphql", json={"query": document}, headers=headers) for _ in range(3)
    ]
    assert [one.status_code for one in answers] == [200, 200, 200]
    bodies = [one.json() for one in answers]
    assert len({str(_without_request_ids(body)) for body in bodies}) == 1
    return bodies[-1]


def _without_request_ids(body: Any) -> Any:
    for error in body.get("errors", ()):
        error["extensions"].pop("requestId")
    return body


@pytest.mark.usefixtures("newer")
class TestGraphQL:
    """The field alone fails, as far as its type can be null."""

    async def test_the_rest_of_a_list_is_read(
        self, shop: Shop, user: Person, graphql: httpx.AsyncClient
    ) -> None:
        order = await _parked(shop, user)
        other = await shop.order(user)
        body = await _asked(graphql, _ORDERS % "lines { quantity }", user)
        assert {node["id"] for node in body["data"]["orders"]["nodes"]} == {order.id, other.id}

    async def test_a_field_that_cannot_be_null_takes_its_parent_along(
        self, shop: Shop, user: Person, graphql: httpx.AsyncClient
    ) -> None:
        order = await _parked(shop, user)
        document = f'{{ me {{ username }} order(id: "{order.id}") {{ id status }} }}'
        with capture_logs() as lines:
            body = await _asked(graphql, document, user)
        assert body["data"] == {"me": {"username": user.username}, "order": None}
        [error] = body["errors"]
        assert error["path"] == ["order", "status"]
        assert error["extensions"]["code"] == "INTERNAL"
        assert error["extensions"]["fields"] == []
        assert "PARKED" not in str(body)
        faults = [line["exception"] for line in lines if "exception" in line]
        assert len(faults) == 3  # one for each time
        assert "PARKED" in faults[0]

    async def test_the_error_names_the_item_of_a_list(
        self, shop: Shop, user: Person, graphql: httpx.AsyncClient
    ) -> None:
        await _parked(shop, user)
        await shop.order(user)
        body = await _asked(graphql, _ORDERS % "status", user)
        assert body["data"] == {"orders": None}
        [error] = body["errors"]
        assert error["path"] in [["orders", "nodes", place, "status"] for place in (0, 1)]
        assert error["extensions"]["code"] == "INTERNAL"

    async def test_a_value_made_of_it_fails_alone(
        self, shop: Shop, user: Person, graphql: httpx.AsyncClient
    ) -> None:
        order = await _parked(shop, user)
        document = f'{{ order(id: "{order.id}") {{ id nextStatuses }} }}'
        body = await _asked(graphql, document, user)
        assert body["data"] == {"order": None}
        assert [one["path"][:2] for one in body["errors"]] == [["order", "nextStatuses"]]
        assert body["errors"][0]["extensions"]["code"] == "INTERNAL"

    async def test_bad_values_are_still_the_callers(
        self, user: Person, graphql: httpx.AsyncClient
    ) -> None:
        headers = {"Authorization": f"Bearer {user.token}"}
        asked = {"query": "query($s: OrderStatus) { orders(status: $s) { nodes { id } } }"}
        answer = await graphql.post(
            "/graphql", json={**asked, "variables": {"s": "PARKED"}}, headers=headers
        )
        [error] = answer.json()["errors"]
        assert error["extensions"]["code"] == "VALIDATION_FAILED"


@pytest.mark.usefixtures("newer")
async def test_no_door_shows_it_or_blames_the_caller(shop: Shop, user: Person, door: Door) -> None:
    if door.name == "direct":
        return
    order = await _parked(shop, user)
    for operation, values in (("orders.get", {"id": order.id}), ("orders.list", {})):
        outcome = await door.call(operation, values, caller=user)
        assert outcome.code == "INTERNAL"
        assert outcome.failure.status == 500
        assert "PARKED" not in str(outcome.body)


@pytest.mark.usefixtures("newer")
async def test_rest_reads_the_fields_that_it_can(
    shop: Shop, user: Person, client: httpx.AsyncClient
) -> None:
    order = await _parked(shop, user)
    headers = {"Authorization": f"Bearer {user.token}"}
    for version in ("v1", "v2"):
        answer = await client.get(f"/api/{version}/orders?fields=id", headers=headers)
        assert answer.status_code == 200
        items = answer.json()["items" if version == "v2" else "data"]
        assert items == [{"id": order.id}]


@pytest.mark.usefixtures("newer")
@pytest.mark.parametrize("operation", ["orders.pay", "orders.cancel"])
async def test_nothing_is_decided_by_it(
    shop: Shop, user: Person, operation: str, door: Door
) -> None:
    order = await _parked(shop, user)
    async with shop.unchanged():
        outcome = await door.call(operation, {"id": order.id}, caller=user, key=order.id)
    assert outcome.code == "INTERNAL"


@pytest.mark.usefixtures("newer")
async def test_a_newer_coupon_stops_only_its_own_orders(
    shop: Shop, user: Person, manager: Person, door: Door
) -> None:
    coupon = await shop.coupon()
    await shop.execute("UPDATE coupons SET kind = 'BUNDLE' WHERE id = $1", coupon.id)
    product = await shop.product()
    lines = [{"productId": product.id, "quantity": 1}]
    await shop.deposit(user, "100.00")
    async with shop.unchanged():
        outcome = await door.call(
            "orders.create", {"lines": lines, "couponCode": coupon.code}, caller=user
        )
    assert outcome.code == "INTERNAL"
    assert (await door.call("orders.create", {"lines": lines}, caller=user)).code == "OK"
