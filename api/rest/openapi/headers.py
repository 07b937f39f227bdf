"""The headers of requests and answers in OpenAPI: their descriptions and schemas."""

from api.rest.openapi.schemas import Schema

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}

HEADERS: dict[str, tuple[str, Schema]] = {
    "X-Request-Id": ("Names the request in logs and audit rows.", _TEXT),
    "ETag": (
        "The version of the thing and, after a dot, the hash of its representation: for"
        " If-None-Match and If-Match.",
        _TEXT,
    ),
    "Location": ("Address of what was made.", _TEXT),
    "Content-Disposition": ("What to save the file as.", _TEXT),
    "X-Row-Count": ("The number of rows of the file when the export began.", _COUNT),
    "Link": ("RFC 8288 links to the first, next, previous and last page.", _TEXT),
    "Cache-Control": ("Who may keep the answer.", _TEXT),
    "X-Cache": (
        "HIT, MISS, or BYPASS for private answers.",
        {"type": "string", "enum": ["HIT", "MISS", "BYPASS"]},
    ),
    "Idempotent-Replayed": (
        "true when the answer is that of an earlier call with the same key.",
        {"type": "string", "enum": ["true"]},
    ),
    "Deprecation": ("Since when this is deprecated (RFC 9745).", _TEXT),
    "Sunset": ("Until when it works (RFC 8594).", _TEXT),
    "WWW-Authenticate": ("The scheme to authenticate with.", _TEXT),
    "Retry-After": ("Seconds to wait.", _COUNT),
}
#: Headers of every answer, unless the caller's address is exempt from the quota.
QUOTA = {
    "RateLimit-Policy": ('The tightest budget: `"login";q=10;w=900`, 10 units in 900 s.', _TEXT),
    "RateLimit": (
        'What is left of it: `"login";r=9;t=90`, 9 units, full in 90 s. Where the call was refused,'
        " `t` is the wait of Retry-After.",
        _TEXT,
    ),
    "X-RateLimit-Limit": ("Units of that budget.", _COUNT),
    "X-RateLimit-Remaining": ("Units left of it.", _COUNT),
    "X-RateLimit-Reset": (
        "Seconds until it is full, or the wait of Retry-After where the call was refused.",
        _COUNT,
    ),
}
HEADERS |= QUOTA
REQUEST_HEADERS: dict[str, tuple[str, Schema]] = {
    "X-Request-Id": ("A name for the request; made when absent or unfit.", _TEXT),
    "Idempotency-Key": (
        "New for every intent, the same for a retry: the effect happens once.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    ),
    "If-Match": (
        "Act only on this version: an ETag, or *. A weak ETag (W/) never matches. Without the"
        " header the last write wins.",
        _TEXT,
    ),
    "If-None-Match": (
        "While this ETag, or *, is the current one, a read answers 304 and a change 412.",
        _TEXT,
    ),
    "Last-Event-ID": (
        "The `id` of the last event that came, to go on after it. It counts before `after`.",
        _TEXT,
    ),
}
