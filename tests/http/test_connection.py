"""The limits that hold before a request is complete, on real connections."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import asyncpg
import psutil
import pytest

from api.app import create_app
from api.cli.http_server import HttpServer, server_config
from api.http import admission, connection, exchange
from services.process import Process
from tests.servers import serving
from tests.shop import Person, Shop
from tests.worker.work import eventually, waiting_for_locks

_SECONDS = 60
MIB = 1 << 20


@pytest.fixture
async def port(process: Process, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a server in this process, so that its limits can be shortened."""
    monkeypatch.setattr(exchange, "_LINGER_SECONDS", 0.1)
    settings = process.settings.model_copy(update={"keep_alive_seconds": 1, "body_seconds": 1})
    app = create_app(replace(process, settings=settings))
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    server = HttpServer(server_config(lambda: app, settings, lifespan="off"), 0)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await running


async def answers(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """All that the server answers to these bytes until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), _SECONDS)
    finally:
        writer.close()


async def answers_meanwhile(port: int, pieces: list[bytes]) -> bytes:
    """As `answers`, to a client that reads while it sends, and may be cut off while it does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""

    async def receive() -> None:
        nonlocal received
        with suppress(ConnectionError):
            while piece := await reader.read(65_536):
                received += piece

    receiving = asyncio.create_task(receive())
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
    await asyncio.wait_for(receiving, _SECONDS)
    writer.close()
    return received


def head(path: str = "/api/v2/products?first=1", *fields: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *fields, ""]).encode()


def refused(answer: bytes, status: int, code: str) -> dict[str, object]:
    """Check a refusal that closes its connection; its body."""
    top, _, body = answer.partition(b"\r\n\r\n")
    lines = top.decode().lower().split("\r\n")
    assert lines[0].startswith(f"http/1.1 {status} "), answer
    assert "connection: close" in lines
    told = json.loads(body)
    found = told["errors"][0]["extensions"] if "errors" in told else told
    assert found.get("code", told.get("error", {})) == code
    return told


ENDING = b"Connection: close\r\n\r\n"
MANY = [f"X-Many-{number}: 1" for number in range(100)]
TOO_LARGE = {
    "one long field": head("/api/v2/products", "X-Long: " + "x" * 8_192) + b"\r\n",
    "one very long field": head("/api/v2/products", "X-Long: " + "x" * 100_000) + b"\r\n",
    "too many fields": head("/api/v2/products", *MANY) + b"\r\n",
    "very many fields": head("/api/v2/products", *(20 * MANY)) + b"\r\n",
    "much in all": head("/api/v2/products", *(f"X-{n}: {'x' * 4_000}" for n in range(9))) + b"\r\n",
    "a long address": head("/api/v2/products?search=" + "x" * 8_192) + b"\r\n",
    "a field without an end": head("/api/v2/products") + b"X-Long: " + b"x" * 9_000,
}


