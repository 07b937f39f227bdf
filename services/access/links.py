"""Signed links: an address that needs no token, for one thing and for some minutes.

Whoever holds such a link may follow it until it ends: it asks nobody again who may see the thing.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.errors.common import TokenExpired, Unauthenticated

#: When it ends, in seconds of Unix time, and 256 bits that only who knows the secret can compute.
_FORM = re.compile(r"([0-9]{1,11})\.([A-Za-z0-9_-]{43})")


def sign(secret: str, subject: str, until: datetime) -> str:
    """The token of a link to ``subject``, which names the kind of the thing and its id."""
    ends = int(until.timestamp())
    return f"{ends}.{_proof(secret, subject, ends)}"


def check(secrets: tuple[str, str | None], subject: str, token: str, now: datetime) -> None:
    """Raise `Unauthenticated` unless one of our secrets signed it, `TokenExpired` after its end."""
    form = _FORM.fullmatch(token)
    if form is None:
        raise Unauthenticated
    ends = int(form[1])
    proofs = [_proof(secret, subject, ends) for secret in secrets if secret is not None]
    if not any(hmac.compare_digest(proof, form[2]) for proof in proofs):
        raise Unauthenticated
    if now.timestamp() >= ends:
        raise TokenExpired


def _proof(secret: str, subject: str, ends: int) -> str:
    proof = hmac.digest(_key(secret), f"{subject}:{ends}".encode(), sha256)
    return urlsafe_b64encode(proof).rstrip(b"=").decode()


@lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"tandem-signed-link").derive(secret.encode())
