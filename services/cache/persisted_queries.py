"""Persisted queries: GraphQL documents that clients name by their SHA-256 once they have sent them.

A document is kept in Redis for all processes, and in each process that has seen it. A hash names
one text for ever, so no copy is ever outdated. Where a document is not found, the client sends it
again: nothing breaks when Redis is away or has forgotten it.
"""

import hashlib
from collections import OrderedDict

from redis.exceptions import RedisError

from persistence.reachability import Reachability
from services.redis_calls import RedisBreaker, RedisCalls, Script
from services.settings.settings import Settings

#: In characters. Clients send a longer document whole each time.
LONGEST = 32_000
#: In documents, for the installation: 32 MB of ASCII at most. Strangers can add documents at the
#: pace of their quota, and the one that was not asked for longest goes first.
_MOST_KEPT = 1_000
#: In documents, for a process.
_MOST_REMEMBERED = 256
#: How long Redis keeps them when nobody asks for any.
_KEPT_SECONDS = 7 * 24 * 3600

#: KEYS: the documents by hash, and the time each was asked for last. ARGV: the hash.
_FIND = Script("""
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text then
    redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1])
end
return text
""")
#: KEYS as above. ARGV: the hash, the document, how many are kept, and for how many seconds.
_KEEP = Script("""
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1])
local extra = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if extra > 0 then
    local oldest = redis.call('ZPOPMIN', KEYS[2], extra)
    for place = 1, #oldest, 2 do
        redis.call('HDEL', KEYS[1], oldest[place])
    end
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
""")


def sha256(document: str) -> str:
    """The hash that names a document, as 64 hex digits."""
    return hashlib.sha256(document.encode()).hexdigest()


class PersistedQueries:
    """The persisted queries of an installation, as one of its processes uses them."""

    def __init__(
        self,
        settings: Settings,
        calls: RedisCalls,
        reachability: Reachability,
        *,
        most_kept: int = _MOST_KEPT,
    ) -> None:
        self._calls = calls
        self._breaker = RedisBreaker(settings.redis_seconds, reachability)
        prefix = f"{settings.redis_prefix}:persisted-queries"
        self._keys = (f"{prefix}:documents", f"{prefix}:asked")
        self._most_kept = most_kept
        self._remembered: OrderedDict[str, str] = OrderedDict()

    async def find(self, name: str) -> str | None:
        """The document of a hash; None where it is not known, or Redis is away."""
        known = self._remembered.get(name)
        if known is not None:
            self._remembered.move_to_end(name)
            return known
        found = await self._ask(_FIND, name)
        if not isinstance(found, bytes):
            return None
        document = found.decode()
        # Somebody who can write to Redis could otherwise run another document in a client's name.
        if sha256(document) != name:
            return None
        self._remember(name, document)
        return document

    async def keep(self, name: str, document: str) -> None:
        """Keep a document that fits its hash, unless this process has it or it is too long."""
        if name in self._remembered or len(document) > LONGEST:
            return
        self._remember(name, document)
        await self._ask(_KEEP, name, document, self._most_kept, _KEPT_SECONDS)

    def _remember(self, name: str, document: str) -> None:
        self._remembered[name] = document
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _ask(self, script: Script, *arguments: str | int) -> object:
        """The reply of a script; None where Redis is away."""
        if self._breaker.skips():
            return None
        try:
            reply = await script.run(self._calls, self._keys, arguments)
        except (RedisError, OSError) as error:
            self._breaker.failed(error)
            return None
        self._breaker.worked()
        return reply
