"""Views of posts: a process collects them, and adds those of a second to the posts at once.

A read writes nothing, and waits for nothing. A process that is killed loses a second of views.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.posts.statements import ADD_VIEWS
from persistence.reachability import Reachability
from services.redis_calls import RedisBreaker, RedisCalls
from services.settings.settings import Settings

#: A reader counts once in this time.
_ONCE_IN = timedelta(minutes=30)
#: Readers of posts that a process remembers, about 15 MB. Beyond them the oldest ones are forgotten
#: here, and only Redis knows that they counted.
_MOST_REMEMBERED = 50_000
#: Views that wait to be written. While PostgreSQL is away for long, the rest is not counted.
_MOST_WAITING = 50_000
#: Questions to Redis at a time; its connection takes 4,096 calls of the whole process.
_ASKED_AT_ONCE = 500

#: A post and a reader of it.
Reading = tuple[str, str]


class PostViews:
    """The views of posts that a process has still to write."""

    def __init__(
        self, settings: Settings, database: Database, calls: RedisCalls, reachability: Reachability
    ) -> None:
        self._database = database
        self._calls = calls
        self._breaker = RedisBreaker(settings.redis_seconds, reachability)
        self._prefix = f"{settings.redis_prefix}:views"
        #: When each reader counted last, oldest first.
        self._remembered: OrderedDict[Reading, datetime] = OrderedDict()
        #: Views that Redis has not been asked about.
        self._waiting: list[Reading] = []
        #: Views that count, by post.
        self._counted: Counter[str] = Counter()

    def note(self, post_id: str, reader: str | None, now: datetime) -> None:
        """Note that a post was read; nobody's reading does not count."""
        if reader is None:
            return
        reading = (post_id, reader)
        last = self._remembered.get(reading)
        if last is not None and now - last < _ONCE_IN:
            return
        self._remembered[reading] = now
        self._remembered.move_to_end(reading)
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(reading)

    async def flush(self) -> None:
        """Add the views since the last time to their posts, in one statement for all of them."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), _ASKED_AT_ONCE):
            self._counted.update(await self._new(waiting[start : start + _ASKED_AT_ONCE]))
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        ids = sorted(counted)
        try:
            reader = self._database.reader(QueryStats())
            await reader.all(ADD_VIEWS, ids=ids, counts=[counted[id] for id in ids])
        except BaseException:
            if self._counted.total() + counted.total() <= _MOST_WAITING:
                self._counted.update(counted)
            raise

    async def _new(self, readings: Sequence[Reading]) -> list[str]:
        """The posts of the readings that count: no other process has counted their readers lately.

        While Redis is away, all of them count.
        """
        if self._breaker.skips():
            return [post_id for post_id, _ in readings]
        answers = await asyncio.gather(*map(self._is_new, readings), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, RedisError | OSError):
                self._breaker.failed(answer)
            elif isinstance(answer, BaseException):
                raise answer
        if not any(isinstance(answer, BaseException) for answer in answers):
            self._breaker.worked()
        return [
            post_id
            for (post_id, _), answer in zip(readings, answers, strict=True)
            if answer is not None
        ]

    async def _is_new(self, reading: Reading) -> object:
        """None when the reader counted lately, whichever process told it."""
        seconds = int(_ONCE_IN.total_seconds())
        key = f"{self._prefix}:{':'.join(reading)}"
        return await self._calls.call("SET", key, 1, "NX", "EX", seconds)
