"""Mailed tokens: each is derived from the secret and its id, so only its hash is stored."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from persistence.mail_tokens import Purpose

_PREFIX = {Purpose.VERIFY_EMAIL: "tdv_", Purpose.RESET_PASSWORD: "tdp_"}


def derive(secret: str, purpose: Purpose, id: str) -> str:
    """Derive the token with this id; it is the same each time the mail is sent again.

    The token has 256 bits, and computing it needs the secret. `services.access.tokens.hashed`
    makes the hash that is stored.
    """
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"tandem-mail-token").derive(secret.encode())
    proof = hmac.digest(key, f"{purpose}:{id}".encode(), sha256)
    return _PREFIX[purpose] + urlsafe_b64encode(proof).rstrip(b"=").decode()
