"""P8, P10, P11: tags, deprecation and audit rows are the same through every door."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from services.catalogue import BY_NAME
from services.errors.common import PreconditionFailed
from services.settings.settings import Settings
from tests.faces import FACES, Door, Outcome
from tests.shop import Person, Shop, good_call, new_key, unique

VERSIONED = ("users.me", "users.get", "categories.get", "products.get", "orders.get")
VERSIONED += ("posts.get", "comments.get", "projects.get")
#: The writes that take a condition, and the reads that give the tag of what they change.
CONDITIONAL = {
    "users.update": "users.get",
    "categories.update": "categories.get",
    "categories.delete": "categories.get",
    "products.update": "products.get",
    "products.archive": "products.get",
    "products.setImage": "products.get",
    "products.removeImage": "products.get",
    "orders.cancel": "orders.get",
    "orders.updateStatus": "orders.get",
    "coupons.update": "coupons.get",
    "coupons.deactivate": "coupons.get",
    "posts.update": "posts.get",
    "posts.delete": "posts.get",
    "posts.unpublish": "posts.get",
    "posts.restore": "posts.get",
    "comments.update": "comments.get",
    "comments.delete": "comments.get",
    "comments.remove": "comments.get",
    "comments.restore": "comments.get",
    "projects.update": "projects.get",
    "projects.delete": "projects.get",
}
WRITES = (
    "auth.register",
    "auth.login",
    "auth.refresh",
    "auth.logout",
    "auth.logoutEverywhere",
    "auth.requestPasswordReset",
    "auth.resendVerification",
    "auth.resetPassword",
    "auth.verifyEmail",
    "sessions.revoke",
    "apiKeys.create",
    "apiKeys.revoke",
    "users.updateMe",
    "users.setAvatar",
    "users.removeAvatar",
    "users.changePassword",
    "users.deleteMe",
    "users.create",
    "users.update",
    "users.revokeSessions",
    "categories.create",
    "categories.update",
    "categories.delete",
    "products.create",
    "products.update",
    "products.archive",
    "products.adjustStock",
    "products.setImage",
    "products.removeImage",
    "deposits.create",
    "orders.create",
    "orders.pay",
    "orders.cancel",
    "coupons.create",
    "coupons.update",
    "coupons.deactivate",
    "posts.create",
    "posts.update",
    "posts.delete",
    "posts.unpublish",
    "posts.restore",
    "posts.like",
    "posts.unlike",
    "comments.create",
    "comments.update",
    "comments.delete",
    "comments.remove",
    "comments.restore",
    "projects.create",
    "projects.update",
    "projects.delete",
    "uploads.create",
)


#: Writes that nobody need be signed in for.
ANONYMOUS = {
    "auth.register",
    "auth.login",
    "auth.refresh",
    "auth.logout",
    "auth.requestPasswordReset",
    "auth.resetPassword",
    "auth.verifyEmail",
}
#: The least role that may call, where not everybody may.
ROLES = {
    "users.create": "ADMIN",
    "users.update": "ADMIN",
    "users.revokeSessions": "ADMIN",
    "categories.create": "MANAGER",
    "categories.update": "MANAGER",
    "categories.delete": "ADMIN",
    "products.create": "MANAGER",
    "products.update": "MANAGER",
    "products.archive": "ADMIN",
    "products.adjustStock": "MANAGER",
    "products.setImage": "MANAGER",
    "products.removeImage": "MANAGER",
    "coupons.create": "MANAGER",
    "coupons.update": "MANAGER",
    "coupons.deactivate": "MANAGER",
    "posts.unpublish": "MODERATOR",
    "posts.restore": "MODERATOR",
    "comments.remove": "MODERATOR",
    "comments.restore": "MODERATOR",
}


@pytest.mark.parametrize("operation", VERSIONED)
async def test_a_tag_is_the_same_on_every_face(
    faces: dict[str, Door], shop: Shop, operation: str
) -> None:
    owner = await shop.person(balance="100.00")
    values, _ = await good_call(shop, operation, owner)
    outcomes = [await face.call(operation, values, caller=owner) for face in faces.values()]
    [tag] = {outcome.etag for outcome in outcomes}
    assert tag
    value = outcomes[0].ok
    version, _, rest = tag.partition(".")
    assert version == f"{value['version']}-{value['id'][-8:]}"
    assert re.fullmatch("[0-9a-f]{16}", rest)
    for outcome in outcomes[1:]:
        assert outcome.headers["etag"] == f'"{tag}"'


@pytest.mark.parametrize("operation", VERSIONED)
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_what_a_client_knows_is_not_sent_again(
    faces: dict[str, Door], shop: Shop, operation: str, version: str
) -> None:
    owner, door = await shop.person(balance="100.00"), faces[version]
    values, _ = await good_call(shop, operation, owner)
    tag = (await faces["graphql"].call(operation, values, caller=owner)).etag
    for known in (f'"{tag}"', f'W/"{tag}"', f'"other", "{tag}"', "*"):
        headers = {"If-None-Match": known}
        outcome = await door.call(operation, values, caller=owner, headers=headers)
        assert outcome.status == 304, known
        assert outcome.body is None
        assert outcome.etag == tag
    assert tag
    version = tag.partition(".")[0]
    for stale in (f'"{version}.0000000000000000"', f'"{version}"', '"1"', '""'):
        headers = {"If-None-Match": stale}
        outcome = await door.call(operation, values, caller=owner, headers=headers)
        assert outcome.status == 200, stale
        assert outcome.ok


async def test_a_changed_representation_has_another_tag(door: Door, shop: Shop) -> None:
    product = await shop.product("1.00", stock=5)
    before = await door.call("products.get", {"id": product.id})
    buyer = await shop.person(balance="10.00")
    await shop.order(buyer, [(product.id, 1)])
    after = await door.call("products.get", {"id": product.id})
    # Stock changes by itself: another representation, but no new version.
    assert before.etag != after.etag
    assert before.ok["version"] == after.ok["version"] == 1


@pytest.mark.parametrize("source", FACES)
async def test_a_condition_from_any_face_holds_on_every_other(
    faces: dict[str, Door], door: Door, shop: Shop, source: str
) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer)
    old = (await faces[source].call("orders.get", {"id": order.id}, caller=buyer)).etag
    await shop.pay(buyer, order.id)
    new = (await faces[source].call("orders.get", {"id": order.id}, caller=buyer)).etag
    async with shop.unchanged():
        late = await door.call("orders.cancel", {"id": order.id}, caller=buyer, if_match=old)
    assert (late.code, late.status) == ("PRECONDITION_FAILED", 412)
    done = await door.call("orders.cancel", {"id": order.id}, caller=buyer, if_match=new)
    assert done.ok["status"] == "CANCELLED"


@pytest.mark.parametrize("source", FACES)
async def test_a_condition_from_any_face_holds_for_an_account_on_every_other(
    faces: dict[str, Door], door: Door, shop: Shop, source: str
) -> None:
    owner, admin = await shop.person(), await shop.person("ADMIN")
    calls = (
        ("users.updateMe", {"bio": "Mine."}, owner),
        ("users.update", {"id": owner.id, "bio": "Yours."}, admin),
    )
    for operation, values, caller in calls:
        old = (await faces[source].call("users.get", {"id": owner.id}, caller=owner)).etag
        moved = {"fullName": unique("Ada ")}
        new = (await faces[source].call("users.updateMe", moved, caller=owner)).etag
        assert new != old
        async with shop.unchanged():
            late = await door.call(operation, values, caller=caller, if_match=old)
        assert (late.code, late.status) == ("PRECONDITION_FAILED", 412)
        done = await door.call(operation, values, caller=caller, if_match=new)
        assert done.ok["profile"]["bio"] == values["bio"]
        assert done.etag == (await faces[source].call("users.me", caller=owner)).etag


@pytest.mark.parametrize("form", ["{}", '"{}"', '"9.x", "{}"', 'W/"9.x", "{}"', "*"])
async def test_a_condition_is_taken_in_every_spelling(
    faces: dict[str, Door], shop: Shop, form: str
) -> None:
    for name, face in faces.items():
        buyer = await shop.person(balance="100.00")
        order = await shop.order(buyer)
        tag = (await face.call("orders.get", {"id": order.id}, caller=buyer)).etag
        assert tag
        given = form.format(tag)
        if name == "graphql":
            done = await face.call("orders.cancel", {"id": order.id}, caller=buyer, if_match=given)
        else:
            headers = {"If-Match": given}
            done = await face.call("orders.cancel", {"id": order.id}, caller=buyer, headers=headers)
        assert done.ok["status"] == "CANCELLED", name


async def test_a_condition_that_names_no_version_never_holds(door: Door, shop: Shop) -> None:
    buyer = await shop.person(balance="100.00")
    order = await shop.order(buyer)
    tag = (await door.call("orders.get", {"id": order.id}, caller=buyer)).etag
    assert tag
    async with shop.unchanged():
        for given in ("nonsense", "10.abc", ".1", "0", "1", "1.", f"1.{tag.partition('.')[2]}"):
            values = {"id": order.id}
            late = await door.call("orders.cancel", values, caller=buyer, if_match=given)
            assert late.code == "PRECONDITION_FAILED", given


@pytest.mark.parametrize("operation", CONDITIONAL)
async def test_the_tag_of_another_thing_or_a_weak_one_never_holds(
    faces: dict[str, Door], shop: Shop, operation: str
) -> None:
    """Both things have the same version."""
    for name, door in faces.items():
        owner = await shop.person("ADMIN", balance="100.00")
        values, key = await good_call(shop, operation, owner)
        other_admin = await shop.person("ADMIN", balance="100.00")
        other_values, _ = await good_call(shop, operation, other_admin)
        own, other = [
            (await door.call(CONDITIONAL[operation], {"id": given["id"]}, caller=owner)).etag
            for given in (values, other_values)
        ]
        assert own
        assert other
        assert own.partition("-")[0] == other.partition("-")[0]
        for condition in (other, f'W/"{own}"', f'"{other}", W/"{own}"', f"W/{own}"):
            async with shop.unchanged():
                late = await sent(door, operation, values, owner, "If-Match", condition)
            assert (late.code, late.status) == ("PRECONDITION_FAILED", 412), (name, condition)
        done = await sent(door, operation, values, owner, "If-Match", f'"{own}"', key)
        assert done.error is None


@pytest.mark.parametrize("operation", CONDITIONAL)
@pytest.mark.parametrize("name", ["v1", "v2", "direct"])
async def test_a_change_holds_off_while_it_would_change_what_is_there(
    faces: dict[str, Door], shop: Shop, operation: str, name: str
) -> None:
    owner = await shop.person("ADMIN", balance="100.00")
    values, key = await good_call(shop, operation, owner)
    read = await faces["v2"].call(CONDITIONAL[operation], {"id": values["id"]}, caller=owner)
    tag = read.etag

    async def change(condition: str, key: str | None = None) -> str:
        if name == "direct":
            request = shop.request(owner)
            request.if_none_match = condition
            with suppress(PreconditionFailed):
                await BY_NAME[operation](request, values, key=key)
                return "OK"
            return "PRECONDITION_FAILED"
        outcome = await sent(faces[name], operation, values, owner, "If-None-Match", condition, key)
        return outcome.code

    for condition in ("*", f'"{tag}"', f'W/"{tag}"', f'"other", "{tag}"'):
        async with shop.unchanged():
            assert await change(condition) == "PRECONDITION_FAILED", condition
    assert await change('"1.0"', key) == "OK"


async def sent(
    door: Door,
    operation: str,
    values: dict[str, Any],
    caller: Person,
    header: str,
    condition: str,
    key: str | None = None,
) -> Outcome:
    """Call with a condition as it is written; GraphQL has an argument for If-Match."""
    if door.name == "graphql":
        return await door.call(operation, values, caller=caller, if_match=condition, key=key)
    headers = {header: condition}
    return await door.call(operation, values, caller=caller, headers=headers, key=key)


async def test_what_is_not_visible_is_told_before_the_condition(
    door: Door, shop: Shop, other_user: Person
) -> None:
    order = await shop.order(await shop.person(balance="100.00"))
    values = {"id": order.id}
    outcome = await door.call("orders.cancel", values, caller=other_user, if_match="9.x")
    assert outcome.code == "ORDER_NOT_FOUND"
    done = await shop.order(await shop.person(balance="100.00"), cancelled=True)
    manager = await shop.person("MANAGER")
    outcome = await door.call("orders.cancel", {"id": done.id}, caller=manager, if_match="1.x")
    assert outcome.code == "PRECONDITION_FAILED"  # before the rules of the operation


# P10: deprecation


@pytest.mark.parametrize("operation", ["users.me", "auth.login", "auth.register", "auth.refresh"])
async def test_the_flat_user_of_v1_is_deprecated_and_nothing_else(
    faces: dict[str, Door], shop: Shop, operation: str
) -> None:
    for name in ("v1", "v2"):
        owner = await shop.person()
        values, _ = await good_call(shop, operation, owner)
        outcome = await faces[name].call(operation, values, caller=owner)
        assert outcome.ok
        if name == "v2":
            assert "deprecation" not in outcome.headers
            assert "sunset" not in outcome.headers
            continue
        since = datetime.fromtimestamp(int(outcome.headers["deprecation"].removeprefix("@")), UTC)
        assert since < parsedate_to_datetime(outcome.headers["sunset"])


async def test_v1_says_of_nothing_else_that_it_is_deprecated(
    faces: dict[str, Door], shop: Shop
) -> None:
    owner = await shop.person(balance="100.00")
    for operation in ("orders.list", "wallet.get", "products.list"):
        outcome = await faces["v1"].call(operation, {}, caller=owner)
        assert "deprecation" not in outcome.headers, operation


_PLANTED = """
import asyncio, json
from datetime import date
from services.operation.declaration import Deprecation
from services.products import reading as products
plan = Deprecation(date(2026, 1, 1), date(2027, 1, 1), "Use products.find.")
object.__setattr__(products.get, "deprecated", plan)
import httpx
from api.app import create_app
from api.rest.openapi.documents import openapi
from schema.schema import sdl

