"""Tokens that are mailed: derived from a secret and their id, so that they need not be stored."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from persistence.mail_tokens import Purpose

_PREFIX = {Purpose.VERIFY_EMAIL: "tdv_", Purpose.RESET_PASSWORD: "tdp_"}


def derive(secret: str, purpose: Purpose, id: str) -> str:
    """The token with this id: the very same each time a mail is sent again.

    256 bits that only who knows the secret can compute; `services.access.tokens.hashed` makes of it
    what is stored.
    """
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"tandem-mail-token").derive(secret.encode())
    proof = hmac.digest(key, f"{purpose}:{id}".encode(), sha256)
    return _PREFIX[purpose] + urlsafe_b64encode(proof).rstrip(b"=").decode()
