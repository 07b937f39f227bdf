"""The two dialects of REST: how a success, a page, a deletion and an error are written.

v2 writes the bare resource and problem+json. v1, the legacy contract, wraps everything in an
envelope, writes users flat, and takes older spellings, which are put into today's words before a
route sees them.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, get_args, get_type_hints
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct, structs

from api.http.responses import Reply
from api.rest.calls import Call, Sent
from services.auth.signing_in import Tokens
from services.cache.cache import Encoded
from services.errors.common import FieldError, TandemError, Unauthenticated
from services.operation.deprecation import Deprecation
from services.operation.paging import Page
from services.operation.running import Operation
from services.users.reading import User

#: v1 writes users flat; the nested profile of v2 is there to stay.
FLAT_USERS = Deprecation(
    since=date(2026, 11, 1),
    sunset=date(2027, 11, 1),
    instead="Use /api/v2, where users carry a nested profile.",
)
PROFILE: type[Struct] = get_type_hints(User)["profile"]

_NUMBERED = frozenset({"page", "perPage"})
_PAGING = _NUMBERED | {"first", "after", "last", "before"}
_encode = msgspec.json.Encoder().encode


class Dialect(ABC):
    """What both dialects share, and the names of what they do differently."""

    name: str
    prefix: str
    error_media = "application/json"
    #: How a result is written where that is not the result itself.
    shapes: Mapping[type, tuple[type[Struct], Callable[[Any], Struct]]] = {}
    deprecated_shapes: Deprecation | None = None

    def translate(self, operation: Operation[Any, Any], sent: Sent) -> None:  # noqa: B027
        """Put older spellings into today's words; there are none unless a dialect says so."""

    def shape(self, result: type) -> type[Struct]:
        """The struct that a result type is written as."""
        return self.shapes[result][0] if result in self.shapes else result

    def names(self, operation: Operation[Any, Any]) -> tuple[str, ...]:
        """The names of an operation's written results, for ``fields``."""
        shapes = [self.shape(result) for result in operation.results]
        names = [item.encode_name for shape in shapes for item in structs.fields(shape)]
        return tuple(dict.fromkeys(names))

    def deprecation(self, operation: Operation[Any, Any], result: type) -> Deprecation | None:
        """What is deprecated: the operation, or the shape of this result of it."""
        if result in self.shapes:
            return operation.deprecated or self.deprecated_shapes
        return operation.deprecated

    def written(self, value: Any, fields: frozenset[str] | None) -> Any:
        """A resource in this dialect's shape, trimmed to the names asked for."""
        if isinstance(value, Encoded):
            # What is kept is the same in both dialects.
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
        """The answer when something was deleted."""

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
        if error.status in (429, 503):
            written["Retry-After"] = str(error.details.get("retryAfterSeconds", 1))
        return Reply(error.status, written, _encode(body), self.error_media)


@lru_cache(maxsize=256)  # a client asks for the same few; making one takes 200 µs
def _trimmed(kind: type[Struct], names: frozenset[str]) -> Callable[[Any], Struct]:
    """Makes of such a value one that has only the fields of these names."""
    # A list may have read no more of its things than was asked for: parts, of a whole.
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
    """What is left where none of the names are this type's."""


