"""The wire carries the same bytes on the fast paths and off them."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from api.http.responses import Reply
from services.settings.settings import Settings
from tests.servers import Server, serving
from tests.services.test_orders import ADDRESS
from tests.shop import Person, Shop

PRODUCTS = "/api/v2/products"
#: What differs from one answer to the next, whoever gives it.
_OF_ITS_TIME = re.compile(
    rb"(?m)^(date|x-request-id|server-timing|(x-)?ratelimit[a-z-]*): [^\r]*\r\n"
    rb"|\"(requestId|timestamp)\":\"[^\"]*\""
)
_SECONDS = 60


@pytest.fixture(scope="module")
def servers(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """The same server on the fast paths and off them."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                serving(
                    settings,
                    tmp_path_factory.mktemp("protocol") / f"log-{fast}",
                    TANDEM_FAST_PATHS=fast,
                    TANDEM_CACHE_SECONDS="0",
                    TANDEM_BODY_BYTES="2000",
                )
            )
            for fast in ("true", "false")
        ]


def exchanged(server: Server, sent: bytes) -> bytes:
    """All that a server answers to these bytes, until it closes the connection."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=_SECONDS) as client:
        client.sendall(sent)
        client.settimeout(_SECONDS)
        pieces = []
        while piece := client.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def request(line: str, *headers: str, body: bytes = b"", last: bool = True) -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: localhost", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    if last:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


JSON = "Content-Type: application/json"
QUERY = b'{"query":"{products(first:1){nodes{id}}}"}'
ASKED = {
    "a list": request(f"GET {PRODUCTS}?first=2&total=true"),
    "a list of v1": request("GET /api/v1/products?limit=2&sort=created_at"),
    "a trimmed list": request(f"GET {PRODUCTS}?first=2&fields=id,price"),
    "what is not there": request(f"GET {PRODUCTS}/nothing"),
    "no route": request("GET /api/v2/nothing"),
    "another method": request(f"PUT {PRODUCTS}"),
    "a question about methods": request(f"OPTIONS {PRODUCTS}"),
    "a preflight": request(
        f"OPTIONS {PRODUCTS}", "Origin: http://localhost:3000", "Access-Control-Request-Method: GET"
    ),
    "from another origin": request(f"GET {PRODUCTS}?first=1", "Origin: http://localhost:3000"),
    "a head": request(f"HEAD {PRODUCTS}?first=2"),
    "a bad query": request(f"GET {PRODUCTS}?first=0&nonsense=1&page=2"),
    "a bad query string": request(f"GET {PRODUCTS}?search=%ff"),
    "another media type": request(f"GET {PRODUCTS}", "Accept: text/html"),
    "compressed": request(f"GET {PRODUCTS}?first=20", "Accept-Encoding: gzip"),
    "no token": request("POST /api/v2/orders", JSON, body=b"{}"),
    "a bad token": request(f"GET {PRODUCTS}", "Authorization: Bearer nonsense"),
    "two tokens": request(f"GET {PRODUCTS}", "Authorization: Bearer a", "Authorization: Bearer b"),
    "no JSON": request("POST /api/v2/auth/login", JSON, body=b"{"),
    "a form": request("POST /api/v2/auth/login", "Content-Type: text/plain", body=b"x"),
    "too much": request("POST /api/v2/auth/login", JSON, body=b" " * 2001),
    "a body where none is read": request(f"GET {PRODUCTS}?first=1", JSON, body=b"{}"),
    "a page": request("GET /docs"),
    "a GraphQL query": request("POST /graphql", JSON, body=QUERY),
    "a GraphQL query by GET": request("GET /graphql?query=%7B__typename%7D"),
    "a bad GraphQL document": request("POST /graphql", JSON, body=b'{"query":"{"}'),
    "GraphiQL": request("GET /graphql", "Accept: text/html"),
    "older HTTP": f"GET {PRODUCTS}?first=1 HTTP/1.0\r\nHost: localhost\r\n\r\n".encode(),
    "two at once": request(f"GET {PRODUCTS}?first=1", last=False) + request(f"GET {PRODUCTS}"),
    "no HTTP": b"nonsense\r\n\r\n",
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
async def test_an_answer_is_the_same_bytes_on_the_fast_paths(
    servers: list[Server], shop: Shop, asked: bytes
) -> None:
    for _ in range(3):
        await shop.product()
    fast, readable = [await asyncio.to_thread(exchanged, one, asked) for one in servers]
    assert readable.startswith(b"HTTP/1.1 ")
    assert _alike(fast) == _alike(readable)


async def test_an_unchanged_thing_is_the_same_bytes_too(
    servers: list[Server], shop: Shop, user: Person
) -> None:
    product = await shop.product()
    path, token = f"{PRODUCTS}/{product.id}", f"Authorization: Bearer {user.token}"
    first = await asyncio.to_thread(exchanged, servers[0], request(f"GET {path}", token))
    found = re.search(rb"(?m)^etag: (.*)\r$", first)
    assert found
    asked = request(f"GET {path}", token, f"If-None-Match: {found[1].decode()}")
    fast, readable = [await asyncio.to_thread(exchanged, one, asked) for one in servers]
    assert readable.startswith(b"HTTP/1.1 304 ")
    assert _alike(fast) == _alike(readable)


@pytest.mark.parametrize(
    "fields",
    ["id", "total,number", "lines,id", "nextStatuses,createdAt", "couponId,shippingAddress"],
)
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_trimmed_list_is_the_same_bytes_too(
    servers: list[Server], shop: Shop, version: str, fields: str
) -> None:
    user = await shop.person(balance="100.00")
    await shop.order(user)
    await shop.order(user, shippingAddress=ADDRESS)
    token = f"Authorization: Bearer {user.token}"
    asked = request(f"GET /api/{version}/orders?fields={fields}", token)
    fast, readable = [await asyncio.to_thread(exchanged, one, asked) for one in servers]
    assert readable.startswith(b"HTTP/1.1 200 ")
    assert _alike(fast) == _alike(readable)


def _alike(answer: bytes) -> list[tuple[list[bytes], bytes]]:
    """The answers in these bytes: their headers in any order, and their bodies."""
    alike = []
    for one in _OF_ITS_TIME.sub(b"", answer).split(b"HTTP/1.1 ")[1:]:
        head, _, body = one.partition(b"\r\n\r\n")
        alike.append((sorted(head.split(b"\r\n")), body))
    return alike


# Headers of ours that would break out of their line


@pytest.fixture
async def careless(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """The port of a server that writes what it is told into a header."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Reply(200, {"Location": request.param})(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", http="httptools", log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await running


@pytest.mark.parametrize(
    "careless", ["/a\r\nSet-Cookie: b", "/a\nb", "/a\rb", "/a\0b"], indirect=True
)
async def test_a_header_never_breaks_out_of_its_line(careless: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", careless)
    writer.write(request("GET /", last=False))
    answer = await asyncio.wait_for(reader.read(), _SECONDS)
    writer.close()
    assert answer == b""  # uvicorn closes the connection
