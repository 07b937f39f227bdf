"""Access tokens (JWT, EdDSA) and refresh tokens (opaque, stored hashed)."""

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from persistence.users import Role
from services.core.errors import TokenExpired, Unauthenticated
from services.core.ids import new_id, parsed

_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "role", "iat", "nbf", "exp"]
#: Tokens of ours have 600 characters; a longer one is not worth reading.
_LONGEST_TOKEN = 4096


@dataclass(frozen=True)
class Identity:
    """What a verified access token says."""

    user_id: str
    session_id: str
    role: Role


class TokenKeys:
    """Makes and verifies access tokens; signs with the newest secret, trusts two."""

    def __init__(
        self, secret: str, previous: str | None, *, issuer: str, audience: str, seconds: int
    ) -> None:
        self.seconds = seconds
        self._issuer = issuer
        self._audience = audience
        self._private = _private_key(secret)
        self._kid = _kid(self._private.public_key())
        keys = [self._private]
        if previous is not None:
            keys.append(_private_key(previous))
        self._public = {_kid(key.public_key()): key.public_key() for key in keys}

    def issue(self, user_id: str, session_id: str, role: str, now: datetime) -> str:
        """An access token for a session."""
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
        return jwt.encode(claims, self._private, algorithm="EdDSA", headers={"kid": self._kid})

    def verify(self, token: str, now: datetime) -> Identity:
        """Who the token speaks for; raises `Unauthenticated` or `TokenExpired`."""
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated
        try:
            key = self._public[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=self._audience,
                issuer=self._issuer,
                # Times are compared below, with the clock that the rest of the process reads.
                options={
                    "require": _CLAIMS,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            return _identity(claims, now)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
            raise Unauthenticated from None

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JWK set."""
        return {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "use": "sig",
                    "alg": "EdDSA",
                    "kid": kid,
                    "x": urlsafe_b64encode(_raw(key)).rstrip(b"=").decode(),
                }
                for kid, key in self._public.items()
            ]
        }


def _identity(claims: dict[str, Any], now: datetime) -> Identity:
    user_id, session_id = parsed(claims["sub"]), parsed(claims["sid"])
    if user_id is None or session_id is None:
        raise Unauthenticated
    if int(claims["nbf"]) > now.timestamp():
        raise Unauthenticated
    if int(claims["exp"]) <= now.timestamp():
        raise TokenExpired
    return Identity(user_id, session_id, Role(claims["role"]))


def _private_key(secret: str) -> Ed25519PrivateKey:
    seed = HKDF(hashes.SHA256(), 32, salt=None, info=b"tandem-access-token").derive(secret.encode())
    return Ed25519PrivateKey.from_private_bytes(seed)


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _kid(key: Ed25519PublicKey) -> str:
    return sha256(_raw(key)).hexdigest()[:16]


def new_refresh_token() -> str:
    """A new refresh token: 256 random bits behind a prefix that scanners can find."""
    return f"tdr_{secrets.token_urlsafe(32)}"


def hashed(token: str) -> bytes:
    """What is stored of a refresh token. It is random, so a plain hash is enough."""
    return sha256(token.encode()).digest()