class PageInfo(Struct, rename="camel"):
    """Where a page lies in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


class Listed(Struct, rename="camel"):
    """A page of v2."""

    items: Sequence[Any]
    page_info: PageInfo
    total_count: int | None


class V2(Dialect):
    """The current dialect."""

    name = "v2"
    prefix = "/api/v2"
    error_media = "application/problem+json"

    def resource(self, call: Call, value: Any) -> bytes:
        return _encode(self.written(value, call.fields))

    def page(self, call: Call, page: Page[Any]) -> tuple[bytes, str | None]:
        start, end = page.start_cursor, page.end_cursor
        info = PageInfo(page.has_next, page.has_previous, start, end)
        items = [self.written(item, call.fields) for item in page.items]
        return _encode(Listed(items, info, page.total)), _links(call, page, start, end)

    def deletion(self, call: Call, headers: dict[str, str]) -> Reply:
        return Reply(204, headers)

    def error_body(
        self, error: TandemError, request_id: str, path: str, public_url: str, at: datetime
    ) -> Any:
        return {
            "type": f"{public_url}/errors/{error.code}",
            "title": error.title,
            "status": error.status,
            "detail": error.detail,
            "instance": quote(path),
            "code": error.code,
            "fields": error.fields,
            "details": error.details,
            "requestId": request_id,
        }


def _links(call: Call, page: Page[Any], start: str | None, end: str | None) -> str:
    """RFC 8288 links to the pages around this one, paged the way it was asked for."""
    asked = {name for name, _ in call.sent.pairs}
    size = page.size
    links: dict[str, str] = {}  # cursors are of letters that need no quoting
    if page.number is not None and (page.cursor is None or not asked.isdisjoint(_NUMBERED)):
        links["first"] = f"page=1&perPage={size}"
        if page.has_next:
            links["next"] = f"page={page.number + 1}&perPage={size}"
        if page.has_previous:
            links["prev"] = f"page={page.number - 1}&perPage={size}"
        if page.total is not None:
            links["last"] = f"page={max(1, -(-page.total // size))}&perPage={size}"
    else:
        links["first"] = f"first={size}"
        if page.has_next and end:
            links["next"] = f"first={size}&after={end}"
        if page.has_previous and start:
            links["prev"] = f"last={size}&before={start}"
    kept = urlencode([pair for pair in call.sent.pairs if pair[0] not in _PAGING])
    base = call.request.process.settings.public_url + quote(call.scope["path"])
    base += f"?{kept}&" if kept else "?"
    return ", ".join(f'<{base}{place}>; rel="{rel}"' for rel, place in links.items())


class Meta(Struct, rename="camel"):
    """Where a page of v1 lies; ``page`` is null when it was reached by a cursor."""

    page: int | None
    per_page: int
    total: int
    total_pages: int
    has_next_page: bool
    has_prev_page: bool
    next_cursor: str | None
    prev_cursor: str | None


class Envelope(Struct, rename="camel"):
    """What every answer of v1 is wrapped in."""

    success: bool
    data: Any
    error: Any
    request_id: str
    timestamp: datetime


class PageEnvelope(Envelope):
    """What every list of v1 is wrapped in."""

    meta: Meta


_USER = get_type_hints(User, include_extras=True)
_TOKENS = get_type_hints(Tokens, include_extras=True)
FlatUser = msgspec.defstruct(
    "User",
    [
        item
        for name, hint in _USER.items()
        for item in (
            get_type_hints(PROFILE, include_extras=True).items()
            if name == "profile"
            else [(name, hint)]
        )
    ],
    rename="camel",
    namespace={"__doc__": User.__doc__},
)
FlatTokens = msgspec.defstruct(
    "Tokens",
    [(name, _TOKENS[name]) for name in _TOKENS if name != "user"]
    + [("user", Annotated[FlatUser, *_TOKENS["user"].__metadata__])],
    rename="camel",
    namespace={"__doc__": Tokens.__doc__},
)


def _flat_user(user: User) -> Struct:
    values: list[Any] = []
    for value in structs.astuple(user):
        values.extend(structs.astuple(value) if type(value) is PROFILE else [value])
    return FlatUser(*values)


def _flat_tokens(tokens: Tokens) -> Struct:
    *others, user = structs.astuple(tokens)
    return FlatTokens(*others, _flat_user(user))


class V1(Dialect):
    """The legacy dialect, also of addresses without a version."""

    name = "v1"
    prefix = "/api/v1"
    shapes = {User: (FlatUser, _flat_user), Tokens: (FlatTokens, _flat_tokens)}
    deprecated_shapes = FLAT_USERS

    def translate(self, operation: Operation[Any, Any], sent: Sent) -> None:
        if operation.paged:
            _translate_list(operation, sent)
        elif operation.name in ("orders.create", "orders.quote"):
            _translate_one_line(sent)

    def resource(self, call: Call, value: Any) -> bytes:
        return _encode(self._envelope(call, self.written(value, call.fields)))

    def page(self, call: Call, page: Page[Any]) -> tuple[bytes, str | None]:
        total = page.total or 0
        meta = Meta(
            page=page.number,
            per_page=page.size,
            total=total,
            total_pages=-(-total // page.size),
            has_next_page=page.has_next,
            has_prev_page=page.has_previous,
            next_cursor=page.end_cursor if page.has_next else None,
            prev_cursor=page.start_cursor if page.has_previous else None,
        )
        items = [self.written(item, call.fields) for item in page.items]
        now = call.request.process.clock()
        return _encode(PageEnvelope(True, items, None, call.request.id, now, meta)), None

    def deletion(self, call: Call, headers: dict[str, str]) -> Reply:
        return Reply(200, headers, _encode(self._envelope(call, None)))

    def error_body(
        self, error: TandemError, request_id: str, path: str, public_url: str, at: datetime
    ) -> Any:
        details = {**error.details, "fields": error.fields} if error.fields else error.details
        told = {"code": error.code, "message": error.detail, "details": details}
        return Envelope(False, None, told, request_id, at)

    @staticmethod
    def _envelope(call: Call, data: Any) -> Envelope:
        return Envelope(True, data, None, call.request.id, call.request.process.clock())


def _translate_list(operation: Operation[Any, Any], sent: Sent) -> None:
    """``limit``, ``order`` and snake_case sorts; lists of v1 are always counted."""
    query = sent.query
    if query.get("total", "false") == "false":
        query["total"] = "true"
    if "limit" in query:
        limit = query.pop("limit")
        # Beside a cursor it is the size of a cursor's page.
        size = "first" if "after" in query else "last" if "before" in query else "perPage"
        if size in query:
            sent.faults.append(FieldError("limit", "CONFLICT", f"Give limit or {size}, not both."))
        query.setdefault(size, limit)
        sent.spelled[size] = "limit"
    if "sort" in query:
        query["sort"] = re.sub(r"_([a-z])", lambda match: match[1].upper(), query["sort"])
    if "order" in query:
        order = query.pop("order")
        if "sort" not in query:
            query["sort"] = operation.input.model_fields["sort"].default.removeprefix("-")
            sent.spelled["sort"] = "order"
        if order not in ("asc", "desc"):
            sent.faults.append(FieldError("order", "INVALID_CHOICE", "Give asc or desc."))
        elif query["sort"].startswith("-"):
            message = "Give the direction in order or in sort, not in both."
            sent.faults.append(FieldError("order", "CONFLICT", message))
        elif order == "desc":
            known = get_args(operation.input.model_fields["sort"].annotation)
            if query["sort"] in known and f"-{query['sort']}" not in known:
                message = "This sort has one direction; leave order out."
                sent.faults.append(FieldError("order", "CONFLICT", message))
            else:
                query["sort"] = f"-{query['sort']}"


def _translate_one_line(sent: Sent) -> None:
    """An order of one line, written without ``lines``."""
    written = {"productId", "quantity"} & sent.body.keys()
    if written and "lines" not in sent.body:
        sent.body["lines"] = [{name: sent.body.pop(name) for name in sorted(written)}]
        sent.spelled |= {f"lines.0.{name}": name for name in ("productId", "quantity")}


DIALECTS = {"v1": V1(), "v2": V2()}


def dialect_of(path: str) -> Dialect:
    """The dialect an address answers in; whatever is outside /api answers as v2."""
    legacy = path.startswith("/api/") and not (path == "/api/v2" or path.startswith("/api/v2/"))
    return DIALECTS["v1" if legacy else "v2"]
