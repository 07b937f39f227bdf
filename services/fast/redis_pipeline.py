"""One connection to Redis for all calls of a process; the calls of one turn are one write.

redis-py takes a connection, writes, waits and times each call by itself, which costs 140 µs. Here
a call leaves its bytes and a function for the reply, and Redis replies in order. redis-py still
makes the connection, with its address, TLS and login.
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

#: Calls under way at a time, more than a process has requests at once. Beyond that Redis does not
#: keep up, and a call fails at once instead of waiting.
_MOST_WAITING = 4096
_INCOMPLETE: Any = object()

#: Takes the reply or the error; must not raise.
Done = Callable[[Any], None]

# Its stub takes tuples of one word only.
_pack: Callable[[tuple[Word, ...]], bytes] = pack_command  # pyright: ignore[reportAssignmentType]


class Pipeline:
    """Calls in order on one connection, which is made again when it is lost.

    A call fails with a `RedisError` when Redis refuses it, when the connection is lost, or when
    the reply takes longer than ``seconds``. A caller that gives up does not shift other replies.
    """

    ordered = True

    def __init__(self, redis: Redis, seconds: float) -> None:
        self._redis = redis
        self._seconds = seconds
        self._packers: list[Callable[[], None]] = []
        self._outbox: list[bytes] = []
        self._waiting: deque[tuple[float, Done]] = deque()
        self._flushing = False
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
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
        self._outbox.append(_pack(tuple(words)))
        self._waiting.append((loop.time() + self._seconds, done))
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._check_late)
        self._schedule_flush(loop)

    def before_write(self, pack: Callable[[], None]) -> None:
        """Call ``pack`` at the end of this turn, before the write, to send what it collected."""
        self._packers.append(pack)
        self._schedule_flush(asyncio.get_running_loop())

    def close(self) -> None:
        """End the connection; calls under way fail."""
        self._drop(ConnectionError("closed"))

    def _schedule_flush(self, loop: asyncio.AbstractEventLoop) -> None:
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
        if self._connection is not None:
            self._connection.write(self._outbox)
            self._outbox.clear()
        elif self._connecting is None and self._outbox:
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            connection = await _connected(self._redis, self)
        except (RedisError, OSError) as error:
            self._connecting = None
            self._drop(error)
            return
        self._connecting, self._connection = None, connection
        self._flush()

    def _check_late(self) -> None:
        """Drop the connection when its first reply is late: replies come in order, so all are."""
        self._timer = None
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        left = self._waiting[0][0] - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._check_late)
        else:
            self._drop(TimeoutError("no reply in time"))

    def answered(self, connection: "_Connection", reply: Any) -> None:
        """Give a reply to the call that has waited longest; ignore that of a dropped connection."""
        if connection is self._connection:
            self._waiting.popleft()[1](reply)

    def lost(self, connection: "_Connection") -> None:
        """Drop a connection that ended by itself."""
        if connection is self._connection:
            self._drop(ConnectionError("connection lost"))

    def _drop(self, error: Exception) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._outbox.clear()
        waiting, self._waiting = self._waiting, deque()
        for _, done in waiting:
            done(error)


class _Connection(asyncio.Protocol):
    """A connection that redis-py made and logged in; it reads and writes without redis-py."""

    def __init__(self, pipeline: Pipeline, connection: Any) -> None:
        self._pipeline = pipeline
        self._reader = Reader(replyError=_refusal, notEnoughData=_INCOMPLETE)
        # Stored, as its writer closes the transport when it is collected. redis-py has no public
        # way to the transport of a connection that is logged in.
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
        while (reply := reader.gets()) is not _INCOMPLETE:
            if type(reply) is not PushNotification:
                pipeline.answered(self, reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pipeline.lost(self)


async def _connected(redis: Redis, pipeline: Pipeline) -> _Connection:
    connection = redis.connection_pool.make_connection()
    try:
        await connection.connect()
        return _Connection(pipeline, connection)
    except BaseException:
        await connection.disconnect(nowait=True)
        raise


def _refusal(text: str) -> ResponseError:
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)


def resolve_future(future: "asyncio.Future[Any]", reply: Any) -> None:
    """Give a reply or an error to a future, unless its caller has given up."""
    if future.done():
        return
    if isinstance(reply, Exception):
        future.set_exception(reply)
    else:
        future.set_result(reply)
