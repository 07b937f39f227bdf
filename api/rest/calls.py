"""The types of a REST handler: the call it takes and the answers it may return."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct
from starlette.types import Scope

from services.cache.cache import Encoded
from services.errors.base import FieldError, TandemError
from services.events.streams import EventStream
from services.exports.opening import open_file, open_linked
from services.exports.streaming import RowStream
from services.files.spooling import SpooledFile
from services.operation.context import Request, Wanted
from services.operation.operation import Operation
from services.operation.paging import Page


@dataclass(frozen=True)
class Created:
    """A thing that was made, and its address within the version."""

    thing: Struct
    location: str


@dataclass(frozen=True)
class File:
    """A file that the caller saves under a name; no dialect wraps it."""

    content: bytes
    name: str


#: The result of a handler: a resource (encoded already or not), a page of resources, a new
#: resource, a file, the stream of one, a stream of events, or None after a deletion.
Answer = Struct | Encoded | Page[Any] | Created | File | RowStream | EventStream | None


@dataclass
class Sent:
    """The query and body that the client sent, and the faults that the face found in them.

    ``spelled`` maps a field's current path to the name the client used, where the two differ.
    """

    pairs: list[tuple[str, str]] = field(default_factory=list)
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    faults: list[FieldError] = field(default_factory=list)
    spelled: dict[str, str] = field(default_factory=dict)
    #: The file of a form, which the handler deletes or moves.
    file: SpooledFile | None = None


@dataclass(frozen=True)
class Call:
    """One call of a route.

    ``input`` holds raw values by their wire names. ``path`` holds every parameter of the address.
    ``fields`` are the names to trim the answer to, or None. ``link`` is the token of a signed
    link to a file, or None.
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
    #: The fields that a list must read of each item; None reads all of them.
    wanted: Wanted | None = None
    #: The media type that a success is answered with.
    media: str = "application/json"


Handler = Callable[[Call], Awaitable[Answer]]


async def exported(call: Call, operation: Operation[Any, Any]) -> RowStream:
    """The file of an operation, for its caller or for somebody with its signed link."""
    if call.link is not None:
        return await open_linked(call.request, operation, call.input, call.link)
    await operation(call.request, call.input)
    return await open_file(call.request, operation, call.input)


async def nested(call: Call, operation: Operation[Any, Any], parent: str) -> Any:
    """The result of a nested read for the one parent that the address names."""
    found = (await operation.of(call.request, [parent], call.input))[parent]
    if isinstance(found, TandemError):
        raise found
    return found