@pytest.mark.parametrize("sent", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_head_that_is_too_large_is_refused_as_soon_as_it_is(port: int, sent: bytes) -> None:
    refused(await answers(port, sent), 431, "REQUEST_HEADERS_TOO_LARGE")
    # Also when the bytes come a few at a time, after an earlier request of the connection.
    first = head("/health/live") + b"\r\n"
    pieces = [sent[start : start + 3_000] for start in range(0, len(sent), 3_000)]
    later = await answers_meanwhile(port, [first, *pieces[:30]])
    ahead, _, after = later.partition(b"HTTP/1.1 431")
    assert ahead.startswith(b"HTTP/1.1 200")
    refused(b"HTTP/1.1 431" + after, 431, "REQUEST_HEADERS_TOO_LARGE")


async def test_a_head_at_its_limits_is_taken(port: int) -> None:
    fields = [f"X-{number}: {'x' * 300}" for number in range(98)]  # with Host and Connection, 100
    answer = await answers(port, head("/api/v2/products?first=1", *fields) + ENDING)
    assert answer.startswith(b"HTTP/1.1 200 ")
    one = "X-Long: " + "x" * (8_192 - len("X-Long: \r\n"))
    answer = await answers(port, head("/api/v2/products?first=1", one) + ENDING)
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/orders", "/api/v2/orders"])
async def test_a_refusal_has_the_dialect_of_its_path(port: int, path: str) -> None:
    answer = await answers(port, head(path, "X-Long: " + "x" * 9_000, method="POST") + b"\r\n")
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert ("errors" in told) is (path == "/graphql")
    assert "REQUEST_HEADERS_TOO_LARGE" in json.dumps(told)
    assert b"x-request-id: " in answer


@pytest.mark.parametrize(
    "sent",
    [b"FOO /api/v2/products HTTP/1.1\r\nHost: a\r\n\r\n", b"nonsense\r\n\r\n", b"\x16\x03\x01"],
)
async def test_what_is_not_http_gets_an_answer_like_every_other(port: int, sent: bytes) -> None:
    refused(await answers(port, sent), 400, "MALFORMED_REQUEST")


HOSTS = {"none": b"", "two": b"Host: a\r\nHost: b\r\n", "the same twice": b"Host: a\r\nHost: a\r\n"}


@pytest.mark.parametrize("hosts", HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize("path", ["/api/v2/products", "/api/v1/products", "/graphql", "/docs"])
async def test_a_request_names_one_host(port: int, path: str, hosts: bytes) -> None:
    sent = f"GET {path} HTTP/1.1\r\n".encode() + hosts + ENDING
    assert (await answers(port, sent)).startswith(b"HTTP/1.1 400 ")
    older = f"GET {path} HTTP/1.0\r\n\r\n".encode()
    assert not (await answers(port, older)).startswith(b"HTTP/1.1 400 Bad Request\r\n") or (
        path == "/graphql"  # without a query it is a bad request in any version
    )


@pytest.mark.parametrize("path", ["/api/v2/auth/login", "/api/v1/auth/login", "/graphql"])
@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, identity", "nonsense"])
async def test_a_compressed_body_is_refused(port: int, path: str, coding: str) -> None:
    fields = [f"Content-Encoding: {coding}", "Content-Type: application/json", "Content-Length: 2"]
    answer = await answers(port, head(path, *fields, method="POST") + b"\r\n{}")
    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"\r\naccept-encoding: identity\r\n" in answer


@pytest.mark.parametrize("path", ["/api/v2/auth/login", "/api/v1/auth/login", "/graphql"])
async def test_a_body_that_does_not_come_is_told_so(port: int, path: str) -> None:
    fields = ["Content-Type: application/json", "Content-Length: 1000"]
    answer = await answers(port, head(path, *fields, method="POST") + b"\r\n{")
    assert b"REQUEST_TIMEOUT" in answer
    assert answer.startswith(b"HTTP/1.1 408 ")


HALF = {
    "nothing": [],
    "half a request line": [b"GET /api"],
    "half a head": [head()],
    "blank lines": [b"\r\n"] * 3,
    "a header byte by byte": [head(), *(bytes([byte]) for byte in b"X-Slow: 123456789")],
}


@pytest.mark.parametrize("pieces", HALF.values(), ids=HALF)
async def test_half_a_request_does_not_keep_its_connection(
    port: int, pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.5)
    with suppress(ConnectionError):  # it may be closed while more is sent
        assert await answers(port, *pieces, pause=0.1) == b""
    # A connection that has had an answer is no exception.
    whole = head("/health/live") + b"\r\n"
    with suppress(ConnectionError):
        assert (await answers(port, whole, *pieces, pause=0.1)).count(b"HTTP/1.1") == 1


async def test_trailers_without_an_end_are_cut(port: int) -> None:
    fields = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
    chunk = head("/api/v2/auth/login", *fields, method="POST") + b"\r\n2\r\n{}\r\n0\r\nX-Trailer: "
    with pytest.raises(ConnectionError):
        await answers(port, chunk, *(2_000 * [b"x" * 8_192]))


async def test_the_oldest_connection_without_a_request_gives_way(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_WAITING", 3)
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(b"GET /")
            opened.append((reader, writer))
            await asyncio.sleep(0.05)
        answer = await answers(port, head("/health/live") + ENDING)
        assert answer.startswith(b"HTTP/1.1 200 ")
        with suppress(ConnectionError):
            assert await asyncio.wait_for(opened[0][0].read(), _SECONDS) == b""
        _, last = opened[-1]
        last.write(b"health/live HTTP/1.1\r\nHost: a\r\n" + ENDING)
        answer = await asyncio.wait_for(opened[-1][0].read(), _SECONDS)
        assert answer.startswith(b"HTTP/1.1 200 ")


async def test_half_open_connections_and_endless_heads_change_nothing_for_others(
    process: Process, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("half") / "log"
    with serving(process.settings, log) as server:
        host, port = server.url.removeprefix("http://").split(":")
        pid = server.process.pid
        assert pid
        whole = head("/api/v2/products?first=1") + ENDING
        assert (await answers(int(port), whole)).startswith(b"HTTP/1.1 200 ")
        before = psutil.Process(pid).memory_info().rss
        async with AsyncExitStack() as stack:
            for number in range(1_000):
                _, writer = await asyncio.open_connection(host, int(port))
                stack.callback(writer.close)
                if number % 2:
                    writer.write(b"GET /api/v2/pro")
            flood = asyncio.create_task(_flood(int(port)))
            for _ in range(30):
                assert (await answers(int(port), whole)).startswith(b"HTTP/1.1 200 ")
            await flood
            assert psutil.Process(pid).memory_info().rss - before < 50 * MIB


async def _flood(port: int) -> None:
    """Send 100 MiB of one header field, as far as the server takes it."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        writer.write(head() + b"X-Long: ")
        for _ in range(1_600):
            writer.write(b"x" * 65_536)
            await writer.drain()
    writer.close()


# More requests than can be answered in time


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """A bound of a few requests in progress."""
    monkeypatch.setattr(admission, "_LEAST", 5)
    monkeypatch.setattr(admission, "_FIRST_RATE", 0)
    return 5


@asynccontextmanager
async def held(shop: Shop, person: Person) -> AsyncIterator[None]:
    """Hold the row that a change of one's account waits for."""
    lock = await asyncpg.connect(shop.process.settings.database_url, timeout=10)
    await lock.execute("BEGIN")
    await lock.execute("SELECT id FROM users WHERE id = $1 FOR UPDATE", person.id)
    try:
        yield
    finally:
        await lock.close(timeout=10)


def change(person: Person, path: str, name: str) -> bytes:
    """A request that changes one's name."""
    given = {"fullName": name}
    written = "mutation ($input: UpdateMeInput!) { updateMe(input: $input) { id } }"
    graphql = {"query": written, "variables": {"input": given}}
    body = json.dumps(graphql if path == "/graphql" else given).encode()
    fields = [f"{name}: {value}" for name, value in person.headers.items()]
    fields += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    method = "POST" if path == "/graphql" else "PATCH"
    return head(path, *fields, method=method) + ENDING + body


@pytest.mark.parametrize("path", ["/graphql", "/api/v1/me", "/api/v2/me"])
async def test_no_more_requests_are_in_progress_than_the_bound(
    small: int, port: int, shop: Shop, path: str
) -> None:
    ada = await shop.person()
    names = [f"Ada {number}" for number in range(30)]
    async with held(shop, ada):
        asked = [asyncio.create_task(answers(port, change(ada, path, name))) for name in names]
        done: set[asyncio.Task[bytes]] = set()
        while len(done) < len(names) - small:
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            assert len(done) <= len(names) - small
        for task in done:
            answer = task.result()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nretry-after: 1\r\n" in answer
            assert b"\r\nx-request-id: " in answer
            told = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert ("errors" in told) is (path == "/graphql")
            assert "UNAVAILABLE" in json.dumps(told)
            assert '"retryAfterSeconds": 1' in json.dumps(told)
        # Probes are outside of it, and so is their answer's time.
        assert (await answers(port, head("/health/live") + ENDING)).startswith(b"HTTP/1.1 200 ")
    admitted = [await task for task in asked if task not in done]
    assert [answer[:12] for answer in admitted] == small * [b"HTTP/1.1 200"]
    # With the load gone, the next request is admitted.
    assert (await answers(port, change(ada, path, "Ada"))).startswith(b"HTTP/1.1 200 ")


async def test_a_connection_goes_on_after_a_request_was_refused_under_load(
    small: int, port: int, shop: Shop
) -> None:
    ada = await shop.person()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with held(shop, ada):
        asked = [
            asyncio.create_task(answers(port, change(ada, "/api/v2/me", f"Ada {number}")))
            for number in range(small)
        ]

        async def all_wait() -> bool:
            return await waiting_for_locks(shop) >= small

        await eventually(all_wait)
        kept = change(ada, "/api/v2/me", "Ada").replace(b"Connection: close\r\n", b"")
        for sent in (kept, head("/api/v2/products?first=1", method="HEAD") + b"\r\n", kept):
            writer.write(sent)
            top = (await reader.readuntil(b"\r\n\r\n")).decode()
            assert top.startswith("HTTP/1.1 503 ")
            assert "connection: close" not in top
            if not sent.startswith(b"HEAD"):
                length = re.search(r"content-length: (\d+)", top)
                assert length
                json.loads(await reader.readexactly(int(length[1])))
        foreign = head("/api/v2/products?first=1", "Origin: http://localhost:3000") + ENDING
        assert b"access-control-allow-origin: http://localhost:3000" in await answers(port, foreign)
    await asyncio.gather(*asked)
    writer.write(kept)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


SLOW = {
    "a body that does not come": head(
        "/api/v2/auth/login",
        "Content-Type: application/json",
        "Content-Length: 99",
        method="POST",
    )
    + b"\r\n{",
    "a head that was refused": head("/api/v2/products", "X-Long: " + "x" * 9_000)[:-2],
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
async def test_clients_that_are_slow_shut_nobody_out(
    small: int, port: int, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Such a request waits for its client, which costs the server nothing."""
    monkeypatch.setattr(exchange, "_LINGER_SECONDS", 20)
    async with AsyncExitStack() as stack:
        for _ in range(4 * small):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(sent)
        await asyncio.sleep(0.3)
        for _ in range(small):
            answer = await answers(port, head("/api/v2/products?first=1") + ENDING)
            assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_does_not_read_shuts_nobody_out(
    small: int, port: int, shop: Shop
) -> None:
    for _ in range(20):
        await shop.product(description="d" * 1_900)
    listed = head("/api/v2/products?first=100") + b"\r\n"
    async with AsyncExitStack() as stack:
        for _ in range(2 * small):
            client = socket.socket()
            stack.callback(client.close)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.connect(("127.0.0.1", port))
            client.sendall(listed * 300)  # more answers than the kernel keeps

        async def answered() -> bool:
            answer = await answers(port, head("/api/v2/products?first=1") + ENDING)
            return answer.startswith(b"HTTP/1.1 200 ")

        # Until the kernel's buffers are full, these clients are being answered.
        await eventually(answered)


def test_the_bound_follows_the_rate_of_a_busy_process() -> None:
    bound = admission.Admission()
    first = bound.bound
    bound.measure(1, 0)  # idle: says nothing of what could be answered
    assert bound.bound == first
    answered = 0
    for _ in range(50):
        bound._measured_at -= 0.1
        answered += 1_000
        bound.measure(100, answered)
    assert bound.bound > 4 * first
    for _ in range(50):
        bound._measured_at -= 0.1
        bound.measure(100, answered)
    assert bound.bound == 250
