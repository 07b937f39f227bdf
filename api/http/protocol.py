"""uvicorn's HTTP protocol, with a shorter way to write an answer that is whole.

uvicorn looks at every header with two regular expressions, and writes head and body apart. Here an
answer whose body is at hand goes out in one piece, checked for line breaks as one text: 3 µs and a
system call less. Every other answer, and all that a connection is, stays uvicorn's.
"""

from typing import Any

from uvicorn.protocols.http import httptools_impl

from api.http.responses import WHOLE


class Cycle(httptools_impl.RequestResponseCycle):
    """One request and its answer."""

    _start: Any = None

    async def send(self, message: Any) -> None:
        """Take a part of the answer; a whole one is written with its body."""
        start = self._start
        if start is None:
            if WHOLE in message and not (self.response_started or self.disconnected):
                self._start = message
                return
        else:
            self._start = None
            if self._write_whole(start, message):
                return
            await super().send(start)
        await super().send(message)

    def _write_whole(self, start: Any, message: Any) -> bool:
        """Write head and body; False where this is no plain answer."""
        body: bytes = message.get("body", b"")
        if (
            self.disconnected
            or self.flow.write_paused
            or not self.keep_alive
            or message.get("more_body", False)
            or self.scope["method"] == "HEAD"
        ):
            return False
        headers = [*self.default_headers, *start["headers"]]
        known = dict(headers)
        if b"connection" in known or b"transfer-encoding" in known:
            return False
        length = known.get(b"content-length")
        if int(length) != len(body) if length else start["status"] not in (204, 304):
            return False
        status = httptools_impl.STATUS_LINE[start["status"]][:-2]
        head = b"\r\n".join([status, *[b"%b: %b" % each for each in headers]])
        ends = len(headers)
        if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
            raise RuntimeError("An answer's header holds a line break.")
        self.transport.write(b"%b\r\n\r\n%b" % (head, body))
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.message_event.set()
        self.on_response()
        return True


class Protocol(httptools_impl.HttpToolsProtocol):
    """A connection whose requests are answered by `Cycle`."""

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        cycle.__class__ = Cycle
        super()._start_asgi_task(cycle, app)


def protocol(fast_paths: bool) -> type[httptools_impl.HttpToolsProtocol]:
    """The protocol that a server's connections speak."""
    return Protocol if fast_paths else httptools_impl.HttpToolsProtocol
