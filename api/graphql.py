"""GraphQL over HTTP: one address, by the GraphQL-over-HTTP specification."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope

from api.http.requests import (
    Fields,
    body_of,
    fields_of,
    new_request,
    parse_json,
    query_pairs,
    require_json,
)
from api.http.responses import Reply, timing
from api.pages.graphiql import graphiql_page
from api.pages.serving import HTML
from api.streams.sse import MEDIA as SSE
from api.streams.sse import SseReply
from schema.executing.documents import Documents
from schema.executing.execute import SHA256, Answer, GraphQLRequest, answer, refused
from schema.executing.subscribing import Subscription, subscribe_or_answer
from services.errors.base import FieldError, TandemError
from services.errors.common import MalformedRequest, NotAcceptable, ValidationFailed
from services.events.envelope import Frame
from services.operation.context import Request
from services.settings.types import Environment

_MODERN = "application/graphql-response+json"
_LEGACY = "application/json"
#: These statuses are the answer's status under both media types. Under the legacy media type,
#: every other refusal of a well-formed request has status 200.
_ALWAYS = {401, 405, 406, 415, 429, 500, 503, 504}

_HEX = re.compile("[0-9a-fA-F]{64}")
_encode = msgspec.json.Encoder().encode


class GraphQLRoute(Route):
    """The one GraphQL route; ``documents`` decides how documents are executed."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        super().__init__("/graphql", self._serve, methods=["GET", "POST"])

    async def _serve(self, http: HttpRequest) -> Any:
        return await self.answer(http.scope, http.receive)

    async def answer(self, scope: Scope, receive: Receive) -> ASGIApp:
        """The answer to a GraphQL request, or GraphiQL for a browser."""
        fields = fields_of(scope)
        accept = fields.get(b"accept") or ""
        got = scope["method"] == "GET"
        request = new_request(scope, "graphql")
        media, well_formed = _LEGACY, False
        try:
            given = query_pairs(scope["query_string"]) if got else None
            if given is not None and not {"query", "extensions"} & dict(given).keys():
                if "text/html" in accept and request.process.settings.graphiql is not False:
                    return _graphiql(request)
            media = _media_type(accept)
            asked = await _asked(fields, receive, given)
            well_formed = True
            if SSE in _ranges(accept):
                asked = replace(asked, answers=media != SSE, streams=True)
                found = await subscribe_or_answer(self._documents, request, asked)
            else:
                found = await answer(self._documents, request, asked)
            if isinstance(found, Subscription):
                return _stream(found)
            reply = found
        except TandemError as error:
            reply = refused(request, error)
        return _respond(request, got, reply, media, well_formed)


def _graphiql(request: Request) -> Reply:
    page = graphiql_page(demo=request.process.settings.environment is Environment.DEVELOPMENT)
    return Reply(200, {"Vary": "Accept"}, page, HTML)


def _media_type(accept: str) -> str:
    """The media type of the answer: the legacy type unless the caller accepts the modern one.

    It is the type of streams where the caller accepts nothing else.
    """
    ranges = _ranges(accept)
    if _MODERN in ranges:
        return _MODERN
    if not ranges or any(one in (_LEGACY, "application/*", "*/*") for one in ranges):
        return _LEGACY
    if SSE in ranges:
        return SSE
    raise NotAcceptable


def _ranges(accept: str) -> list[str]:
    return [part.split(";")[0].strip().lower() for part in accept.split(",") if part.strip()]


