"""GraphQL subscriptions over WebSockets: the protocol graphql-transport-ws.

The protocol is written here and not taken from Strawberry, whose handlers run documents without our
limits, budgets and errors. A socket carries subscriptions alone: queries and mutations go by HTTP,
where a retry is safe and an answer says what it cost. Streams of a socket share its token, so that
one that ends because of the token ends the socket.
"""

import asyncio
from asyncio import Task, TimerHandle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from api.http.admission import Admission
from api.http.requests import Fields, client_address, parse_json
from api.http.responses import Reply
from api.streams.sse import COMMENT_SECONDS, Deadline
from schema.executing.documents import Documents
from schema.executing.execute import GraphQLRequest, refused
from schema.executing.subscribing import Subscription, subscribe_or_answer
from services import logs
from services.access import addresses
from services.errors.base import TandemError
from services.errors.common import (
    Forbidden,
    Internal,
    MalformedRequest,
    RouteNotFound,
    Unauthenticated,
    Unavailable,
)
from services.ids import new_id
from services.operation.context import Request
from services.operation.error_translation import translate_errors
from services.process import Process
from services.quota.charging import identify

log = structlog.get_logger("tandem.edge")

PROTOCOL = "graphql-transport-ws"
#: How long a client may take until it has sent its token.
INIT_SECONDS = 10
#: How long a socket may stay without a subscription. It may be anybody's, and each takes a place.
IDLE_SECONDS = 60
#: The most subscriptions that a socket may have under way, those included that are refused.
_MOST_AT_ONCE = 20
_LONGEST_ID = 128

#: Codes of the protocol with which the server closes a socket.
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN = 4400, 4401, 4403
NO_PROTOCOL, INIT_TIMEOUT, SAME_ID, SECOND_INIT = 4406, 4408, 4409, 4429
#: The statuses of errors that end a stream and its socket; others end the stream alone.
_CLOSING = (401, 403, 503)
#: Codes of WebSockets after which clients come back: the socket was idle, the server restarts, or
#: the client is slow.
IDLE, RESTARTS, TRY_LATER = 1001, 1012, 1013

_encode = msgspec.json.Encoder().encode


