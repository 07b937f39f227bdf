"""The edge: one ASGI layer around both faces.

From the outside in:

1. the request's name, HEAD answered as GET, the headers of every answer, the access log;
2. CORS;
3. limits of size and time, and the answer to an error that nobody caught;
4. compression.

An answer that the edge makes passes through the layers outside of it, like every other answer.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import structlog
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type, remove_compress_type

from api.http.admission import Admission, overloaded
from api.http.exchange import Exchange, path_of, standing_headers
from api.http.requests import Fields
from api.http.responses import Reply
from services.errors.base import TandemError
from services.errors.common import Internal
from services.health import Health
from services.ids import new_id
from services.process import Process

log = structlog.get_logger("tandem.edge")

#: Writes an error in the shape of its path, or as a page where that is what is accepted:
#: ``(path, error, request_id, accept) -> ASGI application``.
ErrorWriter = Callable[[str, TandemError, str, str], Reply]

#: A smaller answer fits into one packet uncompressed.
_COMPRESSED_FROM = 1024
#: The strongest that take no more CPU than gzip 6, which others use: docs/performance.md.
_BROTLI_QUALITY, _ZSTD_LEVEL = 5, 8
#: Compressed besides the types that the middleware knows.
_NDJSON = "application/x-ndjson"
_CORS_SECONDS = 86_400

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_LOCAL_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
_ALLOWED_HEADERS = (
    "Apollo-Require-Preflight",
    "Authorization",
    "Content-Type",
    "GraphQL-Preflight",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Traceparent",
    "Tracestate",
    "X-Apollo-Operation-Name",
    "X-No-Compression",
    "X-Request-Id",
    "X-Requested-With",
)
_EXPOSED_HEADERS = (
    "Allow",
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Server-Timing",
    "Sunset",
    "WWW-Authenticate",
    "X-Cache",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
    "X-Row-Count",
)


class Sockets(Protocol):
    """What serves WebSockets."""

    async def serve(self, scope: Scope, receive: Receive, send: Send, admission: Admission) -> None:
        """Serve one socket."""
        ...

    def drain(self) -> None:
        """Close every socket."""
        ...


class Edge:
    """The outermost application: ``app`` answers, ``write_error`` writes what ``app`` did not.

    ``sockets`` serves WebSockets.
    """

    def __init__(
        self,
        app: ASGIApp,
        process: Process,
        health: Health,
        write_error: ErrorWriter,
        sockets: Sockets,
    ) -> None:
        settings = process.settings
        self._app = app
        self._health = health
        self._process = process
        self._settings = settings
        self._write_error = write_error
        add_compress_type(_NDJSON)
        self._sockets = sockets
        # A compressor holds events back, and keeps 100 KB for each stream.
        remove_compress_type("text/event-stream")
        self._compressed = CompressMiddleware(
            app,
            minimum_size=_COMPRESSED_FROM,
            brotli_quality=_BROTLI_QUALITY,
            zstd_level=_ZSTD_LEVEL,
        )
        self._cors = CORSMiddleware(
            self._guarded,
            allow_origins=settings.cors_origins,
            allow_origin_regex=_LOCAL_ORIGIN if settings.development else None,
            allow_methods=("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"),
            allow_headers=_ALLOWED_HEADERS,
            allow_credentials=True,
            expose_headers=_EXPOSED_HEADERS,
            max_age=_CORS_SECONDS,
        )
        self._standing = standing_headers(settings)
        self._headers = [(name.encode(), value.encode()) for name, value in self._standing.items()]
        #: The bound on requests in progress, which the connections keep.
        self.admission = Admission()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets.serve(scope, receive, send, self.admission)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fields = Fields(scope["headers"])
        request_id = _request_id(fields.first)
        state = {**scope.get("state", {}), "request_id": request_id}
        structlog.contextvars.bind_contextvars(request_id=request_id)
        trace_id = None
        if trace := _TRACEPARENT.fullmatch(fields.first.get(b"traceparent", b"")):
            state["traceparent"] = trace[0].decode()
            trace_id = trace[1].decode()
            structlog.contextvars.bind_contextvars(trace_id=trace_id)
        else:
            # Requests of one connection may share their context.
            structlog.contextvars.unbind_contextvars("trace_id")
        # A copy: the server reads its own scope later, where HEAD must stay HEAD.
        scope = {**scope, "state": state}
        exchange = Exchange(
            self._process,
            self.admission,
            self._headers,
            scope,
            fields,
            request_id,
            trace_id,
            receive,
            send,
        )
        if self._health.draining:
            exchange.last()
        await self._http(scope, exchange)

    def drain(self) -> None:
        """Answer on, not ready for new requests: each answer is the last of its connection."""
        self._health.draining = True

    def end_streams(self) -> None:
        """End what lasts for as long as both sides want, as the server stops."""
        if not self._process.event_hub.draining:
            self._process.event_hub.drain()
            self._sockets.drain()

    def refusal(self, path: str) -> Reply:
        """The answer to a request that is refused before it is looked at."""
        self.admission.refused += 1
        request_id = new_id(datetime.now(UTC))
        reply = self._write_error(path, overloaded(), request_id, "")
        known = {name.lower() for name in reply.headers}
        standing = {name: value for name, value in self._standing.items() if name not in known}
        reply.headers |= {**standing, "x-request-id": request_id, "vary": "Origin"}
        return reply

    async def _http(self, scope: Scope, exchange: Exchange) -> None:
        scope["tandem.exchange"] = exchange
        method = scope["method"]
        if method == "HEAD":
            scope["method"] = "GET"
        # CORS has nothing to say without an Origin; skipping it saves half of its cost.
        app = self._cors if b"origin" in exchange.fields.first else self._guarded
        try:
            await app(scope, exchange.receive, exchange.send)
        finally:
            exchange.end(method)
            # Scope and exchange refer to each other; unlinked, they need no garbage collection.
            del scope["tandem.exchange"]

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer every failure of the application; ``send`` is CORS's."""
        exchange: Exchange = scope["tandem.exchange"]
        try:
            await self._limited(scope, exchange, receive, send)
        except ClientDisconnect:
            return
        except TandemError as known:
            error = known
        except asyncio.CancelledError:
            # The server stops and waits no longer. Without an answer the client would see a 500.
            error = exchange.cut_off()
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        except Exception as unknown:
            exchange.log.failure(unknown)
            error = Internal()
        else:
            return
        exchange.log.error(error)
        if exchange.status:
            # The answer has begun: the server cuts the connection, which tells the client.
            log.warning("answer cut short", code=error.code, path=path_of(scope))
            return
        accept = exchange.fields.get(b"accept") or ""
        response = self._write_error(scope["path"], error, exchange.request_id, accept)
        await response(scope, receive, send)

    async def _limited(
        self, scope: Scope, exchange: Exchange, receive: Receive, send: Send
    ) -> None:
        """Run the application within the limits of size and time.

        Raises `Timeout`, and what the request's head or body is refused with.
        """
        seconds = exchange.seconds
        sent = exchange.fields.first
        plain = b"x-no-compression" in sent or b"accept-encoding" not in sent
        app = self._app if plain else self._compressed
        deadline = asyncio.timeout(seconds)

        async def answer(message: Message) -> None:
            # An application may have caught the refusal of a body and answered something else.
            if exchange.refused and not exchange.status:
                if message.get("status") != exchange.refused.status:
                    raise exchange.refused
            if not exchange.endless:
                await send(message)
                if exchange.endless:
                    deadline.reschedule(None)
                return
            # A stream may last, but each piece of it must be taken in time.
            try:
                async with asyncio.timeout(seconds):
                    await send(message)
            except TimeoutError:
                raise exchange.timed_out() from None

        exchange.refuse_head()
        try:
            async with deadline:
                await app(scope, receive, answer)
        except TimeoutError:
            if deadline.expired():
                raise exchange.timed_out() from None
            raise


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"")
    if _REQUEST_ID.fullmatch(given):
        return given.decode()
    return new_id(datetime.now(UTC))
