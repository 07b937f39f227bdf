"""The cache: answers that do not depend on who asks, kept in Redis until what they show changes.

The key of a kept value carries the generations of its tags, which are random words in Redis. A
writer takes the generations of what it touched away, after COMMIT and before its answer: whoever
looks from then on makes new ones, and finds nothing kept under them. Who read the database before
that stores under generations that nobody looks for again. What a writer that died leaves is gone
after `Settings.cache_seconds`, counted from when the generations were read.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from itertools import count
from secrets import token_hex
from typing import Any, NamedTuple

import msgspec
import structlog
from redis.exceptions import RedisError

from services.etags import tag_of
from services.redis_breaker import RedisBreaker
from services.redis_calls import RedisCalls, Script
from services.settings import Settings

log = structlog.get_logger("tandem.cache")

#: Generations that nobody asked for in an hour are forgotten: the values under them are gone for
#: long, and the next one is new.
_GENERATION_SECONDS = 3600
#: What is larger costs more to move than to read again, and holds up everybody's replies.
_LARGEST = 256 * 1024
#: Tags a process remembers that it could not renew, some 1 MB; beyond that it keeps nothing and
#: looks for nothing until all that may be outdated is gone.
_MOST_OWED = 10_000

#: KEYS: the generations. ARGV: how the value's key begins, a word for generations that are not
#: there, and how long they stay. Answers the value, or its key in a list.
_LOOK = Script("""
local where = ARGV[1]
for _, key in ipairs(KEYS) do
    local generation = redis.call('GET', key)
    if not generation then
        generation = ARGV[2]
        redis.call('SET', key, generation, 'EX', ARGV[3])
    end
    where = where .. ':' .. generation