class Closed(Exception):
    """The socket must be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Sockets:
    """The WebSockets of a process."""

    def __init__(
        self,
        process: Process,
        documents: Documents,
        write_error: Callable[[str, TandemError, str, str], Reply],
    ) -> None:
        self._process = process
        self._documents = documents
        self._write_error = write_error
        self.open: set[Socket] = set()

    async def serve(self, scope: Scope, receive: Receive, send: Send, admission: Admission) -> None:
        """Serve one socket; an ASGI application."""
        fields = Fields(scope["headers"])
        await receive()  # websocket.connect
        try:
            self._check(scope, fields)
        except TandemError as error:
            await self._refuse(scope, error, send)
            return
        if PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await _close(send, NO_PROTOCOL, "Subprotocol not acceptable")
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        if self._process.event_hub.draining:
            await _close(send, RESTARTS, Unavailable.code)
            return
        socket = Socket(self._process, self._documents, scope, fields, send)
        self.open.add(socket)
        admission.waiting += 1
        try:
            await socket.run(receive)
        finally:
            admission.waiting -= 1
            self.open.discard(socket)

    def drain(self) -> None:
        """Close every socket, as the server stops."""
        for socket in list(self.open):
            socket.stop(RESTARTS, Unavailable.code)

    def _check(self, scope: Scope, fields: Fields) -> None:
        """Refuse a handshake; raises what it is refused with."""
        if scope["path"] != "/graphql":
            raise RouteNotFound
        if fields.count(b"host") != 1:
            raise MalformedRequest("Send the `Host` header once.")
        if len(self.open) >= self._process.settings.streams:
            raise Unavailable("Too many sockets are open. Try again in a moment.")
        # A browser sends cookies and tokens of its own with a socket, but never asks beforehand.
        origin = fields.get(b"origin")
        if origin is not None and not self._allowed(origin, fields.get(b"host") or ""):
            raise Forbidden("Pages of this origin may not open a socket here.")

    def _allowed(self, origin: str, host: str) -> bool:
        settings = self._process.settings
        parts = urlsplit(origin)
        if parts.netloc == host or origin in settings.cors_origins or "*" in settings.cors_origins:
            return True
        return settings.development and parts.hostname in ("localhost", "127.0.0.1", "::1")

    async def _refuse(self, scope: Scope, error: TandemError, send: Send) -> None:
        """Answer the handshake with an error of HTTP."""
        request_id = new_id(datetime.now(UTC))
        reply = self._write_error(scope["path"], error, request_id, "")
        reply.headers["X-Request-Id"] = request_id
        fields = reply.fields()
        await send(
            {"type": "websocket.http.response.start", "status": error.status, "headers": fields}
        )
        await send({"type": "websocket.http.response.body", "body": reply.body})


class Socket:
    """One WebSocket and its subscriptions."""

    def __init__(
        self, process: Process, documents: Documents, scope: Scope, fields: Fields, send: Send
    ) -> None:
        self._process = process
        self._documents = documents
        self._send = send
        self._deadline = Deadline(scope.get("tandem.abort"))
        self._fields = fields
        self._address: addresses.Address = client_address(scope, fields, process.settings)
        self._bearer = _bearer(fields.get(b"authorization"))
        self._ready = False
        self._running: dict[str, Task[None]] = {}
        self._timer: TimerHandle | None = None
        self._closing: asyncio.Future[Closed] = asyncio.get_running_loop().create_future()
        self._began = process.clock()
        self._subscriptions = 0

    async def run(self, receive: Receive) -> None:
        """Take messages until either side closes the socket."""
        reading = asyncio.ensure_future(self._read(receive))
        self._stop_after(INIT_SECONDS, INIT_TIMEOUT, "Connection initialisation timeout")
        closed: Closed | None = None
        try:
            await asyncio.wait({reading, self._closing}, return_when=asyncio.FIRST_COMPLETED)
            if self._closing.done():
                closed = self._closing.result()
        finally:
            tasks = [reading, *self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._stay()
            try:
                if closed is not None:
                    await _close(self._send, closed.code, closed.reason)
            finally:
                self._deadline.cancel()
                self._log(closed)

    def stop(self, code: int, reason: str) -> None:
        """Close the socket, whatever is under way."""
        if not self._closing.done():
            self._closing.set_result(Closed(code, reason))
            self._deadline.begin(Internal())

    def _stop_after(self, seconds: float, code: int, reason: str) -> None:
        """Close the socket after a time, unless it is let stay before."""
        self._stay()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.stop, code, reason)

    def _stay(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def _read(self, receive: Receive) -> None:
        """Take messages until the client leaves."""
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                await self._take(_parsed(message))
            except Closed as closed:
                self.stop(closed.code, closed.reason)
                return
            except OSError:  # the client has left
                return
            except Exception as error:
                log.error("socket failed", exc_info=error)
                self.stop(1011, "Internal error")
                return

    async def _take(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "connection_init":
                await self._init(message.get("payload"))
            case "ping":
                await self._tell("pong")
            case "pong":
                pass
            case "subscribe":
                self._subscribe(_id_of(message), message.get("payload"))
            case "complete":
                if task := self._running.get(id := _id_of(message)):
                    task.cancel()
                    self._forget(id, task)
            case _:
                raise Closed(BAD_REQUEST, "Invalid message")

    async def _init(self, payload: Any) -> None:
        """Take the client's token, from the payload or else the handshake's header."""
        if self._ready:
            raise Closed(SECOND_INIT, "Too many initialisation requests")
        if payload is not None and not isinstance(payload, dict):
            raise Closed(BAD_REQUEST, "The payload must be an object")
        given = {name.lower(): value for name, value in (payload or {}).items()}
        if (token := given.get("authorization")) is not None:
            self._bearer = _bearer(token if isinstance(token, str) else "")
        try:
            await translate_errors(identify, self._request())
        except TandemError as error:
            raise _closing(error) from None
        self._ready = True
        self._stop_after(IDLE_SECONDS, IDLE, "No subscription")
        await self._tell("connection_ack")

    def _subscribe(self, id: str, payload: Any) -> None:
        if not self._ready:
            raise Closed(UNAUTHORIZED, "Unauthorized")
        if id in self._running:
            raise Closed(SAME_ID, f"Subscriber for {id} already exists")
        if len(self._running) >= _MOST_AT_ONCE:
            raise Closed(BAD_REQUEST, "Too many subscriptions at once")
        asked = _asked(payload)
        self._stay()
        self._subscriptions += 1
        task = asyncio.create_task(self._stream(id, asked))
        self._running[id] = task
        task.add_done_callback(lambda _: self._forget(id, task))

    def _forget(self, id: str, task: Task[None]) -> None:
        if self._running.get(id) is task:
            del self._running[id]
            if not self._running:
                self._stop_after(IDLE_SECONDS, IDLE, "No subscription")

    async def _stream(self, id: str, asked: GraphQLRequest) -> None:
        """Run one subscription."""
        request = self._request()
        try:
            found = await subscribe_or_answer(self._documents, request, asked)
            if not isinstance(found, Subscription):
                if isinstance(found.refused_by, Unauthenticated) and self._bearer is not None:
                    self.stop(UNAUTHORIZED, found.refused_by.code)
                else:
                    await self._tell("error", id, _encode(found.body["errors"]))
                return
            await self._pass_on(id, found)
        except OSError:  # the client has left
            return
        except Exception as error:
            request.failed(error)
            await self._tell("error", id, _encode(refused(request, Internal()).body["errors"]))

    async def _pass_on(self, id: str, subscription: Subscription) -> None:
        """Send what a subscription's stream holds, until it ends."""
        stream = subscription.stream
        stream.on_end = self._end_soon
        try:
            while (frames := await stream.take(COMMENT_SECONDS)) is not None:
                for frame in frames:
                    await self._tell("next", id, await subscription.written(frame))
        except TandemError as error:
            if error.status in _CLOSING:
                closed = _closing(error)
                self.stop(closed.code, closed.reason)
            else:
                await self._tell("error", id, _encode(subscription.ended(error)))
        finally:
            stream.close()

    def _end_soon(self, error: TandemError | None) -> None:
        """Wait only so long for a client that does not take the end of its socket."""
        if error is not None and error.status in _CLOSING:
            self._deadline.begin(error)

    async def _tell(self, kind: str, id: str | None = None, payload: bytes | None = None) -> None:
        text = b'{"type":"%b"' % kind.encode()
        if id is not None:
            text += b',"id":%b' % _encode(id)
        if payload is not None:
            text += b',"payload":%b' % payload
        await self._send({"type": "websocket.send", "text": (text + b"}").decode()})

    def _request(self) -> Request:
        """The request of one message, as operations see it."""
        process = self._process
        return Request(
            process=process,
            id=new_id(process.clock()),
            face="graphql",
            bearer=self._bearer,
            user_agent=(self._fields.get(b"user-agent") or "")[:200] or None,
            address=self._address,
        )

    def _log(self, closed: Closed | None) -> None:
        values = {
            "seconds": round((self._process.clock() - self._began).total_seconds(), 3),
            "subscriptions": self._subscriptions,
            "address": str(self._address),
        }
        if closed is not None:
            values |= {"code": closed.code, "reason": closed.reason}
        logs.line(log, "info", "socket", values)


