"""The one way from a REST call to its answer: read, run the handler, write."""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from fastapi import Request as HttpRequest
from fastapi.routing import APIRoute
from msgspec.json import encode
from starlette.types import Receive, Scope

from api.http.requests import fields_of, new_request
from api.http.responses import Reply, StreamReply, timing
from api.rest.calls import Call, Created, File, Handler
from api.rest.dialect import Dialect
from api.rest.reading import Expected, named_as_sent, read
from api.rest.versions import DIALECTS, dialect_of
from api.streams.sse import MEDIA, SseReply
from services.access.permissions import PUBLIC
from services.auth.signing_in import Tokens
from services.cache.cache import Encoded, encoded
from services.catalogue import BY_NAME
from services.errors.base import TandemError
from services.etags import entity_tag, names_tag
from services.events.envelope import Frame
from services.events.streams import EventStream
from services.exports.formats import MEDIA_TYPES
from services.exports.streaming import RowStream
from services.operation.context import Request
from services.operation.operation import Operation
from services.operation.paging import Page

AnyReply = Reply | SseReply | StreamReply


async def _inspected() -> None:
    """FastAPI inspects this in place of a handler: its own parsing of parameters is not used."""


class OperationRoute(APIRoute):
    """The route of one operation; its ``name`` is the operation's.

    FastAPI finds the route. Its work for each request (dependencies, response models, exit
    stacks) is left out. One route serves every mount and every application of a process, so it
    takes process and dialect from the scope.
    """

    def __init__(self, path: str, endpoint: Handler, **options: Any) -> None:
        # FastAPI would make a response model of the handler's return type.
        super().__init__(path, _inspected, **{**options, "response_model": None})
        self.handler = endpoint
        self.operation: Operation[Any, Any] = BY_NAME[self.name]
        [self.method] = options["methods"]
        #: The media types of the file, where the answer is one.
        self.files = _media_types(self.operation, self.response_class)
        self.status: int = self.status_code or 200
        self.expected = Expected(
            self.operation,
            self.method,
            tuple(self.param_convertors),
            self.files,
            MEDIA if self.operation.streams else None,
        )
        self._answer_names = {
            dialect.name: dialect.names(self.operation) for dialect in DIALECTS.values()
        }
        self._headers = {
            dialect.name: {
                result: _standing_headers(self.operation, dialect, result)
                for result in self.operation.results
            }
            for dialect in DIALECTS.values()
        }

    def get_route_handler(self) -> Callable[[HttpRequest], Coroutine[Any, Any, Any]]:
        """The handler that FastAPI calls."""

        async def handle(request: HttpRequest) -> AnyReply:
            return await self.answer(request.scope, request.receive)

        return handle

    async def answer(self, scope: Scope, receive: Receive, *, projected: bool = False) -> AnyReply:
        """The answer to a request, in the dialect of its address.

        With ``projected``, a list reads only the fields that its answer is trimmed to.
        """
        dialect = dialect_of(scope["path"])
        request = new_request(scope, dialect.name)
        call = None
        try:
            names = self._answer_names[dialect.name]
            call = await read(
                scope, receive, request, self.expected, dialect, names, projected=projected
            )
            reply: AnyReply = self._success(dialect, call, await self.handler(call))
        except TandemError as error:
            if call is not None:
                named_as_sent(error, call.sent)
            reply = self._failure(dialect, scope, request, error)
        if request.replayed:
            reply.headers["Idempotent-Replayed"] = "true"
        if request.process.settings.development:
            reply.headers["Server-Timing"] = timing(request)
        return reply

    def _success(self, dialect: Dialect, call: Call, answer: Any) -> AnyReply:
        thing: Any = answer.thing if isinstance(answer, Created) else answer
        by_result = self._headers[dialect.name]
        headers = dict(by_result.get(type(thing)) or next(iter(by_result.values())))
        if self.operation.who is PUBLIC and call.request.caller is not None:
            headers["Cache-Control"] = "private, no-cache"
        headers["X-Cache"] = call.request.x_cache
        if answer is None:
            return dialect.deletion(call, headers)
        if isinstance(answer, EventStream):
            headers["Cache-Control"] = "no-store"
            return SseReply(headers, answer, _written, partial(_ended, call))
        if isinstance(answer, File):
            headers["Content-Disposition"] = f'attachment; filename="{answer.name}"'
            return Reply(200, headers, answer.content, call.media)
        if isinstance(answer, RowStream):
            headers["Content-Disposition"] = f'attachment; filename="{answer.filename}"'
            headers["X-Row-Count"] = str(answer.rows)
            return StreamReply(headers, answer.pieces, answer.media)
        if isinstance(answer, Page):
            body, link = dialect.page(call, answer)
            if link is not None:
                headers["Link"] = link
            return Reply(200, headers, body)
        if isinstance(answer, Created):
            headers["Location"] = dialect.prefix + answer.location
        return self._resource(dialect, call, thing, headers)

    def _resource(self, dialect: Dialect, call: Call, thing: Any, headers: dict[str, str]) -> Reply:
        """The answer with one resource, or 304 where the caller has it already."""
        thing, tag = _tagged(dialect, call, thing)
        if tag:
            headers["ETag"] = f'"{tag}"'
            known = fields_of(call.scope).get(b"if-none-match")
            if known is not None and self.method == "GET" and names_tag(known, tag):
                return Reply(304, headers)
        return Reply(self.status, headers, dialect.resource(call, thing))

    def _failure(
        self, dialect: Dialect, scope: Scope, request: Request, error: TandemError
    ) -> Reply:
        request.told(error)
        deprecation = self.operation.deprecated
        return dialect.error(
            error,
            request.id,
            scope["path"],
            request.process.settings.public_url,
            at=request.process.clock(),
            token_sent=request.bearer is not None,
            headers=deprecation.headers if deprecation else None,
        )


