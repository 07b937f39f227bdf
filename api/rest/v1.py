"""v1, the legacy dialect: one envelope around every answer, flat users, and older spellings.

Addresses without a version (``/api/...``) answer as v1 too.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Struct, structs

from api.http.responses import Reply
from api.rest.calls import Call, Sent
from api.rest.dialect import CODE, REQUEST_ID, Cursor, Dialect
from services.auth.signing_in import Tokens
from services.errors.base import FieldError, TandemError
from services.operation.context import Request
from services.operation.declaration import Deprecation
from services.operation.inputs import UNKNOWN_FIELD
from services.operation.operation import Operation
from services.operation.paging import Page
from services.users.reading import User

#: v1 writes users flat; v2 keeps the nested profile.
FLAT_USERS = Deprecation(
    since=date(2026, 11, 1),
    sunset=date(2027, 11, 1),
    instead="Use /api/v2, where users carry a nested profile.",
)
PROFILE: type[Struct] = get_type_hints(User)["profile"]

_encode = msgspec.json.Encoder().encode

_Null = Annotated[None, msgspec.Meta(description="Always null.")]
_True = Annotated[Any, msgspec.Meta(description="Always true.", extra_json_schema={"const": True})]
_False = Annotated[
    Any, msgspec.Meta(description="Always false.", extra_json_schema={"const": False})
]


class Success(Struct, rename="camel"):
    """A success."""

    success: _True
    data: Annotated[Any, msgspec.Meta(description="The answer.")]
    error: _Null
    request_id: Annotated[str, msgspec.Meta(description=REQUEST_ID)]
    timestamp: Annotated[datetime, msgspec.Meta(description="When it was answered.")]


class Meta(Struct, rename="camel"):
    """Where a page lies in its list."""

    page: Annotated[
        int | None, msgspec.Meta(description="Number of the page; null when a cursor led to it.")
    ]
    per_page: Annotated[int, msgspec.Meta(description="Items of a full page.")]
    total: Annotated[int, msgspec.Meta(description="Items of the whole list.")]
    total_pages: Annotated[int, msgspec.Meta(description="Pages of the whole list.")]
    has_next_page: Annotated[bool, msgspec.Meta(description="Is there more after this page?")]
    has_prev_page: Annotated[bool, msgspec.Meta(description="Is there more before this page?")]
    next_cursor: Annotated[Cursor, msgspec.Meta(description="Continue after it; null at the end.")]
    prev_cursor: Annotated[
        Cursor, msgspec.Meta(description="Go back before it; null at the start.")
    ]


class PageSuccess(Success):
    """A success."""

    data: Annotated[Sequence[Any], msgspec.Meta(description="The items.")]
    meta: Annotated[Meta, msgspec.Meta(description="Where the page lies in its list.")]


class Deletion(Success):
    """A deletion."""

    data: _Null


class Error(Struct, rename="camel"):
    """What went wrong."""

    code: Annotated[str, msgspec.Meta(description=CODE)]
    message: Annotated[str, msgspec.Meta(description="What happened.")]
    #: Bad fields are among them, under ``fields``.
    details: Annotated[dict[str, Any], msgspec.Meta(description="What else is known, by the code.")]


class Failure(Struct, rename="camel"):
    """An error."""

    success: _False
    data: _Null
    error: Annotated[Error, msgspec.Meta(description="What went wrong.")]
    request_id: Annotated[str, msgspec.Meta(description=REQUEST_ID)]
    timestamp: Annotated[datetime, msgspec.Meta(description="When it was answered.")]


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
    """The legacy dialect."""

    name = "v1"
    prefix = "/api/v1"
    older_methods = {"PATCH": "PUT"}
    shapes = {User: (FlatUser, _flat_user), Tokens: (FlatTokens, _flat_tokens)}
    deprecated_shapes = FLAT_USERS

    def translate(self, operation: Operation[Any, Any], sent: Sent) -> None:
        if operation.paged:
            _translate_list(operation, sent)
        elif operation.name in ("orders.create", "orders.quote"):
            _translate_one_line(sent)

    def resource(self, call: Call, value: Any) -> bytes:
        return _encode(succeeded(self.written(value, call.fields), call.request))

    def page(self, call: Call, page: Page[Any]) -> tuple[bytes, str | None]:
        total = page.total or 0
        pages = -(-total // page.size)
        meta = Meta(
            page=page.number,
            per_page=page.size,
            total=total,
            total_pages=pages if page.cursor else min(pages, 1),  # a list may have one page alone
            has_next_page=page.has_next,
            has_prev_page=page.has_previous,
            next_cursor=page.end_cursor if page.has_next else None,
            prev_cursor=page.start_cursor if page.has_previous else None,
        )
        items = [self.written(item, call.fields) for item in page.items]
        written = PageSuccess(True, items, None, call.request.id, _now(call), meta)
        return _encode(written), None

    def deletion(self, call: Call, headers: dict[str, str]) -> Reply:
        return Reply(200, headers, _encode(Deletion(True, None, None, call.request.id, _now(call))))

    def error_body(
        self, error: TandemError, request_id: str, path: str, public_url: str, at: datetime
    ) -> Any:
        details = {**error.details, "fields": error.fields} if error.fields else error.details
        written = Error(error.code, _message(error), details)
        return Failure(False, None, written, request_id, at)


def _message(error: TandemError) -> str:
    """What happened; older clients show this alone, so it names the fields that are unknown."""
    unknown = [
        f"{item.field}: {item.message}" for item in error.fields if item.code == UNKNOWN_FIELD[0]
    ]
    return " ".join([error.detail, *unknown[:_MOST_NAMED]])


#: Unknown fields that a message names; all are among the details.
_MOST_NAMED = 5


def succeeded(data: Any, request: Request) -> Success:
    """A success with some data."""
    return Success(True, data, None, request.id, request.process.clock())


def _now(call: Call) -> datetime:
    return call.request.process.clock()


def _translate_list(operation: Operation[Any, Any], sent: Sent) -> None:
    """Translate ``limit``, ``per_page``, ``order`` and snake_case sorts; v1 always counts."""
    query = sent.query
    if query.get("total", "false") == "false":
        query["total"] = "true"
    for older in ("limit", "per_page"):
        if older in query:
            _translate_size(operation, older, sent)
    if "sort" in query:
        query["sort"] = re.sub(r"_([a-z])", lambda match: match[1].upper(), query["sort"])
    if "order" in query:
        order = query.pop("order")
        if "sort" not in query:
            default = operation.input.model_fields["sort"].default or "createdAt"
            query["sort"] = default.removeprefix("-")
            sent.spelled["sort"] = "order"
        if order not in ("asc", "desc"):
            sent.faults.append(FieldError("order", "INVALID_CHOICE", "Give asc or desc."))
        elif query["sort"].startswith("-"):
            message = "Give the direction in order or in sort, not in both."
            sent.faults.append(FieldError("order", "CONFLICT", message))
        elif order == "desc":
            known = _sorts(operation.input.model_fields["sort"].annotation)
            if query["sort"] in known and f"-{query['sort']}" not in known:
                message = "This sort has one direction; leave order out."
                sent.faults.append(FieldError("order", "CONFLICT", message))
            else:
                query["sort"] = f"-{query['sort']}"


def _sorts(annotation: Any) -> set[str]:
    """The sorts that a list knows, whether or not one must be given."""
    return {sort for each in get_args(annotation) for sort in get_args(each) or (each,)}


def _translate_size(operation: Operation[Any, Any], older: str, sent: Sent) -> None:
    """Put the size of a page where it belongs, which depends on the cursor."""
    query = sent.query
    value = query.pop(older)
    # The size of a cursor's page is named after the cursor's direction.
    size = "first" if "after" in query else "last" if "before" in query else "perPage"
    if "per_page" not in operation.input.model_fields:
        size = "first"  # a list of one page
    if size in query:
        other = sent.spelled.get(size, size)
        sent.faults.append(FieldError(older, "CONFLICT", f"Give {older} or {other}, not both."))
        return
    query[size] = value
    sent.spelled[size] = older


def _translate_one_line(sent: Sent) -> None:
    """Put the one line of an order that was written without ``lines`` into ``lines``."""
    written = {"productId", "quantity"} & sent.body.keys()
    if written and "lines" not in sent.body:
        sent.body["lines"] = [{name: sent.body.pop(name) for name in sorted(written)}]
        sent.spelled |= {f"lines.0.{name}": name for name in ("productId", "quantity")}
