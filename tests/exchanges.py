"""Notes the last calls of a test with their answers, for the report of its failure."""

import asyncio
from collections import deque
from typing import Any

import httpx

_MOST_CALLS = 24
#: httpx waits five seconds, which a busy machine takes now and then.
_SECONDS = 60
#: Headers that httpx adds to every request.
_USUAL = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length"}

_last: deque[httpx.Response | str] = deque(maxlen=_MOST_CALLS)


def http_client(**more: Any) -> httpx.AsyncClient:
    """An HTTP client whose calls are noted."""
    return httpx.AsyncClient(event_hooks={"response": [_note]}, **{"timeout": _SECONDS, **more})


def transport_to(app: Any, client: tuple[str, int] = ("127.0.0.1", 123)) -> httpx.ASGITransport:
    """Calls an application directly. It waits for whole answers, but leaves a stream early."""
    return httpx.ASGITransport(app=_left_early(app), raise_app_exceptions=False, client=client)


def _left_early(app: Any) -> Any:
    """The app for a client that waits for whole answers: it leaves a stream after its beginning."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        begun = asyncio.Event()
        streams = False

        async def sent(message: Any) -> None:
            nonlocal streams
            await send(message)
            if message["type"] == "http.response.start":
                streams = (b"content-type", b"text/event-stream") in message["headers"]
            elif streams:
                begun.set()

        async def received() -> Any:
            more = asyncio.ensure_future(receive())
            gone = asyncio.ensure_future(begun.wait())
            await asyncio.wait({more, gone}, return_when="FIRST_COMPLETED")
            gone.cancel()
            if more.done():
                return more.result()
            more.cancel()
            await send({"type": "http.response.body", "body": b""})
            return {"type": "http.disconnect"}

        await app(scope, received, sent)

    return called


async def _note(response: httpx.Response) -> None:
    _last.append(response)


def note(asked: object, answered: object) -> None:
    """Note a call that did not go over HTTP."""
    _last.append(f"{_cut(asked)}\n→ {_cut(answered)}")


def forget() -> None:
    """Forget all calls, at the start of a test."""
    _last.clear()


def last_response() -> httpx.Response:
    """The answer to the last call over HTTP, with its request."""
    last = _last[-1]
    assert isinstance(last, httpx.Response)
    return last


def shown() -> str:
    """The last calls, oldest first; empty when there were none."""
    return "\n\n".join(one if isinstance(one, str) else _spelled(one) for one in _last)


def _spelled(response: httpx.Response) -> str:
    request = response.request
    lines = [f"{request.method} {request.url.raw_path.decode()}"]
    for name, value in request.headers.items():
        if name not in _USUAL:
            lines.append(f"{name}: {_cut(value, 60)}")
    try:
        sent = request.content.decode(errors="replace")
    except httpx.RequestNotRead:
        sent = "(sent in pieces)"
    if sent:
        lines.append(_cut(sent))
    try:
        answered = response.text
    except httpx.ResponseNotRead:
        answered = "(not read)"
    return "\n".join([*lines, f"→ {response.status_code} {_cut(answered)}"])


def _cut(said: object, characters: int = 1500) -> str:
    text = str(said)
    return text if len(text) <= characters else f"{text[:characters]}…"
