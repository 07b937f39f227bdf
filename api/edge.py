"""The edge: one ASGI layer around both faces.

From the outside in: a name for the request, HEAD answered as GET, headers that every answer
carries, the access log; then CORS; then limits of size and time and the last-resort error; then
compression. An answer of the edge's own passes everything outside it, like any other answer.
"""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware

from services.core.errors import (
    Internal,
    MalformedRequest,
    PayloadTooLarge,
    TandemError,
    Timeout,
)
from services.core.ids import new_id
from services.core.settings import Settings

log = structlog.get_logger("tandem.edge")

#: Writes an error in the shape of its path: ``(path, error, request_id) -> Response``.
ErrorWriter = Callable[[str, TandemError, str], Response]

#: Smaller answers travel in one packet anyway.
_COMPRESSED_FROM = 1024
#: How long a refused body is read on: a socket closed with unread data resets, and the client
#: would lose the answer.
_LINGER_SECONDS = 2
#: What a client that left before its answer is logged as (nginx's number).
_CLIENT_LEFT = 499
_LONGEST_LOGGED_PATH = 500
_CORS_SECONDS = 86_400

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
_LOCAL_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
#: Answers that go on for as long as both sides want.
_ENDLESS = (b"text/event-stream", b"multipart/mixed")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "worker-src 'self'; font-src 'self' data:; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
#: Headers of every answer whose route says nothing else.
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, no-cache",
}
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
)


class Edge:
    """The outermost application; ``app`` answers, ``write_error`` shapes what it could not."""

    def __init__(self, app: ASGIApp, settings: Settings, write_error: ErrorWriter) -> None:
        self._app = app
        self._settings = settings
        self._write_error = write_error
        self._compressed = CompressMiddleware(app, minimum_size=_COMPRESSED_FROM)
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
        headers = dict(_HEADERS)
        if not settings.development:
            headers["strict-transport-security"] = f"max-age={settings.hsts_seconds}"
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        sent = _first_values(scope["headers"])
        request_id = _request_id(sent)
        state = {**scope.get("state", {}), "request_id": request_id}
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if trace := _TRACEPARENT.fullmatch(sent.get(b"traceparent", b"")):
            state["traceparent"] = trace[0].decode()
            structlog.contextvars.bind_contextvars(trace_id=trace[1].decode())
        # A copy: the server keeps looking at its own scope, where HEAD stays HEAD.
        scope = {**scope, "state": state}
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, _Exchange(self, scope, sent, receive, send))

    async def _http(self, scope: Scope, exchange: "_Exchange") -> None:
        scope["tandem.exchange"] = exchange
        method = scope["method"]
        if method == "HEAD":
            scope["method"] = "GET"
        # Half of what CORS costs is spent on requests that do not come from another origin.
        app = self._cors if b"origin" in exchange.headers else self._guarded
        try:
            await app(scope, exchange.receive, exchange.send)
        finally:
            exchange.log(method)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Limits and the last-resort error; ``send`` is CORS's."""
        exchange: _Exchange = scope["tandem.exchange"]
        seconds = self._settings.request_seconds
        deadline = asyncio.timeout(seconds)
        plain = (
            b"x-no-compression" in exchange.headers or b"accept-encoding" not in exchange.headers
        )
        app = self._app if plain else self._compressed
        try:
            exchange.refuse_length()
            async with deadline:

                async def answer(message: Message) -> None:
                    # An application that made something else of a refused body is not heard.
                    if exchange.refused and not exchange.status:
                        if message.get("status") != exchange.refused.status:
                            raise exchange.refused
                    if not exchange.endless:
                        await send(message)
                        if exchange.endless:
                            deadline.reschedule(None)
                        return
                    # A client that takes nothing is let go; one that waits for news is not.
                    async with asyncio.timeout(seconds):
                        await send(message)

                await app(scope, receive, answer)
        except ClientDisconnect:
            return
        except TandemError as known:
            error = known
        except Exception as unknown:
            if isinstance(unknown, TimeoutError) and deadline.expired():
                error = Timeout()
            else:
                log.exception("unhandled error", path=_path(scope))
                error = Internal()
        else:
            return
        if exchange.status:
            # Too late for an answer: the server cuts the connection, so that a client can tell.
            log.warning("answer cut short", code=error.code, path=_path(scope))
            return
        response = self._write_error(scope["path"], error, exchange.request_id)
        await response(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope["state"]["request_id"].encode()

        async def named(message: Message) -> None:
            if message["type"] == "websocket.accept":
                headers = [*message.get("headers", ()), (b"x-request-id", request_id)]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, named)
        except Exception:
            log.exception("unhandled error", path=_path(scope))
            with suppress(Exception):  # it may be closed already
                await send({"type": "websocket.close", "code": 1011})


