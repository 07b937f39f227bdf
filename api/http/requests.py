"""Reading a request: header fields, the body as strict JSON, the request operations see."""

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from persistence.database.transactions import QueryStats
from services.access import addresses
from services.errors.common import MalformedRequest, UnsupportedMediaType
from services.numbers import integer, number
from services.operation.context import Request
from services.process import Process
from services.settings.settings import Settings
from services.uploads.declaring import LARGEST_UPLOAD

#: More than any list takes; parsing more is wasted work.
_MOST_PARAMETERS = 100
#: No input nests deeper; the parser alone would recurse until the stack ends.
_DEEPEST = 64

#: Addresses that take a file of the local store begin with it.
UPLOAD_PREFIX = "/files/uploads/"
#: The most bytes of a form beside its file.
_FORM_BYTES = 65_536

_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_OPENING = re.compile(rb"[\[{]")


class Fields:
    """The header fields of a request, by lower-case names.

    Starlette's headers search through all fields for each name, 1.4 µs each; this is one lookup.
    """

    __slots__ = ("_sent", "first")

    def __init__(self, sent: Sequence[tuple[bytes, bytes]]) -> None:
        self._sent = sent
        #: The first value of each field.
        self.first: dict[bytes, bytes] = dict(reversed(sent))

    def get(self, name: bytes) -> str | None:
        """The first value of a field, or None."""
        value = self.first.get(name)
        return None if value is None else value.decode("latin-1")

    def every(self, name: bytes) -> list[str]:
        """All values of a field."""
        if name not in self.first:
            return []
        return [value.decode("latin-1") for sent, value in self._sent if sent == name]

    def count(self, name: bytes) -> int:
        """How often a field was sent."""
        if name in self.first and len(self.first) < len(self._sent):
            return len(self.every(name))
        return int(name in self.first)

    def combined(self, name: bytes) -> str | None:
        """All values of a field, joined into one (RFC 9110, 5.3), or None."""
        return ", ".join(self.every(name)) if name in self.first else None


def fields_of(scope: Scope) -> Fields:
    """The header fields of a request; the edge has read them."""
    return scope["tandem.exchange"].fields


def new_request(scope: Scope, face: str) -> Request:
    """Make the request that operations see."""
    exchange = scope["tandem.exchange"]
    process: Process = exchange.process
    fields: Fields = exchange.fields
    request = Request(
        process=process,
        id=exchange.request_id,
        face=face,
        trace_id=exchange.trace_id,
        bearer=_bearer(fields.every(b"authorization")),
        user_agent=(fields.get(b"user-agent") or "")[:200] or None,
        address=client_address(scope, fields, process.settings),
        stats=QueryStats(request_id=exchange.request_id),
        log=exchange.log,
    )
    # The edge reads from it what is left of the budget, for the quota headers.
    exchange.request = request
    return request


def client_address(scope: Scope, fields: Fields, settings: Settings) -> addresses.Address:
    """The address that a request came from."""
    client = scope.get("client")
    forwarded = fields.every(b"x-forwarded-for")
    return addresses.client(client and client[0], forwarded, settings.trusted_proxies)


async def body_of(receive: Receive) -> bytes:
    """The whole body.

    Raises `PayloadTooLarge` and `RequestTimeout`, with which the edge refuses it, and
    `ClientDisconnect`.
    """
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def file_bytes(scope: Scope, fields: Fields) -> int | None:
    """The largest body of a request that sends a file; None for every other request."""
    method, path = scope["method"], scope["path"]
    if method == "PUT" and path.startswith(UPLOAD_PREFIX):
        return LARGEST_UPLOAD
    if method == "POST" and path.endswith("/uploads") and path.startswith("/api/"):
        if is_form(fields.get(b"content-type")):
            return LARGEST_UPLOAD + _FORM_BYTES
    return None


def is_form(content_type: str | None) -> bool:
    """Is a body of this type a form with a file in it?"""
    return (content_type or "").partition(";")[0].strip().lower() == "multipart/form-data"


def _bearer(authorizations: list[str]) -> str | None:
    if not authorizations:
        return None
    scheme, _, token = authorizations[0].partition(" ")
    # With two headers, a proxy could trust the one and Tandem the other.
    if scheme.lower() != "bearer" or len(authorizations) > 1:
        return ""
    return token.strip()


def query_pairs(query: bytes) -> list[tuple[str, str]]:
    """The names and values of a query string, in order; raises `MalformedRequest`."""
    if not query:
        return []
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except UnicodeError:
        raise MalformedRequest("The query string is not valid UTF-8.") from None
    except ValueError:
        raise MalformedRequest("The query string has too many parameters.") from None
    if b"%00" in query and any("\x00" in text for pair in pairs for text in pair):
        raise MalformedRequest("The query string holds a NUL character.")
    return pairs


def require_clean_path(scope: Scope) -> None:
    """Refuse an address that is not UTF-8 or holds a NUL character; raises `MalformedRequest`."""
    sent: bytes = scope.get("raw_path") or b""
    if b"%" not in sent:
        return
    try:
        text = unquote_to_bytes(sent).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedRequest("The address is not valid UTF-8.") from None
    if "\x00" in text:
        raise MalformedRequest("The address holds a NUL character.")


def require_json(content_type: str | None, *, patch: bool = False) -> None:
    """Refuse a body that is not JSON in UTF-8; raises `UnsupportedMediaType`.

    A ``patch`` may also call itself a JSON Merge Patch (RFC 7396), as which it is applied.
    """
    media, _, parameters = (content_type or "").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    taken = (_JSON, _MERGE_PATCH) if patch else (_JSON,)
    if media.strip().lower() not in taken:
        raise UnsupportedMediaType
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType


def parse_json(body: bytes) -> Any:
    """Parse strict JSON; a number with a point becomes a `Decimal`, read as decimal text.

    Raises `MalformedRequest` for anything ambiguous or hostile: invalid UTF-8, NaN and Infinity,
    lone surrogates, NUL, duplicate keys, deep nesting, endless exponents.
    """
    try:
        text = body.decode("utf-8")
        if len(_OPENING.findall(body)) > _DEEPEST:
            _refuse_depth(text)
        value = _decode(text)
        # Valid UTF-8 holds no lone surrogate; only an escape can bring one.
        if "\\u" in text:
            _refuse_odd_text(value)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise MalformedRequest(_reason(error)) from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("The body names a key twice.")
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


_decode = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_float=number,
    parse_int=integer,
    parse_constant=_constant,
).decode


def _reason(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"The body is not JSON: {error.msg} at character {error.pos}."
        case UnicodeDecodeError() | UnicodeEncodeError():
            return "The body is not valid UTF-8."
        case RecursionError():
            return "The body is nested too deeply."
        case ArithmeticError():
            return "The body holds a number that cannot be read."
        case _:
            return str(error)


def _refuse_depth(text: str) -> None:
    depth = 0
    # The closing quote is optional, so that text without one is scanned once, not at each quote.
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', text, re.DOTALL):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > _DEEPEST:
            raise ValueError("The body is nested too deeply.")


def _refuse_odd_text(value: Any) -> None:
    match value:
        case str():
            value.encode("utf-8")
            if "\x00" in value:
                raise ValueError("The body holds a NUL character.")
        case dict():
            for name, item in value.items():
                _refuse_odd_text(name)
                _refuse_odd_text(item)
        case list():
            for item in value:
                _refuse_odd_text(item)