end
return redis.call('GET', where) or {where}
""")

_encode = msgspec.json.Encoder().encode

Load = Callable[[], Awaitable[Any]]


class Encoded(NamedTuple):
    """A thing as v2 writes it, and its entity tag; "" where it has none."""

    tag: str
    body: bytes


class Found(NamedTuple):
    """What was found: encoded, decoded unless it came from Redis, and whether it was kept."""

    encoded: Encoded
    thing: Any
    hit: bool


class Cache:
    """The cache of an installation, as one of its processes uses it."""

    def __init__(
        self, settings: Settings, calls: RedisCalls, *, serves_encoded: bool = False
    ) -> None:
        #: Whether a face is given what is stored as it is, `Encoded`.
        self.serves_encoded = serves_encoded
        self._calls = calls
        # On one connection no answer overtakes another; on many, by as long as a call may take.
        self._overtaken = 0.0 if calls.ordered else settings.redis_seconds
        self._seconds = settings.cache_seconds
        self._prefix = f"{settings.redis_prefix}:cache"
        self._breaker = RedisBreaker(settings.redis_seconds)
        # A word that was never a generation before: no process makes another's, nor its own again.
        of_this_process = token_hex(8)
        self._words = (f"{of_this_process}{number:x}" for number in count())
        self._flights: dict[bytes, asyncio.Future[Found | None]] = {}
        self._owed: dict[str, float] = {}
        self._blind_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def on(self) -> bool:
        """Is anything kept at all?"""
        return self._seconds > 0

    async def find(self, name: str, tags: Sequence[str], load: Load) -> Found:
        """What is kept under a name, else what ``load`` gives; that is kept for the next.

        Of callers that look for the same at one time in a process, one loads.
        """
        until = time.monotonic() + self._seconds
        value, where = await self._look(name, tags)
        if value is not None:
            tag, _, body = value.partition(b"\n")
            return Found(Encoded(tag.decode(), body), None, True)
        if where is None:
            return _found(await load())
        flight = self._flights.get(where)
        # Its key has the generations that this caller found: what it brings was read after them.
        if flight is not None and (found := await asyncio.shield(flight)) is not None:
            return found
        if where in self._flights:  # whoever loaded it failed, and another is at it already
            return _found(await load())
        flight = self._flights[where] = asyncio.get_running_loop().create_future()
        try:
            found = _found(await load())
        except BaseException:
            del self._flights[where]
            flight.set_result(None)
            raise
        flight.set_result(found)
        self._beside(self._store(where, found.encoded, until))
        return found

    async def bump(self, tags: Iterable[str]) -> None:
        """Let nobody find any more what was kept under these tags; never fails.

        What could not be done is remembered, and done before this process looks for anything.
        """
        wanted = list(tags)
        if not wanted or not self.on:
            return
        try:
            # Also while Redis is left alone: the others find it, and would show what was.
            if not await self._renew(wanted):
                self._owe(wanted)
        except asyncio.CancelledError:
            self._owe(wanted)
            raise

    def bump_soon(self, tags: Iterable[str]) -> None:
        """The same beside the caller, who cannot wait."""
        self._beside(self.bump(list(tags)))

    async def send_pending_bumps(self) -> None:
        """Do what could not be done before; a watch calls it, and whoever ends the process."""
        if self._owed:
            await self._settled()

    async def _settled(self) -> bool:
        """Is nothing owed any more?"""
        latest = time.monotonic() - self._seconds
        self._owed = {tag: at for tag, at in self._owed.items() if at > latest}
        owed = dict(self._owed)
        if owed and not await self._renew(list(owed)):
            return False
        for tag, at in owed.items():
            if self._owed.get(tag) == at:
                del self._owed[tag]
        return not self._owed

    def _owe(self, tags: list[str]) -> None:
        now = time.monotonic()
        self._owed.update(dict.fromkeys(tags, now))
        if len(self._owed) > _MOST_OWED:
            self._owed.clear()
            self._blind_until = now + self._seconds

    async def _renew(self, tags: list[str]) -> bool:
        try:
            await self._calls.call("DEL", *[f"{self._prefix}:of:{tag}" for tag in tags])
        except (RedisError, OSError) as error:
            self._failed(error)
            return False
        self._worked()
        return True

    async def _look(self, name: str, tags: Sequence[str]) -> tuple[bytes | None, bytes | None]:
        """The value, or where to keep one; neither while Redis is away."""
        if self._breaker.skips() or time.monotonic() < self._blind_until:
            return None, None
        if self._owed and not await self._settled():
            return None, None
        keys = [f"{self._prefix}:of:{tag}" for tag in tags]
        begins = f"{self._prefix}:{name}"
        arguments = (begins, next(self._words), _GENERATION_SECONDS)
        try:
            found = await _LOOK.run(self._calls, keys, arguments)
        except (RedisError, OSError) as error:
            self._failed(error)
            return None, None
        self._worked()
        return (found, None) if isinstance(found, bytes) else (None, found[0])

    async def _store(self, where: bytes, encoded: Encoded, until: float) -> None:
        """Keep a value for what is left of its time; those who wait for it may go on with it."""
        left = max(0, int((until - time.monotonic()) * 1000))
        try:
            if left and len(encoded.body) <= _LARGEST:
                value = encoded.tag.encode() + b"\n" + encoded.body
                await self._calls.call("SET", where, value, "PX", left)
        except (RedisError, OSError) as error:
            self._failed(error)
        finally:
            # Whoever looked before it was stored has found the flight by then. What it brought is
            # not handed out for longer than it would be kept.
            late = min(self._overtaken, left / 1000)
            asyncio.get_running_loop().call_later(late, self._flights.pop, where)

    def _beside(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _failed(self, error: Exception) -> None:
        if self._breaker.failed():
            log.warning("redis not reachable: nothing is cached", error=repr(error))

    def _worked(self) -> None:
        if self._breaker.worked():
            log.info("redis is back: answers are cached again")


def encoded(thing: Any) -> Encoded:
    """A thing as it is kept."""
    body = _encode(thing)
    return Encoded(tag_of(thing.version, body) if hasattr(thing, "version") else "", body)


def _found(thing: Any) -> Found:
    return Found(encoded(thing), thing, False)


@lru_cache(maxsize=64)
def decoder(kind: Any) -> "msgspec.json.Decoder[Any]":
    """Reads what was kept of this type."""
    return msgspec.json.Decoder(kind)


@lru_cache(maxsize=64)
def shape(kind: Any) -> str:
    """Names how a type is written: processes of two releases keep their values apart."""
    written = msgspec.json.encode(msgspec.json.schema(kind), order="sorted")
    return hashlib.blake2b(written, digest_size=6).hexdigest()
