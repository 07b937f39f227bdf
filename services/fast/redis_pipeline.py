"""One connection to Redis for all calls of a process; those of one turn travel in one write.

redis-py takes a connection, writes, waits and times each call by itself, for 140 µs. Here a
call leaves its bytes and what to do with the reply; Redis answers in order. redis-py still makes
the connection: address, TLS and login are its own.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hiredis import PushNotification, Reader, pack_command
from redis.asyncio import Redis
from redis.exceptions import ConnectionError, NoScriptError, RedisError, ResponseError, TimeoutError

from services.redis_calls import Word

#: Calls under way at a time: more than a process has requests at once. Beyond that Redis does not
#: keep up, and a call fails at once instead of joining the queue.
_MOST_WAITING = 4096
_MORE: Any = object()

#: Gets the reply, or the error in place of it; must not raise.
Done = Callable[[Any], None]

# Its stub takes tuples of one word only.
_packed: Callable[[tuple[Word, ...]], bytes] = pack_command  # pyright: ignore[reportAssignmentType]


class Pipeline:
    """Calls are answered in order, on one connection that is made again when it is lost.

    A call fails with a `RedisError`: it was refused, the connection was lost, or the reply did not
    come within ``seconds``. Whoever gives up waiting shifts nobody's reply.
    """

    ordered = True

    def __init__(self, redis: Redis, seconds: float) -> None:
        self._redis = redis
        self._seconds = seconds
        self._packers: list[Callable[[], None]] = []
        self._outbox: list[bytes] = []
        self._waiting: deque[tuple[float, Done]] = deque()
        self._flushing = False
        self._line: _Line | None = None
        self._dialing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def call(self, *words: Word) -> Any:
        """One command's reply; raises `RedisError`."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.send(words, partial(resolve_future, future))
        return await future

    def send(self, words: Sequence[Word], done: Done) -> None:
        """Send one command with all others of this turn."""
        if len(self._waiting) >= _MOST_WAITING:
            done(ConnectionError("too many calls are waiting for Redis"))
            return
        loop = asyncio.get_running_loop()
        self._outbox.append(_packed(tuple(words)))
        self._waiting.append((loop.time() + self._seconds, done))
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._watch)
        self._soon(loop)

    def before_write(self, pack: Callable[[], None]) -> None:
        """Have ``pack`` called at the end of this turn, to send what it has joined till then."""
        self._packers.append(pack)
        self._soon(asyncio.get_running_loop())

    def close(self) -> None:
        """End the connection; calls under way fail."""
        self._drop(ConnectionError("closed"))

    def _soon(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush)

    def _flush(self) -> None:
        packers, self._packers = self._packers, []
        try:
            for pack in packers:
                pack()
        finally:
            self._flushing = False
        if self._line is not None:
            self._line.write(self._outbox)
            self._outbox.clear()
        elif self._dialing is None and self._outbox:
            self._dialing = asyncio.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            line = await _dialled(self._redis, self)
        except (RedisError, OSError) as error:
            self._dialing = None
            self._drop(error)
            return
        self._dialing, self._line = None, line
        self._flush()

    def _watch(self) -> None:
        """Replies come in order: where the first is late, so are all, and the line is given up."""
        self._timer = None
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        left = self._waiting[0][0] - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._watch)
        else:
            self._drop(TimeoutError("no reply in time"))

    def answered(self, line: "_Line", reply: Any) -> None:
        """The reply to the call that has waited longest; after a line was given up, to none."""
        if line is self._line:
            self._waiting.popleft()[1](reply)

    def lost(self, line: "_Line") -> None:
        """The connection ended by itself."""
        if line is self._line:
            self._drop(ConnectionError("connection lost"))

    def _drop(self, error: Exception) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.abort()
        if self._dialing is not None:
            self._dialing.cancel()
            self._dialing = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._outbox.clear()
        waiting, self._waiting = self._waiting, deque()
        for _, done in waiting:
            done(error)


class _Line(asyncio.Protocol):
    """A connection as long as it lasts: redis-py made it and logged in, and hears no more of it."""

    def __init__(self, pipeline: Pipeline, connection: Any) -> None:
        self._pipeline = pipeline
        self._reader = Reader(replyError=_refusal, notEnoughData=_MORE)
        # Kept, as its writer would close the transport when it goes. There is no public way to
        # have the transport of a connection that is logged in.
        self._connection = connection
        self._transport: asyncio.Transport = connection._writer.transport
        self._transport.set_protocol(self)

    def write(self, commands: list[bytes]) -> None:
        if commands:
            self._transport.write(b"".join(commands))

    def abort(self) -> None:
        self._transport.abort()
        self._connection._close()

    def data_received(self, data: bytes) -> None:
        reader, pipeline = self._reader, self._pipeline
        reader.feed(data)
        while (reply := reader.gets()) is not _MORE:
            if type(reply) is not PushNotification:
                pipeline.answered(self, reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pipeline.lost(self)


async def _dialled(redis: Redis, pipeline: Pipeline) -> _Line:
    connection = redis.connection_pool.make_connection()
    try:
        await connection.connect()
        return _Line(pipeline, connection)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise


def _refusal(text: str) -> ResponseError:
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)


def resolve_future(future: "asyncio.Future[Any]", reply: Any) -> None:
    """Give a reply to whoever waits for it still."""
    if future.done():
        return
    if isinstance(reply, Exception):
        future.set_exception(reply)
    else:
        future.set_result(reply)
