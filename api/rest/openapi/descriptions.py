"""Texts of the OpenAPI documents that follow from declarations and docstrings."""

import sys
from typing import Any

from api.rest.operation_route import OperationRoute
from api.rest.routes import ROUTES
from services.operation.operation import Operation

ABOUT = {
    "v1": "The legacy contract of Tandem: every answer in one envelope. New clients use v2.",
    "v2": "Order management: catalogue, wallet, orders and payments. GraphQL has the same.",
}


def noun_of(operation: Operation[Any, Any]) -> str:
    """The noun that an operation is about."""
    return operation.name.split(".")[0]


def tags() -> list[dict[str, str]]:
    """One tag for each noun, described by the first line of its module or folder in services."""
    rooms: dict[str, str] = {}
    for route in ROUTES:
        # services.orders.buying and services.orders.reading are both in the room services.orders.
        layer, noun, *_ = route.operation.run.__module__.split(".")
        rooms.setdefault(noun_of(route.operation), f"{layer}.{noun}")
    return [
        {"name": noun, "description": (sys.modules[room].__doc__ or noun).split("\n")[0]}
        for noun, room in rooms.items()
    ]


def path_description(route: OperationRoute, name: str) -> str:
    """The description of a path parameter; a nested list takes its parent's."""
    parent = route.path[: route.path.index(f"{{{name}}}") + len(name) + 2]
    for known in (route, *ROUTES):
        properties = known.operation.input.model_json_schema().get("properties", {})
        if known.path.startswith(parent) and name in properties:
            return properties[name]["description"]
    raise LookupError(f"{route.path}: nothing describes {name}")


def success_description(route: OperationRoute) -> str:
    """The description of a success: what the operation returns."""
    operation = route.operation
    if route.status == 204:
        return "It is gone."
    said = [(result.__doc__ or "").strip().split("\n")[0] for result in operation.results]
    what = " Or: ".join(said)
    return f"A page of: {what}" if operation.paged else what
