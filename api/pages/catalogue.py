"""The catalogues of operations and errors, as data."""

from typing import Any

import msgspec

from api.rest.routes import ADDRESSES
from api.rest.versions import DIALECTS
from schema.schema import FIELDS
from services.catalogue import OPERATIONS
from services.errors.base import TandemError
from services.errors.common import COMMON, KEYED
from services.events.types import Silent
from services.operation.declaration import Deprecation
from services.operation.operation import Operation

#: Prefixes of the REST paths in the catalogue.
_BASES = [DIALECTS["v2"].prefix, DIALECTS["v1"].prefix]


def operations() -> list[dict[str, Any]]:
    """Every operation."""
    return [_operation(operation) for operation in OPERATIONS]


def operations_document() -> bytes:
    """Every operation, as a JSON document."""
    return as_json({"restBases": _BASES, "operations": operations()})


def as_json(value: Any) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value)


def _operation(operation: Operation[Any, Any]) -> dict[str, Any]:
    method, path = ADDRESSES[operation.name]
    return {
        "name": operation.name,
        "summary": operation.summary,
        "who": operation.who.least if operation.who else "PUBLIC",
        "permission": operation.who,
        "permissions": operation.needs,
        "errors": sorted(error.code for error in operation.errors),
        "writes": operation.writes,
        "emits": _emits(operation),
        "idempotent": operation.key.value,
        "conditional": operation.conditional,
        "paged": operation.paged,
        "streams": operation.streams,
        "cost": operation.cost,
        "deprecated": _deprecation(operation.deprecated),
        "graphql": FIELDS[operation.name],
        "rest": {"method": method, "path": path},
    }


def _emits(operation: Operation[Any, Any]) -> list[str]:
    emits = operation.emits
    return [] if emits is None or isinstance(emits, Silent) else [each.name for each in emits]


def _deprecation(deprecated: Deprecation | None) -> dict[str, str] | None:
    if deprecated is None:
        return None
    return {
        "since": deprecated.since.isoformat(),
        "sunset": deprecated.sunset.isoformat(),
        "reason": deprecated.reason,
    }


def error_data(error: type[TandemError], public_url: str) -> dict[str, Any]:
    """An error with the operations that raise it; none are named where most do."""
    # Most operations may raise these, so a list of operations would say nothing.
    everywhere = error in COMMON or error in KEYED
    raisers = [operation.name for operation in OPERATIONS if error in operation.errors]
    return {
        "code": error.code,
        "status": error.status,
        "title": error.title,
        "hint": error.hint,
        "operations": None if everywhere else raisers,
        "docUrl": f"{public_url}/errors/{error.code}",
    }
