"""The cache: answers that are the same for every caller, stored in Redis until they change.

Each tag has a generation in Redis, a random word. The key of a stored value contains the
generations of its tags. A write deletes the generations of its tags after COMMIT and before its
answer. The next reader makes new generations, and so finds no old value. A reader that read the
database before the write stores its value under the old generations, where nobody finds it.

A process that dies between COMMIT and the deletion leaves outdated values. They expire
`Settings.cache_seconds` after their generations were read.
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
from redis.exceptions import RedisError

from persistence.reachability import Reachability
from services.etags import FORM, tag_of
from services.redis_calls import RedisBreaker, RedisCalls, Script
from services.settings.settings import Settings

#: How long Redis keeps a generation. The values under it expire much earlier.
_GENERATION_SECONDS = 3600
#: A larger value costs more to move than to read again, and it delays the replies of all calls.
_LARGEST = 256 * 1024
#: Tags whose generations a process still has to delete, about 1 MB. Beyond that it uses no cache
#: until all values that may be outdated have expired.
_MOST_PENDING = 10_000

#: KEYS: the tags. ARGV: the prefix of the value's key, a word for generations that are missing,
#: and their life in seconds. Answers the value, or a list with the key to store it under.
_FIND_SCRIPT = Script("""
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
    """An answer as v2 writes it, and its entity tag; "" where it has none."""

    tag: str
    body: bytes


class Found(NamedTuple):
    """An answer from the cache (a hit) or from ``load``; ``thing`` is None in a hit."""

    encoded: Encoded
    thing: Any
    hit: bool


