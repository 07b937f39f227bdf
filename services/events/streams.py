"""Event streams: the events that one caller has yet to take, and how a stream ends."""

import asyncio
from asyncio import Future
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from persistence.events.views import NewEvent
from services.errors.base import TandemError
from services.errors.events import StreamTooSlow
from services.events.audience import Listener
from services.events.envelope import Frame

#: The most that waits for a reader who does not take it. Frames are shared, but their text is sent
#: to each reader.
MOST_FRAMES = 256
MOST_BYTES = 1_048_576


class Hub(Protocol):
    """The keeper of a process's streams."""

    def leave(self, stream: "EventStream") -> None:
        """Forget a stream that has ended."""
        ...


class EventStream:
    """One caller's stream: whoever reads it takes frames until it ends."""

    def __init__(
        self,
        hub: Hub,
        listener: Listener,
        *,
        payer: str,
        credential: str,
        expires_at: datetime | None,
        face: str,
        types: frozenset[str] | None,
        subject: str | None,
        sees_positions: bool,
    ) -> None:
        self._hub = hub
        self.listener = listener
        #: The caller whose streams are counted together.
        self.payer = payer
        #: The id of the session or API key.
        self.credential = credential
        self.expires_at = expires_at
        self.face = face
        self.sees_positions = sees_positions
        self._types = types
        self._subject = subject
        #: The position up to which everything was offered or read.
        self.position = 0
        #: Whether the hub offers new events; before, the stream reads older ones.
        self.live = False
        #: Reads older events, the next page at each call; None once there are no more. Raises
        #: only `TandemError`.
        self.past: Callable[[], Awaitable[list[Frame]]] | None = None
        #: Why the stream ended; None while it goes on, and when its reader left.
        self.error: TandemError | None = None
        self.ended = False
        #: Called once when it ends, with its error.
        self.on_end: Callable[[TandemError | None], None] | None = None
        self._frames: list[Frame] = []
        self._bytes = 0
        self._waiter: Future[None] | None = None

    def wants(self, event: NewEvent) -> bool:
        """Does an event pass the stream's filters, and does it come after what was read?"""
        return (
            event.position > self.position
            and (self._types is None or event.type in self._types)
            and (self._subject is None or event.subject == self._subject)
        )

    def offer(self, frame: Frame) -> None:
        """Give a frame to the reader; end the stream where too many wait."""
        self._frames.append(frame)
        self._bytes += len(frame.json)
        if len(self._frames) > MOST_FRAMES or self._bytes > MOST_BYTES:
            self.end(StreamTooSlow())
        else:
            self._wake()

    def end(self, error: TandemError | None) -> None:
        """End the stream; what waits is not told any more."""
        if self.ended:
            return
        self.ended, self.error = True, error
        self._frames.clear()
        self._hub.leave(self)
        self._wake()
        if self.on_end is not None:
            self.on_end(error)

    def close(self) -> None:
        """End the stream because its reader leaves."""
        self.end(None)

    async def take(self, seconds: float) -> list[Frame] | None:
        """The next frames; none after so many seconds without one, None once it was closed.

        Raises the error with which the stream ended.
        """
        frames: list[Frame] = []
        while self.past is not None and not self.ended and not frames:
            try:
                frames = await self.past()
            except TandemError as error:
                self.end(error)
        if not (frames or self._frames or self.ended):
            await self._wait(seconds)
        if self.error is not None:
            raise self.error
        if self.ended:
            return None
        if frames:
            return frames
        frames, self._frames, self._bytes = self._frames, [], 0
        return frames

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(seconds, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
