"""The base of both dialects: trimming, error headers, and what each dialect must define."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import Struct, structs

from api.http.responses import Reply
from api.rest.calls import Call, Sent
from services.cache.cache import Encoded
from services.errors.base import TandemError
from services.errors.common import Unauthenticated
from services.operation.declaration import Deprecation
from services.operation.operation import Operation
from services.operation.paging import Page

Cursor = str | None
#: Descriptions that both dialects' envelopes use.
REQUEST_ID = "Names the request in logs."
CODE = "The error's code, the same on every face."

_encode = msgspec.json.Encoder().encode


class Dialect(ABC):
    """Decides how a success, a page, a deletion and an error are written."""

    name: str
    prefix: str
    error_media = "application/json"
    #: Older methods that a route also takes, by the current method.
    older_methods: Mapping[str, str] = {}
    #: The struct that a result type is written as, and what makes it; other types stay as they are.
    shapes: Mapping[type, tuple[type[Struct], Callable[[Any], Struct]]] = {}
    deprecated_shapes: Deprecation | None = None

    def translate(self, operation: Operation[Any, Any], sent: Sent) -> None:  # noqa: B027
        """Replace older spellings by current ones; by default there are none."""

    def shape(self, result: type) -> type[Struct]:
        """The struct that a result type is written as."""
        return self.shapes[result][0] if result in self.shapes else result

    def names(self, operation: Operation[Any, Any]) -> tuple[str, ...]:
        """The names that ``fields`` may ask for: those of an operation's written results."""
        shapes = [self.shape(result) for result in operation.results]
        names = [item.encode_name for shape in shapes for item in structs.fields(shape)]
        return tuple(dict.fromkeys(names))

    def deprecation(self, operation: Operation[Any, Any], result: type) -> Deprecation | None:
        """The deprecation of an operation, or of the shape that its result is written in."""
        if result in self.shapes:
            return operation.deprecated or self.deprecated_shapes
        return operation.deprecated

    def written(self, value: Any, fields: frozenset[str] | None) -> Any:
        """A resource in this dialect's shape, trimmed to ``fields``."""
        if isinstance(value, Encoded):
            # Cached results are written the same in both dialects.
            if fields is None:
                return msgspec.Raw(value.body)
            whole = msgspec.json.decode(value.body)
            return {name: item for name, item in whole.items() if name in fields}
        if type(value) in self.shapes:
            value = self.shapes[type(value)][1](value)
        return value if fields is None else _trimmed(type(value), fields)(value)

    @abstractmethod
    def resource(self, call: Call, value: Any) -> bytes:
        """The body of one resource."""

    @abstractmethod
    def page(self, call: Call, page: Page[Any]) -> tuple[bytes, str | None]:
        """The body of a page, and its Link header."""

    @abstractmethod
    def deletion(self, call: Call, headers: dict[str, str]) -> Reply:
        """The answer to a deletion."""

    @abstractmethod
    def error_body(
        self, error: TandemError, request_id: str, path: str, public_url: str, at: datetime
    ) -> Any:
        """The body of an error."""

    def error(
        self,
        error: TandemError,
        request_id: str,
        path: str,
        public_url: str,
        *,
        at: datetime | None = None,
        token_sent: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """The answer for an error, with the headers its status asks for."""
        body = self.error_body(error, request_id, path, public_url, at or datetime.now(UTC))
        written = {"Cache-Control": "no-store", **(headers or {})}
        if error.status == 401:
            refused = token_sent and isinstance(error, Unauthenticated)
            written["WWW-Authenticate"] = 'Bearer error="invalid_token"' if refused else "Bearer"
        if error.retry_after is not None:
            written["Retry-After"] = str(error.retry_after)
        return Reply(error.status, written, _encode(body), self.error_media)


@lru_cache(maxsize=256)  # Clients ask for the same few; making a struct takes 200 µs.
def _trimmed(kind: type[Struct], names: frozenset[str]) -> Callable[[Any], Struct]:
    """A function that reduces such a value to the fields of these names."""
    # A list may have read only the fields asked for: its items are projections of a whole struct.
    whole = getattr(kind, "whole", kind)
    kept = [item for item in structs.fields(whole) if item.encode_name in names]
    if not kept:
        return lambda _: _NoFields()
    short = msgspec.defstruct(
        kind.__name__,
        [(item.name, Any) for item in kept],
        rename={item.name: item.encode_name for item in kept},
    )
    if len(kept) == 1:
        return lambda value: short(getattr(value, kept[0].name))
    read = attrgetter(*(item.name for item in kept))
    return lambda value: short(*read(value))


class _NoFields(Struct):
    """A value that has none of the names asked for."""
