"""Every route of REST, in every version, and the one way a call becomes an HTTP answer."""

from typing import Any

from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from api.fast.dispatch import OwnRoute
from api.http.requests import fields_of, new_request
from api.http.responses import Reply, timing
from api.rest import (  # noqa: F401 - importing a noun declares its routes
    api_keys,
    approvals,
    audit,
    auth,
    categories,
    coupons,
    deposits,
    invoices,
    jobs,
    orders,
    payments,
    products,
    refunds,
    sessions,
    users,
    wallet,
)
from api.rest.calls import DECLARED, Call, Created, Declared, File, named_as_sent, read
from api.rest.dialects import DIALECTS, Dialect
from services.access.permissions import PUBLIC
from services.auth.signing_in import Tokens
from services.cache.cache import Encoded, encoded
from services.errors.common import TandemError
from services.operation.context import Process, Request
from services.operation.etags import entity_tag, names_tag
from services.operation.paging import Page

#: Where every operation lives within a version: its method and path.
ADDRESSES = {route.operation.name: (route.method, route.path) for route in DECLARED}


def rest_routes(process: Process) -> list[APIRoute]:
    """All routes: /api/v2, /api/v1, and /api, which answers as v1."""
    v1, v2 = DIALECTS["v1"], DIALECTS["v2"]
    return [
        RestRoute(process, declared, dialect, prefix, method)
        for dialect, prefix in ((v2, v2.prefix), (v1, v1.prefix), (v1, "/api"))
        for declared in DECLARED
        for method in methods(declared, dialect)
    ]


def methods(declared: Declared, dialect: Dialect) -> tuple[str, ...]:
    """The methods a route answers to: v1 also takes PUT for PATCH."""
    if declared.method == "PATCH" and dialect.name == "v1":
        return "PATCH", "PUT"
    return (declared.method,)


async def _documented() -> None:
    """What FastAPI inspects in place of a handler: its own parsing is not used."""


class RestRoute(APIRoute, OwnRoute):
    """A route of one dialect that goes straight to its handler.

    FastAPI's per-request work (dependencies, response models, exit stacks) is left out; its
    routing and its OpenAPI stay.
    """

    def __init__(
        self, process: Process, declared: Declared, dialect: Dialect, prefix: str, method: str
    ) -> None:
        super().__init__(
            prefix + declared.path,
            _documented,
            methods=[method],
            name=declared.operation.name,
            operation_id=declared.operation_id,
            include_in_schema=False,
        )
        self._process = process
        self._declared = declared
        self._dialect = dialect
        self._answer_names = dialect.names(declared.operation)
        self._headers = {
            result: _standing_headers(declared, dialect, result)
            for result in declared.operation.results
        }
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = new_request(self._process, scope, self._dialect.name)
        call = None
        try:
            call = await read(
                scope,
                receive,
                request,
                self._declared,
                self._dialect.translate,
                self._answer_names,
            )
            response = self._success(call, await self._declared.handler(call))
        except TandemError as error:
            if call is not None:
                named_as_sent(error, call.sent)
            response = self._failure(scope, request, error)
        if request.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        if self._process.settings.development:
            response.headers["Server-Timing"] = timing(request)
        await response(scope, receive, send)

    def _success(self, call: Call, answer: Any) -> Reply:
        thing: Any = answer.thing if isinstance(answer, Created) else answer
        headers = dict(self._headers.get(type(thing)) or next(iter(self._headers.values())))
        if self._declared.operation.who is PUBLIC and call.request.caller is not None:
            headers["Cache-Control"] = "private, no-cache"
        headers["X-Cache"] = call.request.x_cache
        if answer is None:
            return self._dialect.deletion(call, headers)
        if isinstance(answer, File):
            headers["Content-Disposition"] = f'attachment; filename="{answer.name}"'
            return Reply(200, headers, answer.content, answer.media)
        if isinstance(answer, Page):
            body, link = self._dialect.page(call, answer)
            if link is not None:
                headers["Link"] = link
            return Reply(200, headers, body)
        if isinstance(answer, Created):
            headers["Location"] = self._dialect.prefix + answer.location
        thing, tag = self._tagged(call, thing)
        if tag:
            headers["ETag"] = f'"{tag}"'
            known = fields_of(call.scope).get(b"if-none-match")
            if known is not None and self._declared.method == "GET" and names_tag(known, tag):
                return Reply(304, headers)
        return Reply(self._declared.status, headers, self._dialect.resource(call, thing))

    def _tagged(self, call: Call, thing: Any) -> tuple[Any, str]:
        """What is answered and its entity tag, "" where it has none."""
        if isinstance(thing, Encoded):
            return thing, thing.tag
        if not hasattr(thing, "version"):
            return thing, ""
        if call.fields is not None or type(thing) in self._dialect.shapes:
            return thing, entity_tag(thing)
        kept = encoded(thing)  # written once, for the tag and for the body
        return kept, kept.tag

    def _failure(self, scope: Scope, request: Request, error: TandemError) -> Reply:
        deprecation = self._declared.operation.deprecated
        return self._dialect.error(
            error,
            request.id,
            scope["path"],
            self._process.settings.public_url,
            at=self._process.clock(),
            token_sent=request.bearer is not None,
            headers=deprecation.headers if deprecation else None,
        )


def _standing_headers(declared: Declared, dialect: Dialect, result: type) -> dict[str, str]:
    """The headers that every success of a route with this result carries."""
    operation = declared.operation
    headers = {"Cache-Control": "private, no-cache"}
    if operation.writes or result is Tokens:
        headers["Cache-Control"] = "no-store"
    elif operation.who is PUBLIC:
        headers = {"Cache-Control": "no-cache", "Vary": "Authorization"}
    deprecation = dialect.deprecation(operation, result)
    return headers | deprecation.headers if deprecation else headers
