"""A call as a route gets it: read from HTTP, put into the current words, not yet judged.

What is wrong with the *form* of a request (media types, JSON, encoding) is refused here, first of
all. What is wrong with its *values* is left to the operation, which asks for token and role
before it looks at input; a face's own findings (a parameter given twice, say) travel with the
input and come out of the same `ValidationFailed` as every other bad field.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct, structs
from starlette.types import Receive, Scope

from api.http.requests import Fields, body_of, fields_of, parse_json, require_json
from services.cache.cache import Encoded
from services.errors.common import FieldError, MalformedRequest, NotAcceptable, TandemError
from services.operation.context import Request, Wanted
from services.operation.inputs import UNKNOWN_FIELD
from services.operation.paging import Page
from services.operation.patches import Patch
from services.operation.running import Operation

#: More than any list takes; parsing more is wasted work.
_MOST_PARAMETERS = 100


@dataclass(frozen=True)
class Created:
    """A thing that was made, and its address within the version."""

    thing: Struct
    location: str


@dataclass(frozen=True)
class File:
    """A file to be saved under a name; no JSON, and no dialect's envelope."""

    content: bytes
    name: str
    media: str


#: What a handler gives: a resource, written already or not, a page of them, a new one, a file, or
#: nothing (a deletion).
Answer = Struct | Encoded | Page[Any] | Created | File | None


@dataclass
class Sent:
    """What the client sent: query, body, and what a face finds wrong with them.

    ``spelled`` has a field's current path and the name the client used for it, where they differ.
    """

    pairs: list[tuple[str, str]] = field(default_factory=list)
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    faults: list[FieldError] = field(default_factory=list)
    spelled: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One call of a route.

    ``input`` has raw values by their wire names; ``path`` the parameters of the address that are
    no input of the operation; ``fields`` the names to trim the answer to, or None; ``link`` the
    token of a signed link to a file, or None.
    """

    scope: Scope
    request: Request
    sent: Sent
    input: dict[str, Any]
    path: dict[str, str]
    key: str | None
    if_match: str | None
    fields: frozenset[str] | None
    link: str | None = None
    #: What is looked at of each thing of a list, where that is told apart from the whole of it.
    wanted: Wanted | None = None


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Declared:
    """A route as it is declared: where an operation lives and who shapes its answer."""

    operation_id: str
    method: str
    path: str
    operation: Operation[Any, Any]
    status: int
    handler: Handler
    #: The media type where the answer is a file: it is also had by a signed link.
    file: str | None = None

    @cached_property
    def path_names(self) -> tuple[str, ...]:
        """The parameters of the address."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @cached_property
    def input_names(self) -> frozenset[str]:
        """Wire names of the operation's input."""
        fields = self.operation.input.model_fields
        return frozenset(item.alias or name for name, item in fields.items())

    @cached_property
    def attributes(self) -> dict[str, str]:
        """The attributes of the operation's result by their wire names."""
        return {item.encode_name: item.name for item in structs.fields(self.operation.result)}

    def wanted(self, fields: frozenset[str]) -> Wanted | None:
        """What an answer trimmed to these fields needs of each thing of a list."""
        if not self.operation.paged or not fields <= self.attributes.keys():
            return None
        return Wanted(frozenset(self.attributes[name] for name in fields))

    @cached_property
    def body_required(self) -> bool:
        """Must there be a body? Not where all that it could say is optional, and may be."""
        if issubclass(self.operation.input, Patch):
            return True
        fields = self.operation.input.model_fields.items()
        return any(
            item.is_required() and (item.alias or name) not in self.path_names
            for name, item in fields
        )


DECLARED: list[Declared] = []


def route(
    operation_id: str,
    method: str,
    path: str,
    operation: Operation[Any, Any],
    *,
    status: int = 200,
    file: str | None = None,
) -> Callable[[Handler], Handler]:
    """Declare the handler below as the route of an operation, in every version."""

    def declare(handler: Handler) -> Handler:
        DECLARED.append(Declared(operation_id, method, path, operation, status, handler, file))
        return handler

    return declare