def _closing(error: TandemError) -> Closed:
    """How an error closes a socket; the reason is its code."""
    if error.status == 401:
        return Closed(UNAUTHORIZED, error.code)
    if error.status == 403:
        return Closed(FORBIDDEN, error.code)
    return Closed(TRY_LATER if error.code == "STREAM_TOO_SLOW" else RESTARTS, error.code)


def _parsed(message: Any) -> dict[str, Any]:
    """A message as an object; raises `Closed`."""
    text = message.get("text")
    if text is None:
        raise Closed(BAD_REQUEST, "Send text messages")
    try:
        parsed = parse_json(text.encode())
    except (MalformedRequest, UnicodeEncodeError):
        raise Closed(BAD_REQUEST, "The message is no JSON") from None
    if not isinstance(parsed, dict):
        raise Closed(BAD_REQUEST, "The message must be an object")
    return parsed


def _id_of(message: dict[str, Any]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _LONGEST_ID:
        raise Closed(BAD_REQUEST, "The message needs an id, as text")
    return id


def _asked(payload: Any) -> GraphQLRequest:
    """The document of a message; raises `Closed` where it is malformed."""
    kinds: dict[str, Any] = {
        "query": str,
        "variables": dict | None,
        "operationName": str | None,
        "extensions": dict | None,
    }
    if not isinstance(payload, dict) or any(
        not isinstance(payload.get(name), kind) for name, kind in kinds.items()
    ):
        raise Closed(BAD_REQUEST, "The payload holds no document")
    return GraphQLRequest(
        query=payload["query"],
        variables=payload.get("variables") or {},
        operation_name=payload.get("operationName") or None,
        read_only=False,
        idempotency_key=None,
        answers=False,
        streams=True,
    )


def _bearer(authorization: str | None) -> str | None:
    """The token of an Authorization value; None without one, "" where it has no bearer token."""
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _close(send: Send, code: int, reason: str) -> None:
    await send({"type": "websocket.close", "code": code, "reason": reason})
