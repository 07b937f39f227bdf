"""Access tokens (JWT, EdDSA) and refresh tokens (opaque, stored hashed)."""

import asyncio
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import jwt
import msgspec
import structlog

from persistence.database.failures import DatabaseError
from persistence.database.pool import Database
from persistence.users.tables import Role
from services.access.signing import (
    CLOCK_LEEWAY,
    Seal,
    SealedElsewhere,
    SigningKey,
    opened,
    stored_keys,
)
from services.errors.common import TokenExpired, Unauthenticated, Unavailable
from services.ids import new_id, parsed

log = structlog.get_logger("tandem.tokens")

#: Tokens of ours have 600 characters; a longer one is not worth reading.
_LONGEST_TOKEN = 4096
#: The one spelling of three segments, the last of 64 bytes: its last character has 2 bits to say.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")
#: RFC 9068. No other kind of token, whoever signs it with these keys, is an access token.
_TYPE = "at+jwt"
#: Knows no other algorithm, so none can be confused with ours.
_JWS = jwt.PyJWS(algorithms=["EdDSA"])
#: Keys read longer ago are read again before they are used; a watch reads them more often.
_FRESH_SECONDS = 1.0
#: How often callers may cause the table to be read, and how long they wait for it.
_ASK_SECONDS = 1.0
#: Python's datetime ends with the year 9999.
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True)
class Identity:
    """What a verified access token says."""

    user_id: str
    session_id: str
    role: Role
    expires_at: datetime


class _Claims(msgspec.Struct):
    """The claims of an access token; every one is required, with its type."""

    iss: str
    aud: str
    sub: str
    sid: str
    jti: str
    role: Role
    iat: int
    nbf: int
    exp: int


@dataclass(frozen=True)
class _Verified:
    """What stays true of a token while its key lives; times are compared at each use."""

    identity: Identity
    kid: str
    begins: int
    ends: int