class Cache:
    """The cache of an installation, as one of its processes uses it."""

    def __init__(
        self,
        settings: Settings,
        calls: RedisCalls,
        reachability: Reachability,
        *,
        serves_encoded: bool = False,
    ) -> None:
        #: Whether a face is given the stored answer as it is, `Encoded`.
        self.serves_encoded = serves_encoded
        self._calls = calls
        # On one connection replies come in order. On many, a later call's reply may come earlier,
        # by as long as a call may take.
        self._reply_delay = 0.0 if calls.ordered else settings.redis_seconds
        self._seconds = settings.cache_seconds
        self._prefix = f"{settings.redis_prefix}:cache"
        self._breaker = RedisBreaker(settings.redis_seconds, reachability)
        # New words for generations: no process makes the same word twice, nor another's.
        process_word = token_hex(8)
        self._words = (f"{process_word}{number:x}" for number in count())
        #: Loads under way, by the key that their value is stored under.
        self._flights: dict[bytes, asyncio.Future[Found | None]] = {}
        #: Tags whose generations are still to be deleted, and since when.
        self._pending: dict[str, float] = {}
        self._off_until = 0.0
        #: How often a stored answer was found, and how often not.
        self.hits = self.misses = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def on(self) -> bool:
        """Is the cache on?"""
        return self._seconds > 0

    async def find(self, name: str, tags: Sequence[str], load: Load) -> Found:
        """The answer stored under a name, else the one that ``load`` gives, which is stored.

        When several callers of a process find nothing at the same time, one of them loads.
        """
        until = time.monotonic() + self._seconds
        value, key = await self._look_up(name, tags)
        if value is not None:
            self.hits += 1
            tag, _, body = value.partition(b"\n")
            return Found(Encoded(tag.decode(), body), None, True)
        self.misses += 1
        if key is None:
            return _found(await load())
        flight = self._flights.get(key)
        # The key has the generations that this caller found, so the load began after them.
        if flight is not None and (found := await asyncio.shield(flight)) is not None:
            return found
        if key in self._flights:  # that load failed, and another caller has begun one
            return _found(await load())
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            found = _found(await load())
        except BaseException:
            del self._flights[key]
            flight.set_result(None)
            raise
        flight.set_result(found)
        self._in_background(self._store(key, found.encoded, until))
        return found

    async def bump(self, tags: Iterable[str]) -> None:
        """Outdate all values that have one of these tags; never fails.

        While Redis cannot be reached the tags are remembered, and this process uses no cache
        before they are outdated.
        """
        wanted = list(tags)
        if not wanted or not self.on:
            return
        try:
            # Tried also while the breaker is open: other processes may reach Redis and would
            # answer outdated values.
            if not await self._delete_generations(wanted):
                self._remember(wanted)
        except asyncio.CancelledError:
            self._remember(wanted)
            raise

    def bump_soon(self, tags: Iterable[str]) -> None:
        """Outdate in the background, for a caller who cannot wait."""
        self._in_background(self.bump(list(tags)))

    async def send_pending_bumps(self) -> None:
        """Outdate the tags that were remembered; called periodically and when the process ends."""
        if self._pending:
            await self._sent_pending()

    async def _sent_pending(self) -> bool:
        """Delete the generations that are pending; False while some are left."""
        latest = time.monotonic() - self._seconds
        self._pending = {tag: at for tag, at in self._pending.items() if at > latest}
        pending = dict(self._pending)
        if pending and not await self._delete_generations(list(pending)):
            return False
        for tag, at in pending.items():
            if self._pending.get(tag) == at:
                del self._pending[tag]
        return not self._pending

    def _remember(self, tags: list[str]) -> None:
        now = time.monotonic()
        self._pending.update(dict.fromkeys(tags, now))
        if len(self._pending) > _MOST_PENDING:
            self._pending.clear()
            self._off_until = now + self._seconds

    async def _delete_generations(self, tags: list[str]) -> bool:
        try:
            await self._calls.call("DEL", *[f"{self._prefix}:of:{tag}" for tag in tags])
        except (RedisError, OSError) as error:
            self._failed(error)
            return False
        self._worked()
        return True

    async def _look_up(self, name: str, tags: Sequence[str]) -> tuple[bytes | None, bytes | None]:
        """The stored value, or else the key to store one under; neither while Redis is away."""
        if self._breaker.skips() or time.monotonic() < self._off_until:
            return None, None
        if self._pending and not await self._sent_pending():
            return None, None
        keys = [f"{self._prefix}:of:{tag}" for tag in tags]
        prefix = f"{self._prefix}:{name}"
        arguments = (prefix, next(self._words), _GENERATION_SECONDS)
        try:
            found = await _FIND_SCRIPT.run(self._calls, keys, arguments)
        except (RedisError, OSError) as error:
            self._failed(error)
            return None, None
        self._worked()
        return (found, None) if isinstance(found, bytes) else (None, found[0])

    async def _store(self, key: bytes, encoded: Encoded, until: float) -> None:
        """Store a value for the rest of its life, then end its flight."""
        left = max(0, int((until - time.monotonic()) * 1000))
        try:
            if left and len(encoded.body) <= _LARGEST:
                value = encoded.tag.encode() + b"\n" + encoded.body
                await self._calls.call("SET", key, value, "PX", left)
        except (RedisError, OSError) as error:
            self._failed(error)
        finally:
            # Callers whose reply is from before the value was stored find the flight instead. It
            # is answered no longer than the stored value would be.
            delay = min(self._reply_delay, left / 1000)
            asyncio.get_running_loop().call_later(delay, self._flights.pop, key)

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _failed(self, error: Exception) -> None:
        self._breaker.failed(error)

    def _worked(self) -> None:
        self._breaker.worked()


def encoded(thing: Any) -> Encoded:
    """An answer as the cache stores it."""
    body = _encode(thing)
    return Encoded(tag_of(thing, body) if hasattr(thing, "version") else "", body)


def _found(thing: Any) -> Found:
    return Found(encoded(thing), thing, False)


@lru_cache(maxsize=64)
def decoder(kind: Any) -> "msgspec.json.Decoder[Any]":
    """The decoder of stored values of this type."""
    return msgspec.json.Decoder(kind)


@lru_cache(maxsize=64)
def shape(kind: Any) -> str:
    """A short hash of how a type and its tag are written.

    So two releases that write them differently do not share their values.
    """
    written = msgspec.json.encode(msgspec.json.schema(kind), order="sorted")
    return hashlib.blake2b(written + FORM, digest_size=6).hexdigest()
