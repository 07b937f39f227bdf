"""P5: `node` and nested reads ask for what the operation of their kind asks for, on every face."""

from typing import Any

import httpx
import pytest

from services.access.permissions import GRANTABLE, permission
from services.catalogue import BY_NAME
from tests.faces import DOCUMENTS, Door
from tests.shop import Machine, Person, Shop

#: The operation that shows one thing of a kind.
SHOWS = {
    "Product": "products.get",
    "Order": "orders.get",
    "Payment": "payments.get",
    "Invoice": "invoices.get",
    "Coupon": "coupons.get",
    "Deposit": "deposits.get",
    "Post": "posts.get",
    "Comment": "comments.get",
    "Project": "projects.get",
    "Upload": "uploads.get",
    "Job": "jobs.get",
    "User": "users.get",
}
#: The operation of the thing that a nested read lies under, by its GraphQL field.
UNDER = {
    "me": "users.me",
    "wallet": "wallet.get",
    "order": "orders.get",
    "invoice": "invoices.get",
    "post": "posts.get",
    "comment": "comments.get",
}


async def things_of(shop: Shop, owner: Person) -> dict[str, str]:
    """One thing of each kind, somebody's where it can be: kind to id."""
    deposit = await shop.deposit(owner, "500.00")
    order = await shop.order(owner)
    payment = await shop.pay(owner, order.id)
    return {
        "Product": (await shop.product(is_active=False)).id,
        "Order": order.id,
        "Payment": payment.id,
        "Invoice": (await shop.invoice(owner, order.id)).id,
        "Coupon": (await shop.coupon()).id,
        "Deposit": deposit.id,
        "Post": (await shop.post(owner, is_published=False)).id,
        "Comment": (await shop.comment(owner, (await shop.post(owner, is_published=False)).id)).id,
        "Project": (await shop.project(owner)).id,
        "Upload": (await shop.upload(owner)).id,
        "Job": await shop.failed_job(),
        "User": owner.id,
    }


@pytest.mark.parametrize("whose", ["own", "another's"])
@pytest.mark.parametrize("role", ["USER", "MANAGER", "ADMIN"])
async def test_node_shows_of_a_kind_what_its_own_operation_shows(
    client: httpx.AsyncClient, shop: Shop, faces: dict[str, Door], role: str, whose: str
) -> None:
    caller = await shop.person(role)
    other = await shop.person()
    things = await things_of(shop, caller if whose == "own" else other)
    callers: list[tuple[str, Person]] = [("a session", caller), *await held_keys(shop, caller)]
    seen = set()
    for said, bearer in callers:
        for kind, id in things.items():
            outcome = await faces["v2"].call(SHOWS[kind], {"id": id}, caller=bearer)
            found = await node(client, id, bearer)
            if kind == "User" and said == "account:read:own" and whose == "own":
                # `users.me` shows it, with this permission alone.
                assert found == "User"
                continue
            shown = None
            if outcome.error is None:
                shown = kind if kind != "User" or "email" in outcome.ok else "PublicUser"
            assert found == shown, (said, kind)
            seen.add(found)
    assert (role == "USER" and whose != "own") or seen >= {"Order", "Payment", "Invoice", None}


async def held_keys(shop: Shop, owner: Person) -> list[tuple[str, Machine]]:
    """Keys of somebody's with permissions to read, as far as the role holds them."""
    names = [name for name in GRANTABLE if ":read:" in name and holds(owner, name)]
    nouns = dict.fromkeys(name.partition(":")[0] for name in names)
    sets = [(name,) for name in names]
    sets += [tuple(name for name in names if name.startswith(f"{noun}:")) for noun in nouns]
    if "users:read:all" in names:
        sets.append(("users:read:public", "users:read:all", "account:read:own"))
    sets += [("users:read:public", "account:read:own"), tuple(names)]
    return [(" ".join(given), await shop.machine(owner, *given)) for given in dict.fromkeys(sets)]


def holds(person: Person, name: str) -> bool:
    """Does a person's role hold a permission?"""
    found = permission(*name.split(":"))
    ranks = ["USER", "MODERATOR", "MANAGER", "ADMIN"]
    return found is not None and ranks.index(person.role) >= ranks.index(found.least)


async def node(client: httpx.AsyncClient, id: str, caller: Person) -> Any:
    """The kind that `node` finds, or None."""
    asked = {"query": "query ($id: ID!) { node(id: $id) { __typename id } }"}
    response = await client.post(
        "/graphql", json={**asked, "variables": {"id": id}}, headers=caller.headers
    )
    found = response.json()["data"]["node"]
    return found and found["__typename"]


async def test_node_shows_entries_and_refunds_only_with_their_lists_permissions(
    client: httpx.AsyncClient, shop: Shop, faces: dict[str, Door]
) -> None:
    buyer, manager = await shop.person(balance="100.00"), await shop.person("MANAGER")
    order = await shop.order(buyer, paid=True)
    refund = await shop.refund(order.id, amount="1.00")
    for given in (
        "refunds:read:own",
        "refunds:read:own refunds:read:all",
        "refunds:read:own refunds:read:all orders:read:own",
        "refunds:read:own orders:read:own orders:read:all",
        "refunds:read:own refunds:read:all orders:read:own orders:read:all",
    ):
        key = await shop.machine(manager, *given.split())
        outcomes = [
            await door.call("refunds.list", {"id": order.id}, caller=key) for door in faces.values()
        ]
        codes = {outcome.code for outcome in outcomes}
        assert len(codes) == 1, given
        if codes == {"OK"}:
            assert outcomes[0].ids() == [refund.id]
        expected = "Refund" if codes == {"OK"} else None
        assert await node(client, refund.id, key) == expected, given
    assert codes == {"OK"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("refunds:read:own", "FORBIDDEN"),
        ("orders:read:own", "FORBIDDEN"),
        ("refunds:read:own orders:read:own", "OK"),
    ],
)
async def test_an_orders_refunds_need_both_permissions_on_every_face(
    door: Door, shop: Shop, given: str, code: str
) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer, paid=True)
    key = await shop.machine(buyer, *given.split())
    assert (await door.call("refunds.list", {"id": order.id}, caller=key)).code == code


async def test_the_catalogue_says_every_permission_that_an_operation_needs(
    client: httpx.AsyncClient,
) -> None:
    operations = (await client.get("/operations")).json()["operations"]
    said = {one["name"]: one["permissions"] for one in operations}
    assert said["refunds.list"] == ["refunds:read:own", "orders:read:own"]
    assert said["orders.pay"] == ["orders:pay:own"]
    assert said["products.list"] == []
    for name, document in DOCUMENTS.items():
        if document.under and grantable(said[name]):
            assert set(said[UNDER[document.under]]) <= set(said[name]), name
    assert set(said) == set(BY_NAME)


def grantable(names: list[str]) -> bool:
    """May an API key hold all of them? Else only a session does, which holds the others too."""
    return set(names) <= set(GRANTABLE)
