"""What the log says of a request: its operations, their input without secrets, its failures.

Inputs and query strings are shown by the names of their values. A name that is not listed here is
shown without its value, so a secret under a new or a mistyped name stays out of the log.
"""

import re
import traceback
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import Any

from services.errors.base import TandemError

#: Names whose values are shown. They hold no secret, and nothing about a person but ids.
SHOWN = frozenset(
    {
        "action",
        "actorId",
        "after",
        "afterId",
        "amount",
        "author",
        "before",
        "bom",
        "budget",
        "by",
        "category",
        "categoryId",
        "code",
        "contentType",
        "couponCode",
        "customerId",
        "deadline",
        "delta",
        "description",
        "endsAt",
        "entityId",
        "expected",
        "expectedRefunded",
        "expires",
        "expiresAt",
        "fields",
        "first",
        "format",
        "from",
        "id",
        "image",
        "inStock",
        "isActive",
        "isPublished",
        "kind",
        "last",
        "limit",
        "lineId",
        "lines",
        "maxPrice",
        "minPrice",
        "minimumOrder",
        "name",
        "number",
        "operationName",
        "order",
        "orderId",
        "ownerId",
        "page",
        "parentId",
        "path",
        "perPage",
        "perUserLimit",
        "per_page",
        "period",
        "permissions",
        "position",
        "price",
        "productId",
        "purpose",
        "quantity",
        "restock",
        "role",
        "search",
        "size",
        "slug",
        "sort",
        "startPosition",
        "startsAt",
        "status",
        "stock",
        "subject",
        "subtotal",
        "tag",
        "tags",
        "timeZone",
        "to",
        "total",
        "trackingCode",
        "uploadId",
        "types",
        "usageLimit",
        "value",
    }
)
_HIDDEN = "…"
_LONGEST_TEXT = 200
_LONGEST_QUERY = 500
_LONGEST_NAME = 50
#: Lines of an order, and fields of an input.
_MOST_ITEMS, _DEEPEST = 100, 4
#: Operations of one request whose names and input are shown.
_MOST_OPERATIONS = 20
_MOST_FAILURES = 3
#: Bad fields of one request that are named.
_MOST_FIELDS = 20
#: The encoder of the log takes no larger one.
_LARGEST_INTEGER = 1 << 53
_PLAIN = (bool, int, float, Decimal, Enum, date)
_PARAMETER = re.compile(r"([^&=]*)=([^&]*)")
#: Mail addresses may stand in any text; a percent sign may hide their at sign.
_PERSONAL = re.compile(r"@|%40", re.IGNORECASE)


class RequestLog:
    """Collects what happens in one HTTP request, for the line at its end."""

    __slots__ = ("_codes", "_failures", "_fields", "_inputs", "_operations", "_reasons", "worst")

    def __init__(self) -> None:
        self._operations: list[str] = []
        self._inputs: list[Mapping[str, Any]] = []
        self._codes: list[str] = []
        self._fields: list[str] = []
        self._reasons: list[str] = []
        self._failures: list[BaseException] = []
        #: The highest status of the errors that the caller is told; 0 without one.
        self.worst = 0

    def operation(self, name: str, raw: Mapping[str, Any]) -> None:
        """Note a call of an operation."""
        if len(self._operations) < _MOST_OPERATIONS:
            self._operations.append(name)
            self._inputs.append(raw)

    def error(self, error: TandemError) -> None:
        """Note an error that the caller is told, and what a failure of the database was."""
        self.worst = max(self.worst, error.status)
        if error.code not in self._codes:
            self._codes.append(error.code)
        fields = error.fields[: _MOST_FIELDS - len(self._fields)]
        self._fields += [_writable(f"{one.field} {one.code}")[:_LONGEST_TEXT] for one in fields]
        if error.status >= 500 and error.__cause__ is not None:
            self._reasons.append(type(error.__cause__).__name__)

    def failure(self, error: BaseException) -> None:
        """Note a failure of Tandem's own, whose trace is shown."""
        if len(self._failures) < _MOST_FAILURES:
            self._failures.append(error)

    def values(self) -> dict[str, Any]:
        """The values of the line."""
        values: dict[str, Any] = {}
        if self._operations:
            values["operation"] = ", ".join(self._operations)
            inputs = [shown(raw) for raw in self._inputs if raw]
            if inputs:
                values["input"] = inputs[0] if len(self._operations) == 1 else inputs
        if self._codes:
            values["code"] = ", ".join(self._codes)
        if self._fields:
            values["fields"] = self._fields
        if self._reasons:
            values["reason"] = ", ".join(dict.fromkeys(self._reasons))
        if self._failures:
            # Tracebacks show no local variables: those hold passwords and tokens.
            values["exception"] = "\n".join(
                "".join(traceback.format_exception(error)) for error in self._failures
            )
        return values


def shown(value: Any, depth: int = 0) -> Any:
    """A value of an input without secrets, as JSON that is not too long."""
    if isinstance(value, str):
        if _PERSONAL.search(value):
            return _HIDDEN
        text = value if value.isascii() else _writable(value)
        return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + _HIDDEN
    if depth >= _DEEPEST:
        return _HIDDEN
    if isinstance(value, Mapping):
        return {
            name if name in SHOWN else _writable(name)[:_LONGEST_NAME]: (
                shown(item, depth + 1) if name in SHOWN else _HIDDEN
            )
            for name, item in islice(value.items(), _MOST_ITEMS)
        }
    if isinstance(value, list | tuple):
        return [shown(item, depth + 1) for item in value[:_MOST_ITEMS]]
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        return _HIDDEN
    return value if value is None or isinstance(value, _PLAIN) else type(value).__name__


def shown_query(query: bytes) -> str:
    """A query string without secrets, and not too long."""
    return _shown_query(query[:_LONGEST_QUERY])


@lru_cache(maxsize=1000)
def _shown_query(query: bytes) -> str:
    return _PARAMETER.sub(_parameter, query.decode("latin-1"))


def _parameter(found: re.Match[str]) -> str:
    name, value = found.groups()
    if name not in SHOWN or _PERSONAL.search(value):
        value = _HIDDEN
    return f"{name[:_LONGEST_NAME]}={value}"


def _writable(text: object) -> str:
    """The text without halves of surrogate pairs, which cannot be written."""
    return str(text).encode("utf-8", "replace").decode()
