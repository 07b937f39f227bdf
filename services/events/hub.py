"""The hub: follows the log for all event streams of a process, and gives each what it may hear.

One loop reads the log's head five times a second, and at once when a sequencer tells through Redis
that there are new positions. Each new event is read once and shown in at most four ways: with and
without positions, to those whom it concerns and to the public. So its cost depends on the streams
that hear it, not on those that do not. Without streams the hub does nothing.
"""

import asyncio
import random
from asyncio import Task
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from persistence.database.failures import DatabaseError
from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.events.statements import HEAD, Head
from persistence.events.views import NEW_EVENTS, NewEvent
from services import metrics
from services.access.revocations import Revocations
from services.errors.common import RateLimited, TokenExpired, TokenRevoked, Unavailable
from services.events.cursors import LogCursors
from services.events.envelope import GAP, Event, Frame, shown
from services.events.sequencing import Sequencer
from services.events.streams import EventStream
from services.ids import new_id
from services.settings.settings import Settings

log = structlog.get_logger("tandem.events")

#: How often the log is read. It is the truth; Redis only makes it sooner.
POLL_SECONDS = 0.2
#: How often a process with streams moves events into the log itself. A look into an empty outbox is
#: one short statement, and workers look five times a second only.
_SEQUENCE_SECONDS = 0.04
_AT_ONCE = 500
#: Events go to so many streams before other tasks get a turn.
_BEFORE_OTHERS = 500
#: How long the hub waits before it connects to Redis again.
_REDIS_PAUSE_SECONDS = 1.0
#: Streams that a server ends come back spread over this time.
RETRY_SECONDS = (1, 5)


def _stopping() -> Unavailable:
    """The end of a stream of a server that stops; each has a wait of its own."""
    wait = random.randint(*RETRY_SECONDS)  # noqa: S311 - it spreads load
    detail = "The server stops. Connect again with the last cursor; nothing is lost."
    return Unavailable(detail, details={"retryAfterSeconds": wait})


