"""One connection: the limits that hold before a request is complete.

uvicorn reads a request's line and headers without any limit of size or time. The limits stand
here, so that nobody can fill the memory or keep the process busy without a request. A request that
is refused goes through the edge like every other, and is answered in the dialect of its path.
"""

import asyncio
from asyncio import TimerHandle
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.admission import overloaded
from api.http.edge import Edge
from services.errors.base import TandemError
from services.errors.common import MalformedRequest, RequestHeadersTooLarge

#: The most header fields of a request.
MOST_FIELDS = 100
#: The most bytes of a request's line and headers, and of one line among them.
HEAD_BYTES = 32_768
LINE_BYTES = 8_192
#: Seconds from a request's first byte until its headers must be complete.
HEAD_SECONDS = 10
#: The most connections that have not sent a whole request; beyond it, the oldest is closed.
MOST_WAITING = 500
#: Addresses that are answered under any load.
_ALWAYS_ADMITTED = (b"/health", b"/metrics")


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with limits until a request's headers are complete."""

    #: Connections that have not sent a whole request, the oldest first.
    _waiting: ClassVar[dict["Connection", None]] = {}

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: TimerHandle | None = None
        self._in_head = False
        self._refused = False
        #: The request at hand was answered without looking at it; its body is skipped.
        self._turned_away = False
        self._edge = self.app if isinstance(self.app, Edge) else None
        #: Bytes of the piece at hand, of an incomplete head, and of its last line.
        self._piece = self._head = self._line = 0
        #: Bytes received in a row that belong neither to a head nor to a body, such as trailers.
        self._between = 0
        self._took_body = False
        #: Whether the request at hand may become a WebSocket, and whether one has.
        self._may_upgrade = True
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the connection the time of an idle one to send its first byte."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client, in pieces that a limit can be checked after."""
        for start in range(0, len(data), HEAD_BYTES):
            if self._refused or self._upgraded or self.transport.is_closing():
                return
            self._take(data if len(data) <= HEAD_BYTES else data[start : start + HEAD_BYTES])

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head = True
        self._turned_away = False
        self._may_upgrade = True
        self._head = self._line = 0

    def on_headers_complete(self) -> None:
        """Start answering, unless there are too many header fields."""
        self._in_head = False
        self._stop_waiting()
        if self._too_large(self._head + self._piece):
            self._refuse(RequestHeadersTooLarge())
        elif self._overloaded():
            self._turn_away()
        else:
            super().on_headers_complete()
            # A stream that ends cuts off a client that does not read.
            self.scope["tandem.abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._took_body = True
        if not (self._refused or self._turned_away):
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._turned_away:
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Give the connection to a WebSocket; uvicorn calls this."""
        self._upgraded = True
        super().handle_websocket_upgrade()

    def _should_upgrade(self) -> bool:
        """Does the request at hand ask for a WebSocket where there are some?"""
        path = self.url.partition(b"?")[0]
        return self._may_upgrade and path == b"/graphql" and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a request that asks for another protocol is answered in this one."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; uvicorn calls this."""
        if not self._refused:
            self._refuse(MalformedRequest("This is not a request in HTTP/1.1."), method="-")

    def _take(self, piece: bytes) -> None:
        within = self._in_head or self._idle()
        self._piece = len(piece)
        self._took_body = False
        super().data_received(piece)
        if self._refused or self._upgraded or self.transport.is_closing():
            return
        if self._in_head:
            last = piece.rfind(b"\n")
            self._line = self._line + len(piece) if last < 0 else len(piece) - last - 1
            if within:
                self._head += len(piece)
            if self._too_large(self._head):
                self._refuse(RequestHeadersTooLarge())
                return
        if self._in_head or (self._idle() and not self._turned_away):
            if self._head_timer is None:
                self._wait()
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)
            return
        self._between = 0 if self._took_body or within else self._between + len(piece)
        if self._between > HEAD_BYTES:
            self.transport.abort()

    def _idle(self) -> bool:
        """Is no request being answered?"""
        return self.cycle is None or self.cycle.response_complete

    def _too_large(self, received: int) -> bool:
        """Is the head beyond a limit, as far as it came? ``received`` is at least its size."""
        if len(self.headers) > MOST_FIELDS:
            return True
        if received <= LINE_BYTES:
            return False
        sizes = [len(self.url), *(len(name) + len(value) + 4 for name, value in self.headers)]
        longest = max(self._line if self._in_head else 0, *sizes)
        return longest > LINE_BYTES or max(sum(sizes), self._head) > HEAD_BYTES

    def _overloaded(self) -> bool:
        """Are as many requests in progress as this process can answer in time?"""
        if self._edge is None or not self._edge.admission.full(len(self.tasks)):
            return False
        # Probes and monitors are answered always, and an answer must not overtake another one.
        return self._idle() and not self.url.startswith(_ALWAYS_ADMITTED)

    def _turn_away(self) -> None:
        """Answer that there is too much to do, without any work for the request.

        The edge answers browsers, whose pages may read only answers with the headers of CORS.
        """
        assert self._edge is not None
        parser: Any = self.parser
        sent = dict(self.headers)
        self._may_upgrade = False
        if b"origin" in sent or not _readable(self.url):
            super().on_headers_complete()
            self.scope["tandem.refused"] = overloaded()  # type: ignore[typeddict-unknown-key]
            return
        self._turned_away = True
        length = sent.get(b"content-length", b"0")
        skips = length.isdigit() and int(length) <= HEAD_BYTES and b"expect" not in sent
        stays = skips and b"transfer-encoding" not in sent and parser.should_keep_alive()
        reply = self._edge.refusal(self.url.partition(b"?")[0].decode())
        fields = [*self.server_state.default_headers, *reply.fields()]
        if not stays:
            fields.append((b"connection", b"close"))
        head = b"".join(b"%b: %b\r\n" % field for field in fields)
        body = b"" if parser.get_method() == b"HEAD" else reply.body
        self.transport.write(b"HTTP/1.1 503 Service Unavailable\r\n%b\r\n%b" % (head, body))
        if stays:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            self._refused = True
            self.transport.close()

    def _refuse(self, error: TandemError, method: str | None = None) -> None:
        """Answer an error, read no further, and close the connection."""
        self._refused = True
        self._may_upgrade = False
        self._in_head = False
        self._stop_waiting()
        if self.scope is None:
            self.on_message_begin()
        if not _readable(self.url):
            self.url = b"/"
        super().on_headers_complete()
        self.scope["tandem.refused"] = error  # type: ignore[typeddict-unknown-key]
        if method:
            self.scope["method"] = method
        self.cycle.keep_alive = False

    def _wait(self) -> None:
        """Count the connection as one that has not sent a whole request."""
        waiting = self._waiting
        waiting[self] = None
        if len(waiting) > MOST_WAITING:
            oldest = next(iter(waiting))
            del waiting[oldest]
            oldest.transport.abort()

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _readable(url: bytes) -> bool:
    """Can uvicorn read this address of a request?"""
    try:
        return bool(httptools.parse_url(url).path) and url.isascii()
    except httptools.HttpParserError:
        return False
