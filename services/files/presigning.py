"""Signed addresses of S3 by which anybody may send one file: AWS Signature Version 4 in the query.

Length, media type and SHA-256 are among the signed headers, so that the server itself refuses any
other file. The signers of the libraries sign none of them. The hash is signed as a checksum header:
servers check that one, while many take X-Amz-Content-Sha256 of a signed address unchecked.
"""

import hashlib
import hmac
from base64 import b64encode
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from services.files.store import Declared, SendRequest
from services.settings.files import Bucket

_ALGORITHM = "AWS4-HMAC-SHA256"
#: Set by every HTTP client itself.
_BY_CLIENT = ("content-length", "host")


def presigned_put(
    bucket: Bucket,
    access_key: str,
    secret_key: str,
    declared: Declared,
    now: datetime,
    seconds: int,
) -> SendRequest:
    """The request that stores the declared file, within so many seconds of ``now``."""
    server = urlsplit(bucket.endpoint)
    path = quote(f"{server.path}/{bucket.name}/{bucket.prefix}{declared.key}", safe="/~")
    headers = {
        "content-length": str(declared.size),
        "content-type": declared.content_type,
        "host": server.netloc,
        "x-amz-checksum-sha256": b64encode(bytes.fromhex(declared.sha256)).decode(),
    }
    time = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{bucket.region}/s3/aws4_request"
    signed = ";".join(headers)
    query = "&".join(
        f"{name}={quote(value, safe='~')}"
        for name, value in {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{access_key}/{scope}",
            "X-Amz-Date": time,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": signed,
        }.items()
    )
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"PUT\n{path}\n{query}\n{lines}\n{signed}\nUNSIGNED-PAYLOAD"
    text = f"{_ALGORITHM}\n{time}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(_key(secret_key, scope), text.encode(), "sha256").hex()
    url = f"{server.scheme}://{server.netloc}{path}?{query}&X-Amz-Signature={signature}"
    sent = {
        "-".join(word.capitalize() for word in name.split("-")): value
        for name, value in headers.items()
        if name not in _BY_CLIENT
    }
    return SendRequest("PUT", url, sent)


def _key(secret_key: str, scope: str) -> bytes:
    """The signing key of a day, a region and a service."""
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
