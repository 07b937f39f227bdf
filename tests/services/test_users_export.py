"""The export of an account: everything that is kept of a person, and of nobody else."""

import pytest

from tests.faces import Door, Service
from tests.shop import Person, Shop

#: What each part of the document is called.
PARTS = {
    "account",
    "sessions",
    "apiKeys",
    "wallet",
    "walletEntries",
    "deposits",
    "orders",
    "payments",
    "refunds",
    "invoices",
    "projects",
    "posts",
    "comments",
    "likedPostIds",
    "uploads",
    "auditEntries",
}


async def test_an_export_has_all_that_belongs_to_a_person(
    door: Door, shop: Shop, other_user: Person
) -> None:
    # An admin may see everybody's things, and is given only their own.
    for role in ("USER", "ADMIN"):
        owner = await shop.person(role, balance="100.00")
        order = await shop.order(owner, paid=True)
        await shop.invoice(owner, order.id)
        refund = await shop.refund(order.id, amount="1.00")
        project = await shop.project(owner, deadline="2999-12-31")
        draft = await shop.post(owner, is_published=False, liked=True)
        removed = await shop.removed(owner)
        upload = await shop.upload(owner)
        await shop.upload(other_user)
        key = await shop.machine(owner, "orders:read:own")
        await shop.project(other_user)
        await shop.comment(other_user, removed.post_id)
        await shop.order(await shop.person(balance="100.00"), paid=True)
        data = (await door.call("users.export", caller=owner)).ok["data"]
        assert set(data) == PARTS
        assert data["account"]["email"] == owner.email
        found = {name: [item["id"] for item in data[name]] for name in ("orders", "refunds")}
        assert found == {"orders": [order.id], "refunds": [refund.id]}
        assert [one["id"] for one in data["projects"]] == [project.id]
        assert data["projects"][0]["deadline"] == "2999-12-31"
        assert {one["id"] for one in data["posts"]} == {draft.id, removed.post_id}
        [comment] = data["comments"]
        assert (comment["id"], comment["status"]) == (removed.id, "REMOVED")
        assert comment["content"].startswith("Well put")
        assert [one["id"] for one in data["uploads"]] == [upload.id]
        assert data["likedPostIds"] == [draft.id]
        assert [one["id"] for one in data["apiKeys"]] == [key.key_id]
        assert [one["orderId"] for one in data["payments"]] == [order.id]
        assert {one["orderId"] for one in data["invoices"]} == {order.id}
        assert len(data["walletEntries"]) == 3
        assert data["wallet"]["balance"] == str(await shop.balance(owner))
        assert {one["actorId"] for one in data["auditEntries"]} == {owner.id}
        assert [one["id"] for one in data["sessions"]] == [owner.session_id]
        assert "argon2" not in str(data)
        assert key.token not in str(data)


async def test_an_export_holds_more_than_is_read_at_a_time(
    shop: Shop, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.users.exporting._AT_ONCE", 2)
    projects = {(await shop.project(user)).id for _ in range(5)}
    data = (await Service(shop).call("users.export", caller=user)).ok["data"]
    assert {one["id"] for one in data["projects"]} == projects
    assert len(data["projects"]) == 5
