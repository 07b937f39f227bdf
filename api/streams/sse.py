"""Server-sent events: an event stream as an answer of HTTP, for both faces."""

import asyncio
import random
from asyncio import TimerHandle
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from services.errors.base import TandemError
from services.events.envelope import Frame
from services.events.hub import RETRY_SECONDS
from services.events.streams import EventStream

MEDIA = "text/event-stream"
#: A comment goes out after so many seconds without an event, so that proxies keep the connection.
#: Those that close idle ones do so after 60 s or more.
COMMENT_SECONDS = 15
#: How long the end of a stream waits for a client that does not read.
END_SECONDS = 1.0


@dataclass(slots=True)
class SseReply:
    """An answer that goes on until its client leaves, or its stream ends with an error."""

    headers: dict[str, str]
    stream: EventStream
    #: Writes frames as pieces of the stream.
    write: Callable[[Sequence[Frame]], Awaitable[bytes]]
    #: Writes the error with which the stream ends.
    write_end: Callable[[TandemError], bytes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; an ASGI application."""
        stream = self.stream
        left = asyncio.ensure_future(_left(receive))
        left.add_done_callback(lambda _: stream.close())
        late = Deadline(scope.get("tandem.abort"))
        stream.on_end = late.begin
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._fields()})
            await _send(send, _retry() + b"\n")
            await self._pass_on(send)
        finally:
            stream.close()
            late.cancel()
            left.cancel()
            with suppress(asyncio.CancelledError):
                await left

    async def _pass_on(self, send: Send) -> None:
        """Send what the stream holds, until it ends."""
        try:
            while True:
                frames = await self.stream.take(COMMENT_SECONDS)
                if frames is None:
                    raise ClientDisconnect
                await _send(send, await self.write(frames) if frames else b":\n\n")
        except TandemError as error:
            end = error
        await _send(send, _retry() + self.write_end(end))
        await send({"type": "http.response.body", "body": b""})

    def _fields(self) -> list[tuple[bytes, bytes]]:
        # The last one keeps nginx from holding pieces back.
        headers = {**self.headers, "Content-Type": MEDIA, "X-Accel-Buffering": "no"}
        return [(name.lower().encode(), text.encode("latin-1")) for name, text in headers.items()]


class Deadline:
    """Cuts a connection whose client does not take the end of its stream in time."""

    def __init__(self, abort: Callable[[], None] | None) -> None:
        self._abort = abort
        self._timer: TimerHandle | None = None

    def begin(self, error: TandemError | None) -> None:
        """Begin to wait, as a stream has ended; those of a socket may end together."""
        if error is not None and self._abort is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(END_SECONDS, self._abort)

    def cancel(self) -> None:
        """Wait no longer: the end is sent."""
        if self._timer is not None:
            self._timer.cancel()


async def _send(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


def _retry() -> bytes:
    """When the client may come back: each is told another time, so that they spread."""
    least, most = RETRY_SECONDS
    return b"retry: %d\n" % random.randint(1000 * least, 1000 * most)  # noqa: S311 - no secret


async def _left(receive: Receive) -> None:
    """Wait until the client has left."""
    with suppress(TandemError):  # a body that nobody wants
        while (await receive())["type"] != "http.disconnect":
            pass
