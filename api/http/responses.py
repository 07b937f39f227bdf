"""The answer of a face, and its Server-Timing header."""

from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from services.operation.context import Request

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; an ASGI application."""
        headers = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()
        ]
        if self.status not in _BARE:
            headers.append((b"content-length", b"%d" % len(self.body)))
            headers.append((b"content-type", self.media.encode("latin-1")))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def timing(request: Request) -> str:
    """The value of Server-Timing: the request's database time and statements."""
    statements = request.stats.statements
    noun = "statement" if statements == 1 else "statements"
    return f'db;dur={request.stats.seconds * 1000:.1f};desc="{statements} {noun}"'
