"""A cheap HTTP client: each connection sends its next request as soon as it has its answer.

It is one epoll loop over plain sockets, which takes about a third of the CPU of asyncio with an
HTTP parser. On two cores the client shares a core with PostgreSQL, so its CPU is missing there.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

ANSWER_SECONDS = 15  # no answer may take longer
_READ = 262_144  # bytes; no answer is larger


class Failed(Exception):
    """The run is void; the message says why."""


@dataclass
class Round:
    """The result of one round: seconds of each request, and of all together."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0  # of the client


class Connection:
    """One connection that carries one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked = 0.0
        self.answer = b""

    def ask(self, request: bytes) -> None:
        """Send a request; `take` reads its answer."""
        self.answer = b""
        self.asked = time.perf_counter()
        self.socket.sendall(request)

    def take(self) -> bool:
        """Read the bytes that arrived; return whether the answer is complete."""
        data = self.socket.recv(_READ)
        if not data:
            raise Failed(f"the server closed a connection after {self.answer[-300:]!r}")
        self.answer = data = self.answer + data if self.answer else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return False
        if (length := content_length(data[:end])) is None:
            return data.endswith(b"\r\n0\r\n\r\n")
        return len(data) >= end + 4 + length

    def get(self, request: bytes) -> bytes:
        """Send a request and wait for the whole answer."""
        self.ask(request)
        while not self.take():
            pass
        return self.answer


def content_length(head: bytes) -> int | None:
    """The length of an answer's body from its head; None when the body comes in chunks."""
    for name in (b"\r\ncontent-length: ", b"\r\nContent-Length: "):
        at = head.find(name)
        if at >= 0:
            end = head.find(b"\r", at + 18)
            return int(head[at + 18 : end if end >= 0 else None])
    return None


def parts(answer: bytes) -> tuple[bytes, bytes]:
    """Head and body of a whole answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if content_length(head) is not None:
        return head, body
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        count = int(size, 16)
        whole, body = whole + rest[:count], rest[count + 2 :]
        if count == 0:
            break
    return head, whole


def header(answer: bytes, name: str) -> str | None:
    """The first value of an answer's header."""
    for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.decode().lower() == name.lower():
            return value.strip().decode()
    return None


@contextmanager
def connected(port: int, count: int) -> Iterator[list[Connection]]:
    """Open connections to a server, and close them afterwards."""
    connections: list[Connection] = []
    try:
        for _ in range(count):
            connections.append(Connection(port))
        yield connections
    finally:
        for each in connections:
            each.socket.close()


def keep_asking(
    connections: Sequence[Connection],
    seconds: float,
    ask: Callable[[Connection], None],
    answered: Callable[[Connection], None],
) -> None:
    """Send requests on every connection for some seconds, the next as soon as one is answered."""
    with selectors.DefaultSelector() as selector:
        for each in connections:
            selector.register(each.socket, selectors.EVENT_READ, each)
            ask(each)
        until, waiting = time.perf_counter() + seconds, len(connections)
        while waiting:
            ready = selector.select(ANSWER_SECONDS)
            if not ready:
                raise Failed(f"no answer within {ANSWER_SECONDS} s")
            for key, _ in ready:
                each = key.data
                if not each.take():
                    continue
                answered(each)
                if time.perf_counter() < until:
                    ask(each)
                else:
                    waiting -= 1


def drive(connections: Sequence[Connection], requests: Iterator[bytes], seconds: float) -> Round:
    """Send requests on every connection for some seconds; raise `Failed` at a wrong answer."""
    found = Round()

    def ask(connection: Connection) -> None:
        connection.ask(next(requests))

    def answered(connection: Connection) -> None:
        found.latencies.append(time.perf_counter() - connection.asked)
        refuse_wrong(connection.answer)

    started, busy = time.perf_counter(), time.process_time()
    keep_asking(connections, seconds, ask, answered)
    found.seconds = time.perf_counter() - started
    found.cpu = time.process_time() - busy
    return found


def refuse_wrong(answer: bytes) -> None:
    """Raise `Failed` unless the answer is a success."""
    if answer[9:11] != b"20" or b'"errors":' in answer:
        raise Failed(f"the server answered {answer[:1200].decode(errors='replace')}")
