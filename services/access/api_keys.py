"""API keys as callers: how a key is made and recognised, and when it was last used."""

import re
import secrets
from collections import OrderedDict
from datetime import datetime

from persistence.api_keys import KEY, KEYS_USED, KnownKey
from persistence.database.pool import Database
from persistence.database.transactions import QueryStats, Reader
from persistence.users.tables import Role
from services.access.callers import Caller
from services.access.revocations import Revocations
from services.access.tokens import hashed
from services.errors.common import TokenExpired, TokenRevoked, Unauthenticated

PREFIX = "tdm_"
#: How much of a key its owner sees: the prefix, and enough to tell keys apart.
_SHOWN = len(PREFIX) + 8
#: The form of every key. A token of another form costs no statement.
_SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
#: Keys that a process remembers.
_MOST_KNOWN = 10_000
#: How often "last used" is written, for all keys at once.
FLUSH_SECONDS = 15.0


def new_secret() -> tuple[str, str]:
    """A new key, which is shown once, and the beginning of it, by which its owner knows it."""
    secret = f"{PREFIX}{secrets.token_urlsafe(32)}"
    return secret, secret[:_SHOWN]


class ApiKeys:
    """The API keys that a process remembers, as long as it polls for their changes."""

    def __init__(self, database: Database, revocations: Revocations) -> None:
        self._database = database
        self._revocations = revocations
        self._known: OrderedDict[bytes, KnownKey] = OrderedDict()
        self._used: dict[str, datetime] = {}
        revocations.on_change(self._forget)

    async def identify(self, bearer: str, reader: Reader, now: datetime) -> Caller:
        """The caller of an API key; ``reader`` reads a key that is not remembered.

        Raises `Unauthenticated` for an unknown key, `TokenExpired`, or `TokenRevoked` when the key
        was revoked or its owner may not sign in.
        """
        if not _SHAPE.fullmatch(bearer):
            raise Unauthenticated
        digest = hashed(bearer)
        key = self._known.get(digest) if self._revocations.fresh else None
        if key is None:
            key = await self._read(reader, digest, now)
        else:
            self._known.move_to_end(digest)
        if key.expires_at <= now:
            raise TokenExpired
        self._used[key.id] = now
        granted = frozenset(key.permissions)
        return Caller(
            key.user_id,
            Role(key.role),
            key_id=key.id,
            granted=granted,
            expires_at=key.expires_at,
        )

    async def _read(self, reader: Reader, digest: bytes, now: datetime) -> KnownKey:
        polls = self._revocations.polls
        key = await reader.one(KEY, hash=digest, now=now)
        if key is None:
            raise Unauthenticated
        if key.expires_at <= now:
            raise TokenExpired
        if not key.live:
            raise TokenRevoked
        # A poll that ended in between may know of a change that this row does not have yet.
        if polls == self._revocations.polls:
            self._known[digest] = key
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return key

    def _forget(self, changed: frozenset[str]) -> None:
        if changed:
            for digest in [one for one, key in self._known.items() if key.id in changed]:
                del self._known[digest]

    async def flush(self) -> None:
        """Write when keys were last used, in one statement for all of them."""
        used = dict(self._used)
        if not used:
            return
        reader = self._database.reader(QueryStats())
        for id in await reader.all(KEYS_USED, ids=list(used), times=list(used.values())):
            if self._used.get(id) == used[id]:
                del self._used[id]