async def main():
    transport = httpx.ASGITransport(app=create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        headers = {}
        for path in ("/api/v1/products/none", "/api/v2/products/none", "/api/v2/products"):
            headers[path] = dict((await client.get(path)).headers)
    documents = {version: openapi(version) for version in ("v1", "v2")}
    print("\\n" + json.dumps({"sdl": sdl(), "headers": headers, "openapi": documents}))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def planted(settings: Settings) -> Any:
    """What a process whose products.get is deprecated says on every face."""
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TANDEM_ENVIRONMENT": "test",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PLANTED],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [told] = [line for line in done.stdout.splitlines() if line.startswith('{"sdl"')]
    return json.loads(told)


def test_one_declaration_deprecates_on_every_face(planted: Any) -> None:
    reason = "Use products.find. Works until 2027-01-01."
    assert f'@deprecated(reason: "{reason}")' in planted["sdl"]
    for version in ("v1", "v2"):
        paths = planted["openapi"][version]["paths"]
        assert paths[f"/api/{version}/products/{{id}}"]["get"]["deprecated"] is True
        assert "deprecated" not in paths[f"/api/{version}/products"]["get"]
        headers = planted["headers"][f"/api/{version}/products/none"]
        assert headers["deprecation"] == "@1767225600"
        assert headers["sunset"] == "Fri, 01 Jan 2027 00:00:00 GMT"
    assert "deprecation" not in planted["headers"]["/api/v2/products"]


async def test_nothing_is_deprecated_by_itself(client: httpx.AsyncClient) -> None:
    assert "@deprecated" not in (await client.get("/graphql/schema.graphql")).text


# P11: audit


@pytest.mark.parametrize("operation", WRITES)
async def test_a_write_leaves_the_same_row_whichever_door_it_came_through(
    faces: dict[str, Door], shop: Shop, operation: str
) -> None:
    rows = []
    for name in FACES:
        role = ROLES.get(operation, "USER")
        balance = None if operation == "users.deleteMe" else "100.00"
        caller = await shop.person(role, balance=balance)
        values, key = await good_call(shop, operation, caller)
        outcome = await faces[name].call(operation, values, caller=caller, key=key)
        assert outcome.error is None
        [row] = await shop.audits_of(outcome.headers["x-request-id"])
        assert row["actor_id"] == (None if operation in ANONYMOUS else caller.id)
        about = {"users.create", "products.create", "deposits.create", "orders.create"}
        about |= {
            "coupons.create",
            "categories.create",
            "projects.create",
            "uploads.create",
            "posts.create",
            "comments.create",
        }
        if operation in about:
            assert row["entity_id"] == outcome.ok["id"]
        elif "id" in values:
            assert row["entity_id"] == values["id"]
        rows.append((row["action"], row["entity"], row["changed"], row["outcome"]))
    assert rows[0] == rows[1] == rows[2]
    assert rows[0][3] == "OK"
    assert rows[0][0] == operation


async def test_a_refused_write_leaves_the_same_row_whichever_door_it_came_through(
    faces: dict[str, Door], shop: Shop
) -> None:
    for name in FACES:
        buyer = await shop.person(balance="100.00")
        order = await shop.order(buyer, paid=True)
        values = {"id": order.id}
        await faces[name].call("orders.pay", values, caller=buyer, key=new_key())
        row = await shop.last_audit("orders.pay", buyer)
        assert row
        found = (row["entity"], row["entity_id"], row["changed"], row["outcome"])
        assert found == ("order", order.id, [], "ORDER_STATUS_INVALID")
