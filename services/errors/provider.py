"""The errors of the payment provider's events, a part of the catalogue in errors.py.

TandemError
└── SignatureInvalid 401
"""

from services.errors.common import TandemError


class SignatureInvalid(TandemError):
    """An event of the provider's that is not signed by it, or not now."""

    code, status = "SIGNATURE_INVALID", 401
    title = "The signature is not valid."
    hint = "Sign the body as it is sent with the shared secret, at the time of sending."
