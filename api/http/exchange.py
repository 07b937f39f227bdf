"""One request and its answer, as the edge sees them: what was received and what was sent."""

import asyncio
import time
from contextlib import suppress
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from api.http.admission import Admission
from api.http.requests import Fields, client_address, file_bytes
from api.http.responses import is_face, quota_headers
from services import logs
from services.errors.base import TandemError
from services.errors.common import (
    MalformedRequest,
    PayloadTooLarge,
    RequestTimeout,
    Timeout,
    Unavailable,
    UnsupportedMediaType,
)
from services.operation.context import Request
from services.operation.error_translation import NOT_KNOWN, OUTCOME_UNKNOWN
from services.process import Process
from services.request_log import RequestLog, shown_query
from services.settings.settings import Settings

log = structlog.get_logger("tandem.edge")

#: How long the edge reads on after it refused a body. A socket that is closed with unread data
#: resets, and the client would lose the answer.
_LINGER_SECONDS = 2
#: The logged status of a client that left before its answer (nginx's number).
_CLIENT_LEFT = 499
_LONGEST_LOGGED_PATH = 500
_LONGEST_LOGGED_AGENT = 200
#: Media types of answers that last for as long as both sides want.
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


def standing_headers(settings: Settings) -> dict[str, str]:
    """The headers of every answer whose route says nothing else."""
    headers = dict(_HEADERS)
    if not settings.development:
        hsts = f"max-age={settings.hsts_seconds}"
        hsts += "; includeSubDomains" if settings.hsts_subdomains else ""
        hsts += "; preload" if settings.hsts_preload else ""
        headers["strict-transport-security"] = hsts
    return headers


