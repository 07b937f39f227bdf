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

from persistence.database import failures
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

#: Our tokens have about 600 characters; a longer one is not read.
_LONGEST_TOKEN = 4096
#: Three segments in their only spelling. The last one has 64 bytes, so its last character holds
#: two bits and is one of four.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")
#: The type of an access token (RFC 9068). A token of another type is refused, whoever signed it.
_TYPE = "at+jwt"
#: Knows this algorithm only, so no other one can be confused with it.
_JWS = jwt.PyJWS(algorithms=["EdDSA"])
#: Keys that were read longer ago are read again before use. A periodic task reads them more often.
_FRESH_SECONDS = 1.0
#: How often callers may make a process read the table, and how long they wait for that.
_RELOAD_SECONDS = 1.0
#: Python's datetime ends with the year 9999.
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True)
class Identity:
    """The session and user of a verified access token."""

    user_id: str
    session_id: str
    role: Role
    expires_at: datetime


class _Claims(msgspec.Struct):
    """The claims of an access token; each one is required."""

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
    """A verified token, which stays valid while its key does; its times are checked at each use."""

    identity: Identity
    kid: str
    begins: int
    ends: int


class TokenKeys:
    """Makes and verifies access tokens, with the signing keys of the table."""

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
        self._reloading = asyncio.Lock()
        self._read_at = self._reloaded_at = float("-inf")
        self._unread = False  # the last reload failed

    async def load(self) -> None:
        """Read the keys from the table, and make the first one when there is none.

        Raises `DatabaseError`, and `SealedElsewhere` when a live key does not open. The keys that
        open are used all the same.
        """
        now = self._clock()
        began = time.monotonic()
        rows = await stored_keys(self._database, self._seal, now)
        # A slow read that began earlier must not replace the keys of a later one.
        if began < self._read_at:
            return
        self._keys = opened(self._seal, rows, self._keys)
        self._read_at = began
        live = {row.kid for row in rows if row.retires_at is None or now < row.retires_at}
        if not live <= self._keys.keys():
            raise SealedElsewhere

    async def ready(self) -> None:
        """Read the keys again when they are old; call this before `issue`.

        While the database is away, the keys that are known stay in use. Raises `Unavailable` when
        none is known.
        """
        if self._stale:
            await self._reload()
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
        # By a clock that is behind, even the first key may not sign yet.
        return [keys[0], *(key for key in keys if key.signs_from <= now)][-1]

    async def verify(self, token: str, now: datetime) -> Identity:
        """The session and user of a token.

        Raises `TokenExpired` for a genuine token after its time, and `Unauthenticated` for every
        other bad one. Raises `Unavailable` when no keys are known yet, or the token's key is none
        of them and the table cannot be read.
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
        """The public keys that verify tokens now or will sign later, as a JWK set."""
        now = self._clock()
        return {"keys": [_jwk(key) for key in self._keys.values() if key.live(now)]}

    async def _verified(self, token: str) -> _Verified:
        """Verify the signature and all claims except the times."""
        try:
            key = await self._key_of(token)
            payload = _JWS.decode(token, key.public, algorithms=["EdDSA"])
            return self._read(msgspec.json.decode(payload, type=_Claims), key.kid)
        except (jwt.PyJWTError, msgspec.DecodeError, UnicodeError):
            raise Unauthenticated from None

    async def _key_of(self, token: str) -> SigningKey:
        """The key that a token's header names.

        Raises `Unavailable` for an unknown one while the table cannot be read: the token may be
        good, and nobody must be signed out by an outage.
        """
        if not _SHAPE.fullmatch(token):
            raise Unauthenticated
        header = _JWS.get_unverified_header(token)
        kid = header.get("kid")
        # Our header has these three members only: no key of its own, no critical extension.
        if header != {"alg": "EdDSA", "typ": _TYPE, "kid": kid} or not isinstance(kid, str):
            raise Unauthenticated
        if kid not in self._keys:
            await self._reload()
        if kid not in self._keys:
            raise Unavailable if self._unread else Unauthenticated
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

    async def _reload(self) -> None:
        """Read the table for a caller, one at a time and at most once a second.

        A caller who finds no keys at all waits for the next read, together with all others.
        """
        called_at = time.monotonic()
        async with self._reloading:
            oldest = time.monotonic() - _RELOAD_SECONDS if self._keys else called_at
            if self._reloaded_at >= oldest:
                return
            self._reloaded_at = time.monotonic()
            self._unread = True
            try:
                # With keys a caller waits briefly, as they stay good without the database.
                async with asyncio.timeout(_RELOAD_SECONDS if self._keys else None):
                    await self.load()
                self._unread = False
            except (failures.Unavailable, TimeoutError):
                pass  # the database's pool tells that it is away
            except (DatabaseError, SealedElsewhere) as error:
                self._unread = not isinstance(error, SealedElsewhere)
                log.warning("signing keys not read", error=repr(error))


class _Cache:
    """The verified tokens that were used last, which saves 132 µs for each call with one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[str, _Verified] = OrderedDict()

    def get(self, token: str) -> _Verified | None:
        """The verified token; None when it is not remembered."""
        found = self._found.get(token)
        if found is not None:
            self._found.move_to_end(token)
        return found

    def put(self, token: str, verified: _Verified) -> None:
        """Remember a token, and forget the least recently used one beyond the limit."""
        self._found[token] = verified
        if len(self._found) > self._most:
            self._found.popitem(last=False)

    def __len__(self) -> int:
        return len(self._found)


def _jwk(key: SigningKey) -> dict[str, str]:
    x = urlsafe_b64encode(key.public.public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.kid, "x": x}


#: How a refresh token is written.
REFRESH_TOKEN = re.compile(r"tdr_[A-Za-z0-9_-]{43}")


def new_refresh_token() -> str:
    """A new refresh token: 256 random bits behind a prefix that scanners can find."""
    return f"tdr_{secrets.token_urlsafe(32)}"


def hashed(token: str) -> bytes:
    """The hash that is stored of a token. A token is random, so a plain hash is enough."""
    return sha256(token.encode()).digest()