class TokenKeys:
    """Makes and verifies access tokens, with the keys of the table as they were a moment ago."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        clock: Callable[[], datetime],
        *,
        issuer: str,
        audience: str,
        seconds: int,
        remembered: int,
    ) -> None:
        self.seconds = seconds
        self._database = database
        self._seal = seal
        self._clock = clock
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, SigningKey] = {}
        self._cache = _Cache(remembered)
        self._turn = asyncio.Lock()
        self._read_at = self._asked_at = float("-inf")

    async def load(self) -> None:
        """Read the keys from the table, and make the first one when there is none.

        Raises `DatabaseError`, and `SealedElsewhere` when a live key does not open; the others
        count all the same.
        """
        now = self._clock()
        began = time.monotonic()
        rows = await stored_keys(self._database, self._seal, now)
        # A slower reading that began earlier must not undo what a later one found.
        if began < self._read_at:
            return
        self._keys = opened(self._seal, rows, self._keys)
        self._read_at = began
        live = {row.kid for row in rows if row.retires_at is None or now < row.retires_at}
        if not live <= self._keys.keys():
            raise SealedElsewhere

    async def ready(self) -> None:
        """See that the keys are known and fresh, before `issue`.

        While the database is away those known go on; raises `Unavailable` when none are.
        """
        if self._stale:
            await self._read_again()
        if not self._keys:
            raise Unavailable

    def issue(self, user_id: str, session_id: str, role: str, now: datetime) -> str:
        """An access token for a session; raises `Unavailable` before the keys are `ready`."""
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "sid": session_id,
            "jti": new_id(now),
            "role": role,
            "iat": now,
            "nbf": now,
            "exp": now + timedelta(seconds=self.seconds),
        }
        key = self.signing(now)
        headers = {"kid": key.kid, "typ": _TYPE}
        return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)

    def signing(self, now: datetime) -> SigningKey:
        """The key that signs at this time; raises `Unavailable` when none is known."""
        keys = list(self._keys.values())
        if not keys:
            raise Unavailable
        # Whose clock is behind may not have come to the first key's beginning yet.
        return [keys[0], *(key for key in keys if key.signs_from <= now)][-1]

    async def verify(self, token: str, now: datetime) -> Identity:
        """Who the token speaks for; raises `Unauthenticated` or `TokenExpired`.

        `TokenExpired` is said of genuine tokens only; all others are refused alike. Raises
        `Unavailable` when no keys are known yet.
        """
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated
        if self._stale:
            await self.ready()
        known = self._cache.get(token)
        verified = known or await self._verified(token)
        key = self._keys.get(verified.kid)
        if key is None or not key.live(now):
            raise Unauthenticated
        moment = now.timestamp()
        if verified.begins > moment + CLOCK_LEEWAY.total_seconds():
            raise Unauthenticated
        if verified.ends <= moment:
            raise TokenExpired
        if known is None:
            self._cache.put(token, verified)
        return verified.identity

    def jwks(self) -> dict[str, Any]:
        """The public keys that count now, those that are yet to sign among them, as a JWK set."""
        now = self._clock()
        return {"keys": [_jwk(key) for key in self._keys.values() if key.live(now)]}

    async def _verified(self, token: str) -> _Verified:
        """What a token says, once its signature and every claim but the times are right."""
        try:
            key = await self._key_of(token)
            payload = _JWS.decode(token, key.public, algorithms=["EdDSA"])
            return self._read(msgspec.json.decode(payload, type=_Claims), key.kid)
        except (jwt.PyJWTError, msgspec.DecodeError, UnicodeError):
            raise Unauthenticated from None

    async def _key_of(self, token: str) -> SigningKey:
        """The key that a token's header names."""
        if not _SHAPE.fullmatch(token):
            raise Unauthenticated
        header = _JWS.get_unverified_header(token)
        kid = header.get("kid")
        # Ours says these three things and no other: no keys of its own, no critical extensions.
        if header != {"alg": "EdDSA", "typ": _TYPE, "kid": kid} or not isinstance(kid, str):
            raise Unauthenticated
        if kid not in self._keys:
            await self._read_again()
        if kid not in self._keys:
            raise Unauthenticated
        return self._keys[kid]

    def _read(self, claims: _Claims, kid: str) -> _Verified:
        user_id, session_id = parsed(claims.sub), parsed(claims.sid)
        if user_id is None or session_id is None or parsed(claims.jti) is None:
            raise Unauthenticated
        if (claims.iss, claims.aud) != (self._issuer, self._audience):
            raise Unauthenticated
        if not 0 < claims.exp - claims.iat <= self.seconds:
            raise Unauthenticated
        begins = max(claims.iat, claims.nbf)
        ends = min(max(claims.exp, 0), _LAST_SECOND)
        identity = Identity(user_id, session_id, claims.role, datetime.fromtimestamp(ends, UTC))
        return _Verified(identity, kid, begins, ends)

    @property
    def _stale(self) -> bool:
        return time.monotonic() - self._read_at > _FRESH_SECONDS

    async def _read_again(self) -> None:
        """Read the table for a caller: one at a time, and not more often than once a second.

        Who has no keys at all shares the next reading with whoever else has come by then.
        """
        came = time.monotonic()
        async with self._turn:
            if self._asked_at >= (time.monotonic() - _ASK_SECONDS if self._keys else came):
                return
            self._asked_at = time.monotonic()
            try:
                # Who has keys waits little: they are good for a while without the database.
                async with asyncio.timeout(_ASK_SECONDS if self._keys else None):
                    await self.load()
            except (DatabaseError, SealedElsewhere, TimeoutError) as error:
                log.warning("signing keys not read", error=repr(error))


class _Cache:
    """Tokens that were verified, the latest used: 132 µs each that need not be spent again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[str, _Verified] = OrderedDict()

    def get(self, token: str) -> _Verified | None:
        """What is known of exactly this token."""
        found = self._found.get(token)
        if found is not None:
            self._found.move_to_end(token)
        return found

    def put(self, token: str, verified: _Verified) -> None:
        """Remember a token, and forget the one that was not used for longest."""
        self._found[token] = verified
        if len(self._found) > self._most:
            self._found.popitem(last=False)

    def __len__(self) -> int:
        return len(self._found)


def _jwk(key: SigningKey) -> dict[str, str]:
    x = urlsafe_b64encode(key.public.public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid, "x": x}


def new_refresh_token() -> str:
    """A new refresh token: 256 random bits behind a prefix that scanners can find."""
    return f"tdr_{secrets.token_urlsafe(32)}"


def hashed(token: str) -> bytes:
    """What is stored of a refresh token. It is random, so a plain hash is enough."""
    return sha256(token.encode()).digest()
