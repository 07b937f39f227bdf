"""Faults to plant: each breaks exactly one thing, and one named test must turn red.

`python -m tests.faults` runs the named test of each fault, once sound and once broken, every run
in a process of its own, and prints how they ended. It needs DATABASE_URL and REDIS_URL.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from api.rest import calls, routes, versions
from schema.building.loaders import loader_of
from schema.executing import execute, limits
from schema.schema import SCHEMA
from services import nodes, payments
from services.access.permissions import Permission
from services.errors.base import TandemError
from services.errors.orders import OrderNotFound
from services.errors.payments import PaymentNotFound
from services.operation import cursors, running
from services.operation import idempotency as keys
from services.products import managing as products_managing
from services.quota import costs

PAGES = "tests/parity/test_pages.py"
WALK = "tests/parity/walk/test_walk.py::test_the_faces_answer_alike_about_few_operations"
#: Never undone: the process ends with its fault.
PATCH = pytest.MonkeyPatch()


def a_route_with_a_role_of_its_own() -> None:
    """REST lets every signed-in user add products."""
    weak = replace(products_managing.create, who=Permission.ORDERS_READ_OWN)

    async def create_product(call: Any) -> Any:
        product = await weak(call.request, call.input, key=call.key)
        return calls.Created(product, f"/products/{product.id}")

    for route in routes.ROUTES:
        if route.operation is products_managing.create:
            PATCH.setattr(route, "handler", create_product)


def an_operation_with_another_role() -> None:
    """Every signed-in user may add products, on every face."""
    object.__setattr__(products_managing.create, "who", Permission.ORDERS_READ_OWN)


def a_resolver_with_another_error() -> None:
    """GraphQL says of an unknown payment that there is no such order."""

    async def get(request: Any, raw: Any) -> Any:
        try:
            return await payments.get(request, raw)
        except PaymentNotFound:
            raise OrderNotFound from None

    assert SCHEMA.query_type
    PATCH.setattr(loader_of(SCHEMA.query_type.fields["payment"]), "call", get)


def a_cursor_that_forgets_its_filter() -> None:
    """Cursors are signed over operation and sort alone."""
    sign = cursors._signature

    def forgetful(key: bytes, scope: bytes, payload: bytes) -> bytes:
        *kept, _filters = msgspec.json.decode(scope)
        return sign(key, msgspec.json.encode(kept), payload)

    PATCH.setattr(cursors, "_signature", forgetful)


def a_dialect_with_another_limit() -> None:
    """v1 takes pages of more than a hundred."""
    translate = versions.DIALECTS["v1"].translate

    def generous(operation: Any, sent: Any) -> None:
        translate(operation, sent)
        if sent.query.get("perPage", "").isdigit():
            sent.query["perPage"] = str(min(100, int(sent.query["perPage"])))

    PATCH.setattr(versions.DIALECTS["v1"], "translate", generous)


def a_key_that_is_not_stored() -> None:
    """The outcome of a call is not kept under its key."""

    async def forget(*_: object) -> None:
        return

    PATCH.setattr(keys, "store", forget)


def a_node_that_shows_more() -> None:
    """``node`` shows everybody whole accounts, as it shows them to admins."""
    viewer_values = nodes._viewer_values
    PATCH.setattr(
        nodes,
        "_viewer_values",
        lambda request: {**viewer_values(request), "administers_User": True},
    )
    PATCH.setattr(nodes, "_may_read", lambda caller, thing: True)


def a_document_that_costs_more() -> None:
    """A GraphQL document is charged one unit more than the same call on REST."""
    PATCH.setattr(limits, "units", lambda cost, rows: costs.units(cost, rows) + 1)


def a_refusal_that_keeps_its_writes() -> None:
    """A declared error does not undo what the operation wrote before it."""

    async def run(ctx: Any, tx: Any, input: Any) -> Any:
        try:
            return await ctx.operation.run(ctx, tx, input)
        except TandemError as error:
            await tx.run_lock_first()
            return error

    PATCH.setattr(running, "_run_in_savepoint", run)


def types_before_permissions() -> None:
    """GraphQL tells of bad values before it looks at the role."""
    PATCH.setattr(execute, "_refusal", lambda *_: None)


#: Each fault and the test that finds it.
FAULTS: dict[Callable[[], None], str] = {
    a_route_with_a_role_of_its_own: (
        "tests/parity/test_matrix.py::test_each_role_may_do_what_the_table_says[v2-products.create]"
    ),
    an_operation_with_another_role: (
        "tests/parity/test_matrix.py::test_each_role_may_do_what_the_table_says[graphql-products.create]"
    ),
    a_resolver_with_another_error: (
        "tests/parity/test_errors.py::"
        "test_a_bad_call_gets_the_same_refusal_on_every_face[payment_unknown]"
    ),
    a_cursor_that_forgets_its_filter: (
        f"{PAGES}::test_a_cursor_that_left_its_filter_is_refused_on_the_other_face[graphql-v2]"
    ),
    a_dialect_with_another_limit: (
        f"{PAGES}::test_a_hundred_is_the_most_on_every_face[v1-perPage]"
    ),
    a_key_that_is_not_stored: (
        "tests/parity/test_keys.py::test_a_payment_repeated_on_the_other_face_charges_once"
    ),
    a_node_that_shows_more: WALK,
    a_document_that_costs_more: WALK,
    a_refusal_that_keeps_its_writes: WALK,
    types_before_permissions: WALK,
}


def report(outcomes: dict[str, str]) -> str:
    """What the runner prints for whoever started it."""
    return json.dumps(outcomes)