def _media_types(operation: Operation[Any, Any], response: Any) -> tuple[str, ...]:
    """The media types of an operation's file; none where it answers with JSON."""
    if operation.file is not None:
        return tuple(media.partition(";")[0] for media in MEDIA_TYPES.values())
    media: str | None = getattr(response, "media_type", None)
    return () if media is None else (media,)


async def _written(frames: Sequence[Frame]) -> bytes:
    """Events of a stream, each with the cursor that the client sends to go on after it."""
    return b"".join(
        b"id: %b\ndata: %b\n\n" % (frame.event.cursor.encode(), frame.json) for frame in frames
    )


def _ended(call: Call, error: TandemError) -> bytes:
    """The last event of a stream: its error, as v2 writes errors. It has no id."""
    request = call.request
    body = DIALECTS["v2"].error_body(
        error,
        request.id,
        call.scope["path"],
        request.process.settings.public_url,
        request.process.clock(),
    )
    return b"event: error\ndata: %b\n\n" % encode(body)


def _tagged(dialect: Dialect, call: Call, thing: Any) -> tuple[Any, str]:
    """The value to write and its entity tag; the tag is "" where the thing has none."""
    if isinstance(thing, Encoded):
        return thing, thing.tag
    if not hasattr(thing, "version"):
        return thing, ""
    if call.fields is not None or type(thing) in dialect.shapes:
        return thing, entity_tag(thing)
    once = encoded(thing)  # Tag and body need the same bytes.
    return once, once.tag


def _standing_headers(
    operation: Operation[Any, Any], dialect: Dialect, result: type
) -> dict[str, str]:
    """The headers that every success with this result carries."""
    headers = {"Cache-Control": "private, no-cache"}
    if operation.writes or result is Tokens:
        headers["Cache-Control"] = "no-store"
    elif operation.who is PUBLIC:
        headers = {"Cache-Control": "no-cache", "Vary": "Authorization"}
    deprecation = dialect.deprecation(operation, result)
    return headers | deprecation.headers if deprecation else headers
