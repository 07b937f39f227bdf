"""Signed links: URLs for one thing that need no access token and expire after some minutes.

Anybody who has a link may follow it until it expires. Nobody checks again who may see the thing.
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

#: The expiry in Unix seconds, and a proof of 256 bits that only the secret can make.
_FORM = re.compile(r"([0-9]{1,11})\.([A-Za-z0-9_-]{43})")
_NOT_OURS = "The token in the link is not valid. Ask for a new link."


def sign(secret: str, subject: str, until: datetime) -> str:
    """The token of a link to ``subject``, the kind of a thing with its id."""
    ends = int(until.timestamp())
    return f"{ends}.{_proof(secret, subject, ends)}"


def check(secrets: tuple[str, str | None], subject: str, token: str, now: datetime) -> None:
    """Check the token of a link.

    Raises `Unauthenticated` unless one of the secrets signed it, and `TokenExpired` after its end.
    """
    form = _FORM.fullmatch(token)
    if form is None:
        raise Unauthenticated(_NOT_OURS)
    ends = int(form[1])
    proofs = [_proof(secret, subject, ends) for secret in secrets if secret is not None]
    if not any(hmac.compare_digest(proof, form[2]) for proof in proofs):
        raise Unauthenticated(_NOT_OURS)
    if now.timestamp() >= ends:
        raise TokenExpired


def _proof(secret: str, subject: str, ends: int) -> str:
    proof = hmac.digest(_key(secret), f"{subject}:{ends}".encode(), sha256)
    return urlsafe_b64encode(proof).rstrip(b"=").decode()


@lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"tandem-signed-link").derive(secret.encode())