class EventHub:
    """The event streams of one process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        redis: Redis,
        sequencer: Sequencer,
        cursors: LogCursors,
        revocations: Revocations,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._database = database
        self._redis = redis
        self._sequencer = sequencer
        self._cursors = cursors
        self._revocations = revocations
        self._clock = clock
        self._epoch = ""
        #: The position up to which events were given to streams.
        self.position = 0
        self.streams: dict[EventStream, None] = {}
        self._by_user: defaultdict[str, dict[EventStream, None]] = defaultdict(dict)
        self._by_audience: defaultdict[str, dict[EventStream, None]] = defaultdict(dict)
        self._by_credential: defaultdict[str, dict[EventStream, None]] = defaultdict(dict)
        self._by_payer: Counter[str] = Counter()
        self._occupied = asyncio.Event()
        self._wake = asyncio.Event()
        #: The work that failed last time, so that each failure is logged once.
        self._failing: set[str] = set()
        self._tasks: list[Task[None]] = []
        self.draining = False
        revocations.on_change(self._end_revoked)

    def join(self, stream: EventStream, head: Head) -> None:
        """Keep a stream; ``head`` is the log's end, read just before.

        Raises `RateLimited` where the caller has too many streams, and `Unavailable` where the
        process has. Where the process stops, the stream ends at once.
        """
        settings = self._settings
        if self.draining:
            # Told in the stream, with a time to come back: a refusal would be final for browsers.
            stream.end(_stopping())
            return
        most = settings.streams_per_caller
        if self._by_payer[stream.payer] >= most:
            detail = f"You have {most} open streams here; end one of them first."
            raise RateLimited(detail, details={"retryAfterSeconds": RETRY_SECONDS[1]})
        if len(self.streams) >= settings.streams:
            raise Unavailable("Too many streams are open. Try again in a moment.")
        if not self.streams:
            self._epoch, self.position = head.epoch, head.position
        self.streams[stream] = None
        for index, key in self._indexes(stream):
            index[key][stream] = None
        self._by_payer[stream.payer] += 1
        metrics.count_stream(stream.face, 1)
        self._occupied.set()
        if not self._tasks:
            self._start(self._follow(), self._listen(), self._sequence())

    def leave(self, stream: EventStream) -> None:
        """Forget a stream that has ended."""
        if stream not in self.streams:
            return
        del self.streams[stream]
        for index, key in self._indexes(stream):
            del index[key][stream]
            if not index[key]:
                del index[key]
        self._by_payer[stream.payer] -= 1
        if not self._by_payer[stream.payer]:
            del self._by_payer[stream.payer]
        metrics.count_stream(stream.face, -1)
        metrics.count_stream_end(stream.face, stream.error.code if stream.error else "LEFT")
        if not self.streams:
            self._occupied.clear()

    def drain(self) -> None:
        """End every stream with `Unavailable`, as well as new ones: the server stops."""
        self.draining = True
        for stream in list(self.streams):
            stream.end(_stopping())

    async def close(self) -> None:
        """End what the hub does in the background."""
        self.drain()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    def _indexes(
        self, stream: EventStream
    ) -> Iterable[tuple[defaultdict[str, dict[EventStream, None]], str]]:
        listener = stream.listener
        yield self._by_user, listener.user_id
        yield self._by_credential, stream.credential
        for name in listener.hearing.as_other:
            yield self._by_audience, name

    def _start(self, *steps: Coroutine[None, None, None]) -> None:
        self._tasks = [asyncio.create_task(step) for step in steps]

    async def _follow(self) -> None:
        """Read the log as long as there are streams."""
        while True:
            await self._occupied.wait()
            self._wake.clear()
            more = await self._tried("reading the log", self._poll)
            self._end_expired()
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()

    async def _poll(self) -> bool:
        """Give new events to streams; are there more of them?"""
        before = self._epoch, self.position
        reader = self._database.reader(QueryStats())
        head = await reader.one(HEAD)
        if head is None or (self._epoch, self.position) != before:
            return False  # the last stream left, and another one came
        if head.epoch != self._epoch or head.position < self.position:
            # The database was restored: the log before it is gone.
            self._tell_gap(head.epoch, head.position)
            return False
        if head.position == self.position:
            return False
        rows = await reader.all(NEW_EVENTS, position=self.position, limit=_AT_ONCE)
        if (self._epoch, self.position) != before:
            return False
        if not self._revocations.fresh:
            # PostgreSQL was away: nobody hears anything before it is known whose session ended.
            await self._revocations.poll()
        for row in rows:
            if row.position > self.position + 1:
                self._tell_gap(self._epoch, row.position - 1)
            self.position = row.position
            await self._deliver(row)
        return len(rows) == _AT_ONCE

    async def _deliver(self, row: NewEvent) -> None:
        frames: dict[tuple[bool, bool], Frame] = {}
        for number, stream in enumerate(self._hearing(row)):
            if number % _BEFORE_OTHERS == _BEFORE_OTHERS - 1:
                await asyncio.sleep(0)
            if stream.ended or not stream.live or not stream.wants(row):
                continue
            concerned = stream.listener.concerned(row)
            if not (concerned or row.is_public):
                continue
            way = concerned, stream.sees_positions
            frame = frames.get(way)
            if frame is None:
                event = shown(
                    self._cursors, self._epoch, row, is_insider=way[0], sees_positions=way[1]
                )
                frame = frames[way] = Frame(event)
            stream.position = row.position
            stream.offer(frame)
            metrics.count_stream_event(stream.face)
        metrics.observe_stream_lag((self._clock() - row.at).total_seconds())

    def _hearing(self, row: NewEvent) -> list[EventStream]:
        """The streams that may hear an event."""
        if row.is_public:
            return list(self.streams)
        found: dict[EventStream, None] = {}
        if row.owner_id is not None:
            found |= self._by_user.get(row.owner_id, {})
        return list(found | self._by_audience.get(row.audience, {}))

    def _tell_gap(self, epoch: str, position: int) -> None:
        """Tell every stream that events are missing, and go on behind ``position``."""
        self._epoch, self.position = epoch, position
        now = self._clock()
        event = Event(
            id=new_id(now),
            type=GAP,
            cursor=self._cursors.write(epoch, position),
            position=None,
            at=now,
            subject=epoch,
            data=None,
            request_id=None,
        )
        frame = Frame(event)
        for stream in list(self.streams):
            if stream.live:
                stream.position = position
                stream.offer(frame)
        log.warning("events are missing in the log", position=position)

    def _end_revoked(self, ids: frozenset[str]) -> None:
        for id in ids:
            for stream in list(self._by_credential.get(id, ())):
                stream.end(TokenRevoked("The session or key of this stream has ended or changed."))

    def _end_expired(self) -> None:
        now = self._clock()
        for stream in [one for one in self.streams if one.expires_at and one.expires_at <= now]:
            stream.end(TokenExpired())

    async def _sequence(self) -> None:
        """Move events into the log as long as there are streams."""
        while True:
            await self._occupied.wait()
            if await self._tried("moving events into the log", self._sequencer.poll):
                self._wake.set()
            await asyncio.sleep(_SEQUENCE_SECONDS)

    async def _tried(self, name: str, work: Callable[[], Awaitable[object]]) -> bool:
        """Whether a piece of work did something; a failure is logged once, until it goes well."""
        try:
            did = bool(await work())
        except DatabaseError:  # the pool tells that PostgreSQL is away
            return False
        except Exception as error:
            if name not in self._failing:
                log.error(f"{name} failed", exc_info=error)
            self._failing.add(name)
            return False
        self._failing.discard(name)
        return did

    async def _listen(self) -> None:
        """Wake when a sequencer of another process tells of new positions."""
        while True:
            await self._occupied.wait()
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(self._sequencer.channel)
                    while True:
                        told = await channel.get_message(
                            ignore_subscribe_messages=True, timeout=POLL_SECONDS * 25
                        )
                        if told is not None:
                            self._wake.set()
            except (RedisError, OSError):
                await asyncio.sleep(_REDIS_PAUSE_SECONDS)