class _Exchange:
    """One request and its answer: what has come in, what has gone out."""

    def __init__(
        self, edge: Edge, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        self._edge = edge
        self._scope = scope
        self._receive = receive
        self._send = send
        self.headers = headers
        self.request_id: str = scope["state"]["request_id"]
        self._head = scope["method"] == "HEAD"
        self._started = time.monotonic()
        self._answered = 0.0
        self._received = 0
        self._unread = (
            b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        )
        self._closing = False
        self._bytes = 0
        #: The status of the answer; 0 while nothing has been sent.
        self.status = 0
        #: The answer is a stream without an end of its own.
        self.endless = False
        #: Why the body was not read to its end.
        self.refused: TandemError | None = None

    def refuse_length(self) -> None:
        """Refuse a body that says it is too large; raises `PayloadTooLarge`."""
        length = self.headers.get(b"content-length")
        if length is None:
            return
        if not length.isdigit() or len(length) > 18:
            raise self._refuse(MalformedRequest("Content-Length is not a length."))
        if int(length) > self._edge._settings.body_bytes:
            raise self._refuse(self._too_large())

    async def receive(self) -> Message:
        """The next piece of the body, within its size and its time."""
        if self.refused:
            raise self.refused
        if not self._unread:
            return await self._receive()  # tells when the client leaves
        settings = self._edge._settings
        passed = time.monotonic() - self._started
        try:
            async with asyncio.timeout(settings.body_seconds - passed):
                message = await self._receive()
        except TimeoutError:
            raise self._refuse(Timeout("The body took too long to arrive.")) from None
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > settings.body_bytes:
                raise self._refuse(self._too_large())
            self._unread = message.get("more_body", False)
        else:
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        """Send on what the application answers, with the headers of every answer."""
        if message["type"] == "http.response.start":
            await self._read_on()
            self.status = message["status"]
            self._answered = time.monotonic()
            await self._send({**message, "headers": self._dressed(message.get("headers", ()))})
            if self._head:
                # At once: a stream might have no first piece for long, and no end.
                await self._send({"type": "http.response.body", "body": b""})
        elif message["type"] == "http.response.body":
            if self._head:
                return
            self._bytes += len(message.get("body", b""))
            if self._closing and not message.get("more_body", False):
                await self._send({**message, "more_body": True})
                await self._linger()
                message = {"type": "http.response.body", "body": b""}
            await self._send(message)
        else:
            await self._send(message)

    def log(self, method: str) -> None:
        """One line for the request; a warning when its answer took long to begin."""
        settings = self._edge._settings
        now = time.monotonic()
        waited = (self._answered or now) - self._started
        write = log.warning if waited > settings.slow_request_seconds else log.info
        write(
            "request",
            method=method,
            path=_path(self._scope),
            status=self.status or _CLIENT_LEFT,
            seconds=round(now - self._started, 6),
            bytes=self._bytes,
            request_id=self.request_id,
        )

    def _refuse(self, error: TandemError) -> TandemError:
        self.refused = error
        return error

    def _too_large(self) -> PayloadTooLarge:
        limit = self._edge._settings.body_bytes
        return PayloadTooLarge(f"The body may hold {limit} bytes.", details={"maxBytes": limit})

    def _dressed(self, headers: Any) -> list[tuple[bytes, bytes]]:
        given = list(headers)
        known = dict(given)
        given += [pair for pair in self._edge._headers if pair[0] not in known]
        given.append((b"x-request-id", self.request_id.encode()))
        if b"origin" not in self.headers:
            given.append((b"vary", b"Origin"))  # CORS says so for the others
        if self._closing:
            given.append((b"connection", b"close"))
        self.endless = known.get(b"content-type", b"").startswith(_ENDLESS)
        return given

    async def _read_on(self) -> None:
        """Read a body that nobody asked for, or give the connection up: the next request of this
        connection begins where the body ends."""
        with suppress(TandemError):
            while self._unread:
                await self.receive()
        self._closing = self._unread

    async def _linger(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while (await self._receive()).get("more_body", False):
                    pass


def _first_values(headers: Any) -> dict[bytes, bytes]:
    values: dict[bytes, bytes] = {}
    for name, value in headers:
        values.setdefault(name, value)
    return values


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"")
    if _REQUEST_ID.fullmatch(given):
        return given.decode()
    return new_id(datetime.now(UTC))


def _path(scope: Scope) -> str:
    """The path as it was sent, percent-encoded: nothing in it can disturb a log or a terminal."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1").split("?", 1)[0] if raw else ascii(scope["path"])[1:-1]
    return path[:_LONGEST_LOGGED_PATH]
