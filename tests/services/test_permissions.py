"""Permissions: one grammar, and what each of them is worth."""

import re

import pytest

from persistence.nodes import _VIEWS
from persistence.users.tables import Role
from services.access.callers import Caller, viewer_values
from services.access.permissions import GRANTABLE, Permission
from services.catalogue import OPERATIONS
from services.ids import new_id
from services.nodes import SHOWN_BY
from tests.shop import Shop

#: The least role that holds each permission, and whether an API key may: written by hand.
EXPECTED = {
    "account:read:own": ("USER", True),
    "account:write:own": ("USER", False),
    "account:delete:own": ("USER", False),
    "account:export:own": ("USER", False),
    "password:write:own": ("USER", False),
    "sessions:read:own": ("USER", False),
    "sessions:write:own": ("USER", False),
    "apikeys:read:own": ("USER", False),
    "apikeys:write:own": ("USER", False),
    "users:read:public": ("USER", True),
    "users:read:all": ("ADMIN", True),
    "users:write:all": ("ADMIN", False),
    "categories:write:all": ("MANAGER", True),
    "categories:delete:all": ("ADMIN", True),
    "products:read:all": ("MANAGER", True),
    "products:write:all": ("MANAGER", True),
    "products:delete:all": ("ADMIN", True),
    "wallet:read:own": ("USER", True),
    "deposits:read:own": ("USER", True),
    "deposits:write:own": ("USER", True),
    "orders:read:own": ("USER", True),
    "orders:read:all": ("MANAGER", True),
    "orders:write:own": ("USER", True),
    "orders:write:all": ("MANAGER", True),
    "orders:pay:own": ("USER", True),
    "approvals:read:all": ("MANAGER", True),
    "approvals:write:all": ("MANAGER", True),
    "payments:read:own": ("USER", True),
    "payments:read:all": ("MANAGER", True),
    "invoices:read:own": ("USER", True),
    "invoices:read:all": ("MANAGER", True),
    "coupons:read:public": ("USER", True),
    "coupons:read:all": ("MANAGER", True),
    "coupons:write:all": ("MANAGER", True),
    "refunds:read:own": ("USER", True),
    "refunds:read:all": ("MANAGER", True),
    "refunds:write:all": ("MANAGER", True),
    "reports:read:all": ("MANAGER", True),
    "posts:read:own": ("USER", True),
    "posts:read:all": ("MODERATOR", True),
    "posts:write:own": ("USER", True),
    "posts:write:all": ("ADMIN", True),
    "posts:like:own": ("USER", True),
    "posts:moderate:all": ("MODERATOR", True),
    "comments:read:all": ("MODERATOR", True),
    "comments:write:own": ("USER", True),
    "comments:moderate:all": ("MODERATOR", True),
    "projects:read:own": ("USER", True),
    "projects:read:all": ("ADMIN", True),
    "projects:write:own": ("USER", True),
    "uploads:read:own": ("USER", True),
    "uploads:write:own": ("USER", True),
    "events:read:own": ("USER", True),
    "events:read:all": ("MANAGER", True),
    "audit:read:all": ("ADMIN", True),
    "jobs:read:all": ("ADMIN", True),
    "jobs:write:all": ("ADMIN", True),
}
#: Kinds of things that anybody may see, as far as they are there for anybody.
OPEN_KINDS = {"Category", "Product", "Post", "Comment"}


def test_every_permission_is_what_the_table_says() -> None:
    found = {str(one): (str(one.least), one.grantable) for one in Permission}
    assert found == EXPECTED
    assert set(GRANTABLE) == {name for name, (_, grantable) in EXPECTED.items() if grantable}


@pytest.mark.parametrize("permission", Permission)
def test_a_permission_is_a_noun_a_verb_and_a_scope(permission: Permission) -> None:
    assert re.fullmatch(
        r"[a-z]+:(read|write|pay|delete|like|moderate|export):(own|all|public)", permission
    )
    assert permission.name == permission.upper().replace(":", "_")


def test_every_permission_opens_an_operation_or_widens_one() -> None:
    asked = {operation.who for operation in OPERATIONS if operation.who}
    widened = {one.wider for one in asked}
    widened |= {Permission.PRODUCTS_READ_ALL, Permission.COMMENTS_READ_ALL}
    assert set(Permission) <= asked | widened


def test_every_kind_of_thing_that_has_an_owner_asks_a_key_for_a_permission() -> None:
    assert {view.name for view in _VIEWS} == SHOWN_BY.keys()
    assert {kind for kind, operation in SHOWN_BY.items() if not operation.needs} == OPEN_KINDS


def test_a_key_holds_what_it_was_given_as_far_as_its_owners_role_does() -> None:
    key = Caller(
        "u", Role.USER, key_id="k", granted=frozenset({"orders:read:own", "audit:read:all"})
    )
    assert key.may(Permission.ORDERS_READ_OWN)
    assert not key.may(Permission.ORDERS_WRITE_OWN)
    assert not key.may(Permission.AUDIT_READ_ALL)
    assert Caller("u", Role.ADMIN, session_id="s").may(Permission.AUDIT_READ_ALL)


def test_a_manager_whose_key_was_not_given_it_sees_nobody_elses_orders(shop: Shop) -> None:
    now = shop.process.clock()
    me = new_id(now)
    narrow = Caller(me, Role.MANAGER, key_id="k", granted=frozenset({"orders:read:own"}))
    assert viewer_values(narrow, "orders", now)["sees_all"] is False
    assert (
        viewer_values(Caller(me, Role.MANAGER, session_id="s"), "orders", now)["sees_all"] is True
    )
    assert (
        viewer_values(Caller(me, Role.MANAGER, session_id="s"), "audit", now)["administers"]
        is False
    )
