"""Reading a call from HTTP: form is judged here, values are left to the operation.

A bad *form* (media type, JSON, encoding) is refused here, before anything else. Bad *values* are
left to the operation, which checks token and role before it looks at input. This face finds some
faults of values itself, such as a parameter given twice. They travel with the input, and the
operation reports them in the same `ValidationFailed`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from msgspec import structs
from starlette.types import Receive, Scope

from api.http.requests import (
    Fields,
    body_of,
    fields_of,
    is_form,
    parse_json,
    query_pairs,
    require_clean_path,
    require_json,
)
from api.rest.calls import Call, Sent
from api.rest.dialect import Dialect
from api.rest.forms import read_form
from services.errors.base import FieldError, TandemError
from services.errors.common import MalformedRequest, NotAcceptable
from services.operation.context import Request, Wanted
from services.operation.inputs import UNKNOWN_FIELD
from services.operation.operation import Operation
from services.operation.patches import Patch

BYTES = "application/octet-stream"
_JSON = "application/json"


@dataclass(frozen=True)
class Expected:
    """The form that a route expects of its calls."""

    operation: Operation[Any, Any]
    method: str
    path_names: tuple[str, ...]
    #: The media types of a file, which a signed link may fetch as well; none for an answer in JSON.
    files: tuple[str, ...]
    #: The media type of a stream; None for other answers.
    stream: str | None = None

    @cached_property
    def input_names(self) -> frozenset[str]:
        """Wire names of the operation's input."""
        fields = self.operation.input.model_fields
        return frozenset(item.alias or name for name, item in fields.items())

    @cached_property
    def body_required(self) -> bool:
        """Must there be a body? Yes for a patch, and where some value is required."""
        if issubclass(self.operation.input, Patch):
            return True
        fields = self.operation.input.model_fields.items()
        return any(
            item.is_required() and (item.alias or name) not in self.path_names
            for name, item in fields
        )

    def wanted(self, fields: frozenset[str]) -> Wanted | None:
        """The fields a list must read when it is trimmed to these wire names; None reads all."""
        if not self.operation.paged or not fields <= self._attributes.keys():
            return None
        return Wanted(frozenset(self._attributes[name] for name in fields))

    @cached_property
    def _attributes(self) -> dict[str, str]:
        """The attributes of the operation's result by their wire names."""
        return {item.encode_name: item.name for item in structs.fields(self.operation.result)}


async def read(
    scope: Scope,
    receive: Receive,
    request: Request,
    expected: Expected,
    dialect: Dialect,
    answer_names: Sequence[str],
    *,
    projected: bool,
) -> Call:
    """Read the call that a request makes.

    ``answer_names`` are the names that ``fields`` may ask for. With ``projected``, a list reads
    only the fields that its answer is trimmed to. Raises `NotAcceptable`,
    `MalformedRequest` and `UnsupportedMediaType`.
    """
    headers = fields_of(scope)
    accept = ",".join(headers.every(b"accept"))
    media = _accepted(accept, expected.files, expected.stream)
    if media is None:
        raise _not_acceptable(expected)
    require_clean_path(scope)
    sent = Sent(pairs=query_pairs(scope["query_string"]))
    fields = link = wanted = None
    if expected.method == "GET":
        _read_query(sent)
        if expected.files:
            link = sent.query.pop("token", None)
        elif "fields" in sent.query and expected.stream is None:
            fields = _trim_names(sent, answer_names)
            wanted = expected.wanted(fields) if projected else None
    else:
        for name in dict.fromkeys(name for name, _ in sent.pairs):
            sent.faults.append(FieldError(name, *UNKNOWN_FIELD))
        content_type = headers.get(b"content-type")
        if expected.operation.takes_file and is_form(content_type):
            await read_form(content_type or "", receive, request.process.files.incoming, sent)
        else:
            sent.body = await _body(headers, receive, expected)
        request.if_none_match = headers.combined(b"if-none-match")
    dialect.translate(expected.operation, sent)
    path: dict[str, str] = scope["path_params"]
    input = _input(expected, sent, path)
    request.faults.extend(sent.faults)
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
        media=media,
    )


def named_as_sent(error: TandemError, sent: Sent) -> None:
    """Name the bad fields as the client wrote them."""
    error.fields = tuple(
        FieldError(sent.spelled.get(item.field, item.field), item.code, item.message)
        for item in error.fields
    )


def _input(expected: Expected, sent: Sent, path: dict[str, str]) -> dict[str, Any]:
    """The operation's raw input; the address alone gives the values that it names."""
    input = {**sent.query, **sent.body}
    for name in expected.path_names:
        if name in input:
            sent.faults.append(FieldError(name, *UNKNOWN_FIELD))
            del input[name]
        if name in expected.input_names:
            input[name] = path[name]
    return input


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


async def _body(headers: Fields, receive: Receive, expected: Expected) -> dict[str, Any]:
    raw = await body_of(receive)
    if not raw:
        if expected.body_required:
            raise MalformedRequest("A JSON object is expected as the body.")
        return {}
    require_json(headers.get(b"content-type"), patch=expected.method == "PATCH")
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


@lru_cache(maxsize=256)
def _accepted(accept: str, files: tuple[str, ...], stream: str | None) -> str | None:
    """The media type of the answer; None where the caller takes none of those that there are.

    It is JSON, or that of a file or a stream. A file is also answered as bytes of any kind:
    generated clients know no other media types.
    """
    offered = (*files, BYTES) if files else (stream or _JSON,)
    return next((media for media in offered if _accepts(accept, media)), None)


def _not_acceptable(expected: Expected) -> NotAcceptable:
    """The refusal, which names the media types of a file or a stream; all else is JSON."""
    offered = expected.files or ((expected.stream,) if expected.stream else ())
    if not offered:
        return NotAcceptable()
    return NotAcceptable(
        f"This address answers with {' or '.join(offered)}: send that in `Accept`."
    )


def _accepts(accept: str, media: str) -> bool:
    """Does the caller accept this media type? Accepting problem+json counts too."""
    if not accept.strip():
        return True
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        named, *parameters = (piece.strip() for piece in part.split(";"))
        weights[named] = _weight(parameters)
    if weights.get("application/problem+json"):
        return True
    ranges = (media, f"{media.partition('/')[0]}/*", "*/*")
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
