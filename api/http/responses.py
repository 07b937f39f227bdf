"""The answer of a face: its Server-Timing header, and the headers of the caller's quota."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import lru_cache

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from api.http.requests import new_request
from services.operation.context import Request
from services.process import Process
from services.quota.charging import charge_refused
from services.quota.quota import Allowance, Budget

#: Answers with these statuses have no body and no Content-Length.
_BARE = (204, 304)


@dataclass(slots=True)
class Reply:
    """A whole answer: status, headers and body."""

    status: int
    #: Values by header names; values are latin-1.
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    media: str = "application/json"

    def fields(self) -> list[tuple[bytes, bytes]]:
        """The header fields, as they are sent."""
        headers = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()
        ]
        if self.status not in _BARE:
            headers.append((b"content-length", b"%d" % len(self.body)))
            headers.append((b"content-type", self.media.encode("latin-1")))
        return headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; an ASGI application."""
        headers = self.fields()
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@dataclass(slots=True)
class StreamReply:
    """An answer that is sent while it is made; its length is not known.

    An error in ``pieces`` ends the connection without the last chunk, so that the client notices.
    """

    #: Values by header names; values are latin-1.
    headers: dict[str, str]
    pieces: AsyncIterator[bytes]
    media: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; an ASGI application.

        Stops making it when the client has left, or has its whole answer, as after HEAD.
        """
        headers = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()
        ]
        headers.append((b"content-type", self.media.encode("latin-1")))
        scope["tandem.exchange"].streams = True
        left = asyncio.ensure_future(_left(receive))
        try:
            # Closed at once, not by the garbage collector: it may be reading.
            async with aclosing(self.pieces) as pieces:  # type: ignore[type-var]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if left.done():
                        raise ClientDisconnect
            await send({"type": "http.response.body", "body": b""})
        finally:
            left.cancel()
            with suppress(asyncio.CancelledError):
                await left


async def _left(receive: Receive) -> None:
    """Wait until the client has left, or waits for nothing more."""
    while (await receive())["type"] != "http.disconnect":
        pass


def timing(request: Request) -> str:
    """The value of Server-Timing: the request's database time and statements."""
    statements = request.stats.statements
    noun = "statement" if statements == 1 else "statements"
    return f'db;dur={request.stats.seconds * 1000:.1f};desc="{statements} {noun}"'


def is_face(path: str) -> bool:
    """Is this an address of REST or GraphQL, even one without a route?"""
    return path == "/graphql" or path.startswith("/api/")


async def quota_headers(
    process: Process, scope: Scope, request: Request | None
) -> list[tuple[bytes, bytes]]:
    """The headers that tell a face's caller of the budget that the call was charged to.

    A request that reached no operation (no route, malformed, too large) costs its address one
    unit; a preflight costs none. Exempt addresses have no budget, so they get no headers.
    """
    if request is None:
        request = new_request(scope, "edge")
    if request.allowance is None:
        await charge_refused(request, 0 if scope["method"] == "OPTIONS" else 1)
    return _written(request.allowance) if request.allowance else []


def _written(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """The headers of draft-ietf-httpapi-ratelimit-headers, and the older ones.

    A refused call is told one wait, the same as in ``Retry-After``.
    """
    left, reset = allowance.remaining, allowance.retry_after or allowance.reset
    return [
        *_standing(allowance.budget),
        (b"ratelimit", b'"%b";r=%d;t=%d' % (allowance.budget.policy.encode(), left, reset)),
        (b"x-ratelimit-remaining", b"%d" % left),
        (b"x-ratelimit-reset", b"%d" % reset),
    ]


@lru_cache(maxsize=20)  # There are eight budgets.
def _standing(budget: Budget) -> list[tuple[bytes, bytes]]:
    """The headers that are the same for every answer charged to this budget."""
    policy = f'"{budget.policy.value}";q={budget.units};w={budget.seconds}'
    return [
        (b"ratelimit-policy", policy.encode()),
        (b"x-ratelimit-limit", b"%d" % budget.units),
    ]