async def _asked(
    headers: Fields, receive: Receive, parameters: Sequence[tuple[str, str]] | None
) -> GraphQLRequest:
    """Read the query from the parameters of a GET, else from the body."""
    given: Any
    if parameters is None:
        require_json(headers.get(b"content-type"))
        given = parse_json(await body_of(receive))
    else:
        given = _query_string(parameters)
    if not isinstance(given, dict):
        raise MalformedRequest("The body must be a JSON object with a query.")
    fields = [
        FieldError(name, *_WRONG[name])
        for name, kind in _PARAMETERS.items()
        if not isinstance(given.get(name), kind)
    ]
    persisted = None if fields else (given.get("extensions") or {}).get("persistedQuery")
    if persisted is not None:
        fields += _persisted_faults(persisted)
    elif given.get("query") is None:
        fields.insert(0, FieldError("query", "REQUIRED", "Give a GraphQL document as text."))
    if fields:
        raise ValidationFailed(fields=fields)
    return GraphQLRequest(
        query=given.get("query") or "",
        variables=given.get("variables") or {},
        operation_name=given.get("operationName") or None,
        read_only=parameters is not None,
        idempotency_key=headers.combined(b"idempotency-key"),
        sha256=None if persisted is None else persisted["sha256Hash"].lower(),
    )


def _persisted_faults(persisted: Any) -> list[FieldError]:
    """What is wrong with the name of a persisted query, `{version: 1, sha256Hash}`."""
    if not isinstance(persisted, dict):
        return [FieldError("extensions.persistedQuery", "INVALID_TYPE", "Give an object.")]
    fields: list[FieldError] = []
    if type(persisted.get("version")) is not int or persisted["version"] != 1:
        fields.append(FieldError("extensions.persistedQuery.version", "INVALID_CHOICE", "Give 1."))
    sha = persisted.get("sha256Hash")
    if not isinstance(sha, str) or not _HEX.fullmatch(sha):
        fields.append(FieldError(SHA256, "INVALID_FORMAT", "Give 64 hex digits."))
    return fields


_PARAMETERS: dict[str, Any] = {
    "query": str | None,
    "variables": dict | None,
    "operationName": str | None,
    "extensions": dict | None,
}
_WRONG = {
    "query": ("INVALID_TYPE", "Give a GraphQL document as text."),
    "variables": ("INVALID_TYPE", "Give an object."),
    "operationName": ("INVALID_TYPE", "Give text."),
    "extensions": ("INVALID_TYPE", "Give an object."),
}


def _query_string(parameters: Sequence[tuple[str, str]]) -> dict[str, Any]:
    given: dict[str, Any] = dict(parameters)
    # With two documents, a proxy could check the one and Tandem run the other.
    if len(given) < len(parameters):
        raise MalformedRequest("The query string names a parameter twice.")
    for name in ("variables", "extensions"):
        if given.get(name):
            given[name] = parse_json(given[name].encode())
    return given


def _stream(subscription: Subscription) -> SseReply:
    """The answer of the protocol graphql-sse, in its mode of distinct connections."""

    async def write(frames: Sequence[Frame]) -> bytes:
        return b"".join(
            [b"event: next\ndata: %b\n\n" % await subscription.written(one) for one in frames]
        )

    def write_end(error: TandemError) -> bytes:
        errors = _encode({"errors": subscription.ended(error)})
        return b"event: next\ndata: %b\n\nevent: complete\ndata:\n\n" % errors

    headers = {
        "Vary": "Accept, Authorization",
        "Cache-Control": "no-store",
        "X-Cache": subscription.request.x_cache,
    }
    return SseReply(headers, subscription.stream, write, write_end)


def _respond(request: Request, got: bool, reply: Answer, media: str, well_formed: bool) -> Reply:
    error = reply.refused_by
    status = 200
    modern = media in (_MODERN, SSE)
    if error is not None and (modern or not well_formed or error.status in _ALWAYS):
        status = error.status
    headers = {"Vary": "Accept, Authorization", "X-Cache": request.x_cache}
    headers["Cache-Control"] = "private, no-cache" if got else "no-store"
    if request.replayed:
        headers["Idempotent-Replayed"] = "true"
    if status == 401:
        sent = request.bearer is not None
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if sent else "Bearer"
    if status == 405:
        headers["Allow"] = "POST, OPTIONS"
    if reply.retry_after is not None:
        headers["Retry-After"] = str(reply.retry_after)
    if request.process.settings.development:
        headers["Server-Timing"] = timing(request)
    media = _MODERN if media == SSE else media
    return Reply(status, headers, _encode(reply.body), f"{media}; charset=utf-8")