class Exchange:
    """One request and its answer: what was received and what was sent."""

    def __init__(
        self,
        process: Process,
        admission: Admission,
        standing: list[tuple[bytes, bytes]],
        scope: Scope,
        fields: Fields,
        request_id: str,
        trace_id: str | None,
        receive: Receive,
        send: Send,
    ) -> None:
        self.process = process
        self._settings = process.settings
        self._standing = standing
        self._scope = scope
        self._receive_next = receive
        self._send_now = send
        self._admission = admission
        self.fields = fields
        self.request_id = request_id
        self.trace_id = trace_id
        self._head = scope["method"] == "HEAD"
        self._most_bytes = process.settings.body_bytes
        self._body_seconds = process.settings.body_seconds
        #: The longest run of the request.
        self.seconds = process.settings.request_seconds
        self._started = time.monotonic()
        self._answered = 0.0
        self._received = 0
        # Is there a body that has not been read to its end?
        self._unread = (
            b"transfer-encoding" in fields.first
            or fields.first.get(b"content-length", b"0") != b"0"
        )
        if self._unread and (most := file_bytes(scope, fields)) is not None:
            self._most_bytes = max(most, self._most_bytes)
            self._body_seconds = process.settings.upload_seconds
            self.seconds += self._body_seconds
        self._closing = False
        self._last = False
        # GraphiQL is a page at the address of a face; pages say nothing of a quota.
        self._page = False
        self._bytes = 0
        #: The line in the log, which is written at the end.
        self.log = RequestLog()
        #: The request that operations see, once a face has read it.
        self.request: Request | None = None
        #: The status of the answer; 0 while nothing has been sent.
        self.status = 0
        #: The answer is sent while it is made; whoever makes it sets this before its start.
        self.streams = False
        #: The answer has begun, and may last for longer than a request.
        self.endless = False
        #: The error that the body was refused with.
        self.refused: TandemError | None = None

    def refuse_head(self) -> None:
        """Refuse a request by its line and headers.

        Raises what the connection refused it with, `MalformedRequest`, `PayloadTooLarge` and
        `UnsupportedMediaType`.
        """
        if (refused := self._scope.get("tandem.refused")) is not None:
            if isinstance(refused, Unavailable):  # the request itself is whole
                raise refused
            self._unread = True
            raise self._refuse(refused)
        # With two hosts, a proxy could check the one and Tandem take the other.
        hosts = self.fields.count(b"host")
        if hosts > 1 or (hosts == 0 and self._scope["http_version"] == "1.1"):
            raise self._refuse(MalformedRequest("Send the `Host` header once."))
        sent = self.fields.first
        if sent.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise self._refuse(UnsupportedMediaType("Send the body without Content-Encoding."))
        length = sent.get(b"content-length")
        if length is None:
            return
        if not length.isdigit() or len(length) > 18:
            raise self._refuse(MalformedRequest("Content-Length is not a length."))
        if int(length) > self._most_bytes:
            raise self._refuse(self._too_large())

    async def receive(self) -> Message:
        """Receive the next piece of the body, within the limits of size and time.

        Raises `PayloadTooLarge` and `RequestTimeout`.
        """
        if self.refused:
            raise self.refused
        if not self._unread:
            return await self._receive_next()  # This waits until the client leaves.
        passed = time.monotonic() - self._started
        try:
            async with asyncio.timeout(self._body_seconds - passed):
                message = await self._receive()
        except TimeoutError:
            raise self._refuse(RequestTimeout("The body took too long to arrive.")) from None
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._most_bytes:
                raise self._refuse(self._too_large())
            self._unread = message.get("more_body", False)
        else:
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the application's answer, with the headers of every answer."""
        if message["type"] == "http.response.start":
            if self._unread:
                await self._read_on()
            self.status = message["status"]
            self._answered = time.monotonic()
            headers = self._dressed(message.get("headers", ()))
            if self.endless:
                self._admission.waiting += 1
            if is_face(self._scope["path"]) and not self._page:
                headers += await quota_headers(self.process, self._scope, self.request)
            message["headers"] = headers
            await self._send(message)
            if self._head:
                # End at once: the first piece of a stream may be late, and its end may never come.
                await self._send({"type": "http.response.body", "body": b""})
                if self.endless:
                    raise ClientDisconnect  # nobody waits for the rest
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

    async def _receive(self) -> Message:
        """Wait for the client. A request that waits is no work in progress."""
        self._admission.waiting += 1
        try:
            return await self._receive_next()
        finally:
            self._admission.waiting -= 1

    async def _send(self, message: Message) -> None:
        """Send, and wait while the client does not read."""
        if self.endless:
            await self._send_now(message)
            return
        self._admission.waiting += 1
        try:
            await self._send_now(message)
        finally:
            self._admission.waiting -= 1

    def timed_out(self) -> Timeout:
        """The error of a request that took too long."""
        if self.request is not None and self.request.committing:
            return Timeout(NOT_KNOWN, details=OUTCOME_UNKNOWN)
        return Timeout()

    def cut_off(self) -> Unavailable:
        """The error of a request that the end of the server cut off."""
        if self.request is not None and self.request.committing:
            return Unavailable(NOT_KNOWN, details=OUTCOME_UNKNOWN)
        return Unavailable("The server stops before this was answered.")

    def last(self) -> None:
        """Make this the last answer of its connection."""
        self._last = True

    def end(self, method: str) -> None:
        """Log one line for the request, at the level of what went wrong."""
        if self.endless:
            self._admission.waiting -= 1
        settings, request = self._settings, self.request
        now = time.monotonic()
        waited = (self._answered or now) - self._started
        status = self.status or _CLIENT_LEFT
        address = request.address if request is not None else None
        address = address or client_address(self._scope, self.fields, settings)
        values: dict[str, Any] = {
            "method": method,
            "path": path_of(self._scope),
            "status": status,
            "seconds": round(now - self._started, 6),
            "bytes": self._bytes,
            "address": str(address),
            "request_id": self.request_id,
        }
        if query := self._scope["query_string"]:
            values["query"] = shown_query(query)
        if agent := self.fields.get(b"user-agent"):
            values["agent"] = agent[:_LONGEST_LOGGED_AGENT]
        if request is not None:
            values |= {
                "statements": request.stats.statements,
                "database_seconds": round(request.stats.seconds, 6),
            }
            if request.caller is not None:
                values["user"] = request.caller.user_id
                if request.caller.key_id is not None:
                    values["api_key"] = request.caller.key_id
        if self.trace_id is not None:
            values["trace_id"] = self.trace_id
        values |= self.log.values()
        level = "warning" if waited > settings.slow_request_seconds else "info"
        worst = max(status, self.log.worst)
        if worst >= 400:
            level = "error" if worst >= 500 else "warning"
        logs.line(log, level, "request", values)

    def _refuse(self, error: TandemError) -> TandemError:
        self.refused = error
        return error

    def _too_large(self) -> PayloadTooLarge:
        limit = self._most_bytes
        return PayloadTooLarge(f"The body may hold {limit} bytes.", details={"maxBytes": limit})

    def _dressed(self, headers: Any) -> list[tuple[bytes, bytes]]:
        given = list(headers)
        known = dict(given)
        given += [pair for pair in self._standing if pair[0] not in known]
        given.append((b"x-request-id", self.request_id.encode()))
        if b"origin" not in self.fields.first:
            given.append((b"vary", b"Origin"))  # The CORS layer says so for the others.
        if self._closing or self._last:
            given.append((b"connection", b"close"))
        media = known.get(b"content-type", b"")
        self.endless = self.streams or media.startswith(_ENDLESS)
        self._page = media.startswith(b"text/html")
        return given

    async def _read_on(self) -> None:
        """Read an unread body to its end, or mark the connection as closing.

        The next request of the connection begins where the body ends.
        """
        with suppress(TandemError):
            while self._unread:
                await self.receive()
        self._closing = self._unread

    async def _linger(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while (await self._receive()).get("more_body", False):
                    pass


def path_of(scope: Scope) -> str:
    """The path as it was sent, percent-encoded, so that it cannot disturb a log or a terminal."""
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1").split("?", 1)[0] if raw else ascii(scope["path"])[1:-1]
    return path[:_LONGEST_LOGGED_PATH]