async def nested(call: Call, operation: Operation[Any, Any], parent: str) -> Any:
    """What a nested read finds under the one parent that the address names."""
    found = (await operation.of(call.request, [parent], call.input))[parent]
    if isinstance(found, TandemError):
        raise found
    return found


async def read(
    scope: Scope,
    receive: Receive,
    request: Request,
    declared: Declared,
    translate: Callable[[Operation[Any, Any], Sent], None],
    answer_names: Sequence[str],
) -> Call:
    """The call that a request makes.

    ``translate`` puts older spellings into current ones. Raises `NotAcceptable`,
    `MalformedRequest` and `UnsupportedMediaType`.
    """
    headers = fields_of(scope)
    if not _accepts(",".join(headers.every(b"accept")), declared.file or "application/json"):
        raise NotAcceptable
    sent = Sent(pairs=_pairs(scope["query_string"]))
    fields = link = None
    if declared.method == "GET":
        _read_query(sent)
        if declared.file is not None:
            link = sent.query.pop("token", None)
        elif "fields" in sent.query:
            fields = _trim_names(sent, answer_names)
    else:
        for name in dict.fromkeys(name for name, _ in sent.pairs):
            sent.faults.append(FieldError(name, *UNKNOWN_FIELD))
        sent.body = await _body(headers, receive, declared.body_required)
    translate(declared.operation, sent)
    input = {**sent.query, **sent.body}
    path: dict[str, str] = scope["path_params"]
    for name in declared.path_names:
        if name in input:
            sent.faults.append(FieldError(name, *UNKNOWN_FIELD))
            del input[name]
        if name in declared.input_names:
            input[name] = path[name]
    request.faults.extend(sent.faults)
    wanted = None
    if fields is not None and request.process.settings.fast_paths:
        wanted = declared.wanted(fields)
    return Call(
        scope=scope,
        request=request,
        sent=sent,
        input=input,
        path=path,
        key=headers.combined(b"idempotency-key"),
        if_match=headers.combined(b"if-match"),
        fields=fields,
        link=link,
        wanted=wanted,
    )


def named_as_sent(error: TandemError, sent: Sent) -> None:
    """Name the bad fields as the client wrote them."""
    error.fields = tuple(
        FieldError(sent.spelled.get(item.field, item.field), item.code, item.message)
        for item in error.fields
    )


def _pairs(query: bytes) -> list[tuple[str, str]]:
    if not query:
        return []
    try:
        return parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except UnicodeError:
        raise MalformedRequest("The query string is not valid UTF-8.") from None
    except ValueError:
        raise MalformedRequest("The query string has too many parameters.") from None


def _read_query(sent: Sent) -> None:
    for name, value in sent.pairs:
        if name in sent.query:
            sent.faults.append(FieldError(name, "REPEATED", "Give this parameter once."))
        sent.query[name] = value


def _trim_names(sent: Sent, known: Sequence[str]) -> frozenset[str]:
    names = frozenset(sent.query.pop("fields").split(","))
    if not names <= set(known):
        message = f"Name some of {', '.join(known)}, separated by commas."
        sent.faults.append(FieldError("fields", "INVALID_CHOICE", message))
    return names


async def _body(headers: Fields, receive: Receive, required: bool) -> dict[str, Any]:
    raw = await body_of(receive)
    if not raw:
        if required:
            raise MalformedRequest("A JSON object is expected as the body.")
        return {}
    require_json(headers.get(b"content-type"))
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


@lru_cache(maxsize=256)
def _accepts(accept: str, media: str) -> bool:
    """May the answer be in this media type, whatever an error would be in?"""
    if not accept.strip():
        return True
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        named, *parameters = (piece.strip() for piece in part.split(";"))
        weights[named] = _weight(parameters)
    if weights.get("application/problem+json"):
        return True
    ranges = (media, "application/*", "*/*")
    return next((weights[known] > 0 for known in ranges if known in weights), False)


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
