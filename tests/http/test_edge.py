"""The edge: names, limits, headers and refusals that are the same whatever answers inside."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import brotli
import httpx
import pytest
import structlog
import zstandard
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from api import app as composition
from services.process import Process, new_process
from services.settings.settings import Environment, Settings
from tests.conftest import Addresses, client_of, running, settings_for
from tests.servers import Server, serving
from tests.shop import Shop

DIALECTS = pytest.mark.parametrize("base", ["/api/v1", "/api/v2", "/api", ""])
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
Make = Callable[..., Any]


async def _echo(request: Request) -> Response:
    return Response(await request.body())


async def _careless(request: Request) -> Response:
    try:
        await request.body()
    except Exception:
        return PlainTextResponse("careless", 400)
    return Response()


async def _deaf(_: Request) -> Response:
    return PlainTextResponse("deaf")


async def _crash(_: Request) -> Response:
    secret = "planted-local"
    raise RuntimeError(f"planted-detail of {len(secret)}")


async def _wait(request: Request) -> Response:
    await asyncio.sleep(float(request.query_params.get("seconds", "30")))
    return Response()


async def _long(_: Request) -> Response:
    return PlainTextResponse("lorem ipsum " * 500)


async def _context(_: Request) -> Response:
    return JSONResponse(structlog.contextvars.get_contextvars())


async def _own_policy(_: Request) -> Response:
    return Response(headers={"Content-Security-Policy": "default-src 'self'"})


async def _events(request: Request) -> Response:
    async def pieces() -> AsyncIterator[str]:
        for _ in range(4):
            yield "data: tick\n\n"
            await asyncio.sleep(float(request.query_params["pause"]))

    return StreamingResponse(pieces(), media_type="text/event-stream")


async def _endless(_: Request) -> Response:
    async def pieces() -> AsyncIterator[str]:
        while True:
            yield "data: tick\n\n"
            await asyncio.sleep(30)

    return StreamingResponse(pieces(), media_type="text/event-stream")


def _planted(_: Process) -> list[Route]:
    shared = {"crash": _crash, "wait": _wait}
    return [
        Route("/planted/careless", _careless, methods=["POST"]),
        Route("/planted/deaf", _deaf, methods=["POST"]),
        Route("/planted/long", _long),
        Route("/planted/context", _context),
        Route("/planted/policy", _own_policy),
        Route("/planted/events", _events),
        Route("/planted/endless", _endless),
        *(
            route
            for base in ("/api/v1", "/api/v2", "/api", "")
            for route in (
                *(Route(f"{base}/planted/{name}", shared[name]) for name in shared),
                Route(f"{base}/planted/echo", _deaf),
                Route(f"{base}/planted/echo", _echo, methods=["POST"]),
                Route(f"{base}/planted/echo", _deaf, methods=["PATCH"]),
            )
        ),
    ]


@pytest.fixture
def make(process: Process, monkeypatch: pytest.MonkeyPatch) -> Make:
    """The application with planted routes, and other settings where given."""
    pages = composition.page_routes
    monkeypatch.setattr(composition, "page_routes", lambda one: [*pages(one), *_planted(one)])

    def made(**more: Any) -> Any:
        settings = process.settings.model_copy(update=more)
        return composition.create_app(replace(process, settings=settings))

    return made


@pytest.fixture
async def planted(make: Make) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with planted routes."""
    async with client_of(make()) as client:
        yield client


def asked_of(answer: httpx.Response) -> tuple[str, str, str]:
    """What an error of the address says: its words, and the method and path that it names."""
    body = answer.json()
    error = body.get("error", body)  # v1 writes an envelope around it
    details = error["details"]
    return error["detail" if error is body else "message"], details["method"], details["path"]


def code_of(answer: httpx.Response) -> str:
    """The error code, read by the shape that the path's dialect has."""
    body, path = answer.json(), answer.request.url.path
    if path == "/graphql":
        assert answer.headers["content-type"].startswith("application/")
        [error] = body["errors"]
        extensions = error["extensions"]
        assert extensions["status"] == answer.status_code
        assert extensions["requestId"] == answer.headers["x-request-id"]
        return extensions["code"]
    if path.startswith("/api/") and not path.startswith("/api/v2/"):
        assert answer.headers["content-type"].startswith("application/json")
        assert body["success"] is False
        assert body["data"] is None
        assert body["requestId"] == answer.headers["x-request-id"]
        return body["error"]["code"]
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert body["status"] == answer.status_code
    assert body["type"].endswith(f"/errors/{body['code']}")
    assert body["requestId"] == answer.headers["x-request-id"]
    return body["code"]


async def chunks(*sizes: int) -> AsyncIterator[bytes]:
    """A body whose length is not said beforehand."""
    for size in sizes:
        yield b" " * size


# Names


async def test_the_callers_request_id_comes_back(planted: httpx.AsyncClient) -> None:
    answer = await planted.get("/health/live", headers={"X-Request-Id": "Order_7.retry-2"})
    assert answer.headers.get_list("x-request-id") == ["Order_7.retry-2"]


@pytest.mark.parametrize("given", [b"", b"two words", b"a" * 129, b"caf\xe9", b"a<b", b"a\x00b"])
async def test_an_unfit_request_id_is_replaced(planted: httpx.AsyncClient, given: bytes) -> None:
    first = await planted.get("/health/live", headers={b"X-Request-Id": given})
    second = await planted.get("/health/live", headers={b"X-Request-Id": given})
    assert first.status_code == 200
    assert first.headers["x-request-id"][14] == "7"
    assert len(first.headers["x-request-id"]) == 36
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_logs_of_a_request_know_its_id_and_trace(planted: httpx.AsyncClient) -> None:
    headers = {"X-Request-Id": "mine", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    known = (await planted.get("/planted/context", headers=headers)).json()
    assert known == {"request_id": "mine", "trace_id": TRACE}


@pytest.mark.parametrize(
    "given",
    [
        f"00-{TRACE}-0000000000000000-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        "nonsense",
    ],
)
async def test_an_invalid_traceparent_is_ignored(planted: httpx.AsyncClient, given: str) -> None:
    known = (await planted.get("/planted/context", headers={"traceparent": given})).json()
    assert "trace_id" not in known


async def test_a_slow_request_is_warned(make: Make) -> None:
    async with (
        client_of(make(slow_request_seconds=0.05)) as strict,
        client_of(make(slow_request_seconds=60)) as patient,
    ):
        with structlog.testing.capture_logs() as lines:
            for client in (strict, patient):
                await client.get("/planted/wait?seconds=0.1")
    assert [line["log_level"] for line in lines if line["event"] == "request"] == [
        "warning",
        "info",
    ]


# Limits


@DIALECTS
@pytest.mark.parametrize("chunked", [False, True], ids=["said length", "chunked"])
async def test_a_body_above_the_limit_is_refused_in_the_paths_own_shape(
    make: Make, base: str, chunked: bool
) -> None:
    async with client_of(make(body_bytes=1000)) as client:
        url = f"{base}/planted/echo"
        fits = await client.post(url, content=chunks(600, 400) if chunked else b" " * 1000)
        answer = await client.post(url, content=chunks(600, 401) if chunked else b" " * 1001)
    assert (fits.status_code, len(fits.content)) == (200, 1000)
    assert (answer.status_code, code_of(answer)) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("chunked", [False, True], ids=["said length", "chunked"])
async def test_graphql_too_refuses_a_body_above_the_limit(make: Make, chunked: bool) -> None:
    async with client_of(make(body_bytes=1000)) as client:
        content = chunks(600, 401) if chunked else b" " * 1001
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/graphql", content=content, headers=headers)
    assert (answer.status_code, code_of(answer)) == (413, "PAYLOAD_TOO_LARGE")


async def test_what_a_route_makes_of_a_refused_body_is_not_heard(make: Make) -> None:
    async with client_of(make(body_bytes=1000)) as client:
        answer = await client.post("/planted/careless", content=chunks(1001))
    assert (answer.status_code, code_of(answer)) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_length_that_is_none_is_refused(planted: httpx.AsyncClient) -> None:
    answer = await planted.post("/planted/echo", headers={"Content-Length": "-5"})
    assert (answer.status_code, code_of(answer)) == (400, "MALFORMED_REQUEST")


@DIALECTS
async def test_a_request_ends_at_its_deadline(make: Make, base: str) -> None:
    async with client_of(make(request_seconds=0.1)) as client:
        started = time.monotonic()
        answer = await client.get(f"{base}/planted/wait")
    assert (answer.status_code, code_of(answer)) == (504, "TIMEOUT")
    assert time.monotonic() - started < 25


@pytest.mark.parametrize(
    ("when", "details"),
    [
        ("CONSTRAINT TRIGGER slow AFTER INSERT ON categories DEFERRABLE INITIALLY DEFERRED", True),
        ("TRIGGER slow BEFORE INSERT ON categories", False),
    ],
    ids=["at its commit", "before it"],
)
async def test_a_deadline_says_when_a_write_may_be_done(
    fresh_database: str, addresses: Addresses, password_hash: str, when: str, details: bool
) -> None:
    settings = settings_for(fresh_database, addresses.redis_url, request_seconds=5)
    process = new_process(settings)
    shop = Shop(process, password_hash)
    manager = await shop.person("MANAGER")
    await shop.execute(
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(25); RETURN NEW; END $$"
    )
    await shop.execute(f"CREATE {when} FOR EACH ROW EXECUTE FUNCTION slowly()")
    document = 'mutation { createCategory(input: {name: "Late 3", slug: "late-3"}) { id } }'
    bodies = {
        "/api/v2/categories": {"name": "Late 1", "slug": "late-1"},
        "/api/v1/categories": {"name": "Late 2", "slug": "late-2"},
        "/graphql": {"query": document},
    }
    async with running(composition.create_app(process)) as app, client_of(app) as client:
        answers = await asyncio.gather(
            *(
                client.post(path, json=body, headers=manager.headers)
                for path, body in bodies.items()
            )
        )
    v2, v1, graphql = [answer.json() for answer in answers]
    told = [v2, v1["error"], graphql["errors"][0]["extensions"]]
    assert [error["code"] for error in told] == ["TIMEOUT"] * 3
    unknown = {"outcome": "UNKNOWN"} if details else {}
    assert [error.get("details", {}) for error in told] == [unknown] * 3


async def test_an_event_stream_may_outlive_the_deadline(make: Make) -> None:
    async with client_of(make(request_seconds=5)) as client:
        answer = await client.get("/planted/events?pause=1.5")
    assert answer.text.count("tick") == 4


async def test_a_body_that_does_not_arrive_is_refused(make: Make) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield b" "
        await asyncio.sleep(30)
        yield b" "

    async with client_of(make(body_seconds=0.1)) as client:
        answer = await client.post("/api/v2/planted/echo", content=slowly())
    assert (answer.status_code, code_of(answer)) == (408, "REQUEST_TIMEOUT")


# The last resort


@DIALECTS
async def test_a_fault_tells_the_caller_nothing(planted: httpx.AsyncClient, base: str) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await planted.get(f"{base}/planted/crash")
    assert (answer.status_code, code_of(answer)) == (500, "INTERNAL")
    for inside in ("planted", "RuntimeError", "Traceback", ".py"):
        assert inside not in answer.text.replace(f"{base}/planted/crash", "")
    [line] = [line for line in lines if line["event"] == "request"]
    assert (line["log_level"], line["code"]) == ("error", "INTERNAL")
    assert line["exception"].endswith("RuntimeError: planted-detail of 13\n")


async def test_odd_headers_are_no_fault_of_ours(planted: httpx.AsyncClient) -> None:
    for headers in (
        {b"Host": b"\xff\xfe:port"},
        {b"Host": b""},
        {b"Host": b"a, b"},
        {b"Accept": b"\xff"},
        {b"Accept-Encoding": b"gzip;q=x, \xff"},
        {b"Origin": b"\xff"},
        {b"Content-Type": b"\xff\xfe"},
        {b"If-None-Match": b'"\xff'},
        {b"Authorization": b"Bearer \xff"},
    ):
        for path in ("/operations", "/errors/INTERNAL", "/graphql?query={__typename}"):
            answer = await planted.get(path, headers=headers)
            assert answer.status_code < 500, (headers, path)


# Headers


def exchanges() -> list[tuple[str, str, dict[str, Any], int]]:
    """Every kind of answer: method, address, the rest of the request, its status."""
    foreign = {"Origin": "http://localhost:3000"}
    preflight = {**foreign, "Access-Control-Request-Method": "PATCH"}
    return [
        ("GET", "/health/live", {"headers": foreign}, 200),
        ("HEAD", "/health/live", {"headers": foreign}, 200),
        ("GET", "/docs", {"headers": foreign}, 200),
        ("GET", "/operations", {"headers": {**foreign, "If-None-Match": "*"}}, 304),
        ("GET", "/graphql?query={__typename}", {"headers": foreign}, 200),
        ("GET", "/api/v1/nothing", {"headers": foreign}, 404),
        ("GET", "/api/v2/nothing", {"headers": foreign}, 404),
        ("DELETE", "/api/v2/planted/echo", {"headers": foreign}, 405),
        ("OPTIONS", "/api/v2/planted/echo", {"headers": foreign}, 204),
        ("OPTIONS", "/api/v2/planted/echo", {"headers": preflight}, 200),
        ("POST", "/api/v1/planted/echo", {"headers": foreign, "content": b" " * 3000}, 413),
        ("GET", "/api/v1/planted/wait", {"headers": foreign}, 504),
        ("GET", "/api/v2/planted/crash", {"headers": foreign}, 500),
    ]


@pytest.mark.parametrize(
    ("method", "url", "more", "status"), exchanges(), ids=lambda value: str(value)[:40]
)
async def test_every_answer_carries_name_safety_and_cors(
    make: Make, method: str, url: str, more: dict[str, Any], status: int
) -> None:
    deadline = 0.1 if status == 504 else 60
    async with client_of(make(body_bytes=2000, request_seconds=deadline)) as client:
        answer = await client.request(method, url, **more)
        by_itself = await client.request(method, url, **{**more, "headers": {}})
    assert answer.status_code == status
    for one in (answer, by_itself):
        assert len(one.headers.get_list("x-request-id")) == 1
        assert one.headers["content-security-policy"].startswith("default-src 'none'; script-src")
        assert "unsafe" not in one.headers["content-security-policy"]
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["x-frame-options"] == "DENY"
        assert one.headers["referrer-policy"] == "no-referrer"
        assert one.headers["cross-origin-opener-policy"] == "same-origin"
        assert one.headers["cross-origin-resource-policy"] == "same-origin"
        assert "cache-control" in one.headers
        assert "strict-transport-security" not in one.headers
        assert "Origin" in one.headers["vary"]
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["access-control-allow-credentials"] == "true"


async def test_a_route_may_have_a_content_policy_of_its_own(planted: httpx.AsyncClient) -> None:
    answer = await planted.get("/planted/policy")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]


async def test_production_asks_for_https_from_then_on(make: Make) -> None:
    async with client_of(make(environment=Environment.PRODUCTION)) as client:
        answer = await client.get("/api/v2/nothing")
    hsts = "max-age=31536000; includeSubDomains"
    assert answer.headers["strict-transport-security"] == hsts
    for given, expected in (
        ({"hsts_subdomains": False}, "max-age=31536000"),
        ({"hsts_preload": True}, f"{hsts}; preload"),
    ):
        async with client_of(make(environment=Environment.PRODUCTION, **given)) as client:
            answer = await client.get("/api/v2/nothing")
        assert answer.headers["strict-transport-security"] == expected


# CORS


async def test_a_preflight_tells_what_browsers_may_send(planted: httpx.AsyncClient) -> None:
    asked = {
        "Origin": "http://127.0.0.1:5173",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, if-match",
    }
    answer = await planted.options("/api/v2/orders", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "http://127.0.0.1:5173"
    assert answer.headers["access-control-max-age"] == "86400"
    methods = answer.headers["access-control-allow-methods"].split(", ")
    assert set(methods) >= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}


async def test_browsers_may_read_our_headers(planted: httpx.AsyncClient) -> None:
    answer = await planted.get("/health/live", headers={"Origin": "http://localhost"})
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {
        "X-Request-Id", "ETag", "Location", "Link", "Idempotent-Replayed", "X-Cache",
        "Retry-After", "Deprecation", "Sunset", "RateLimit", "RateLimit-Policy", "Server-Timing",
    }  # fmt: skip


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost.evil.example", "http://localhost:80@evil", "null"],
)
async def test_other_origins_are_not_allowed(planted: httpx.AsyncClient, origin: str) -> None:
    answer = await planted.get("/health/live", headers={"Origin": origin})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_production_allows_the_listed_origins_only(make: Make) -> None:
    app = make(environment=Environment.PRODUCTION, cors_origins=("https://shop.example",))
    async with client_of(app) as client:
        allowed = {}
        for origin in ("https://shop.example", "http://localhost:3000"):
            answer = await client.get("/api/v2/nothing", headers={"Origin": origin})
            allowed[origin] = answer.headers.get("access-control-allow-origin")
    assert allowed == {
        "https://shop.example": "https://shop.example",
        "http://localhost:3000": None,
    }


# Methods and addresses


@pytest.mark.parametrize(
    "url",
    [
        "/operations",
        "/planted/long",
        "/api/v1/categories",
        "/api/v2/categories",
        "/api/v2/nothing",
        "/graphql?query={__typename}",
    ],
)
async def test_head_answers_like_get_without_the_body(planted: httpx.AsyncClient, url: str) -> None:
    # The envelope of v1 tells the time, which comes to other lengths compressed.
    encoding = "identity" if url.startswith("/api/v1") else "gzip"
    named = {"X-Request-Id": "same", "Accept-Encoding": encoding}
    get = await planted.get(url, headers=named)
    head = await planted.head(url, headers=named)
    assert head.content == b""
    assert head.status_code == get.status_code
    for answer in (get, head):
        told = ("ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset")
        for name in ("server-timing", "x-cache", *told):
            answer.headers.pop(name, None)  # no two are alike
    assert head.headers == get.headers
    assert int(head.headers["content-length"]) > 0


async def test_head_does_not_wait_for_the_end_of_a_stream(planted: httpx.AsyncClient) -> None:
    async with asyncio.timeout(25):  # the second piece comes after 30
        answer = await planted.head("/planted/endless")
    assert answer.headers["content-type"].startswith("text/event-stream")


@DIALECTS
async def test_a_wrong_method_is_told_all_the_right_ones(
    planted: httpx.AsyncClient, base: str
) -> None:
    answer = await planted.delete(f"{base}/planted/echo")
    assert (answer.status_code, code_of(answer)) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PATCH, POST"
    asked = ("DELETE", f"{base}/planted/echo")
    assert asked_of(answer) == (f"{asked[1]} does not take {asked[0]}.", *asked)


async def test_options_tells_the_methods(planted: httpx.AsyncClient) -> None:
    answer = await planted.options("/api/v2/planted/echo")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PATCH, POST"
    assert (await planted.options("/api/v2/nothing")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/nothing", "/%00", "/%ff%fe", "/a//b", "/a/../b/"])
@DIALECTS
async def test_an_unknown_address_is_not_found(
    planted: httpx.AsyncClient, base: str, path: str, method: str
) -> None:
    answer = await planted.request(method, base + path)
    assert (answer.status_code, code_of(answer)) == (404, "ROUTE_NOT_FOUND")
    sent = answer.request.url.raw_path.decode()
    assert asked_of(answer) == (f"There is nothing at {method} {sent}.", method, sent)


@DIALECTS
async def test_what_an_unknown_address_repeats_is_limited(
    planted: httpx.AsyncClient, base: str
) -> None:
    address = f"{base}/{'x' * 600}?token=secret"
    answer = await planted.request("X" * 60, address)
    assert (answer.status_code, code_of(answer)) == (404, "ROUTE_NOT_FOUND")
    method, path = "X" * 40, address[:500]
    assert asked_of(answer) == (f"There is nothing at {method} {path}.", method, path)


async def test_a_slash_too_many_is_not_found_rather_than_redirected(
    planted: httpx.AsyncClient,
) -> None:
    assert (await planted.get("/operations/")).status_code == 404


# Compression


@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip"])
async def test_long_answers_are_compressed(planted: httpx.AsyncClient, encoding: str) -> None:
    accepted = {"Accept-Encoding": encoding}
    async with planted.stream("GET", "/planted/long", headers=accepted) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == encoding
    assert len(raw) == int(answer.headers["content-length"]) < 1000
    assert "Accept-Encoding" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("encoding", "most"),
    [
        ("br", lambda body: brotli.compress(body, quality=5)),
        ("zstd", lambda body: zstandard.ZstdCompressor(level=8).compress(body)),
    ],
)
async def test_answers_shrink_as_far_as_gzip_s_cpu_allows(
    planted: httpx.AsyncClient, encoding: str, most: Callable[[bytes], bytes]
) -> None:
    async with planted.stream(
        "GET", "/operations", headers={"Accept-Encoding": encoding}
    ) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    whole = (await planted.get("/operations", headers={"X-No-Compression": "1"})).content
    assert len(raw) <= len(most(whole)) + 64


async def test_compression_can_be_declined(planted: httpx.AsyncClient) -> None:
    declined = {"Accept-Encoding": "gzip", "X-No-Compression": "1"}
    answer = await planted.get("/planted/long", headers=declined)
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == "6000"


async def test_short_answers_are_not_compressed(planted: httpx.AsyncClient) -> None:
    answer = await planted.get("/health/live", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


# Over real sockets


@pytest.fixture(scope="module")
def impatient(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits a second for a body."""
    log = tmp_path_factory.mktemp("impatient") / "log"
    with serving(settings, log, TANDEM_BODY_SECONDS="1", TANDEM_BODY_BYTES="100000") as server:
        yield server


def talk(server: Server, *pieces: bytes) -> tuple[bytes, float]:
    """The answer of a server to these bytes until it closes, and the seconds that it took."""
    url = httpx.URL(server.url)
    started = time.monotonic()
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        for piece in pieces:
            connection.sendall(piece)
        said = b""
        while piece := connection.recv(65_536):
            said += piece
    return said, time.monotonic() - started


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v2/auth/login", "/graphql", "/docs"])
def test_a_client_that_stops_in_its_body_is_let_go(impatient: Server, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    said, seconds = talk(impatient, f"{head}Content-Length: 50\r\n\r\n{{".encode())
    assert b"connection: close" in said
    assert 0.9 < seconds < 20  # which is what a server waits by default
    if path != "/docs":  # there the wrong method answers, once the body had its time
        assert said.startswith(b"HTTP/1.1 408")
        assert b"REQUEST_TIMEOUT" in said


def test_a_client_still_sending_reads_why_it_is_refused(impatient: Server) -> None:
    piece = b" " * 90_000
    head = b"POST /api/v2/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    length = b"Content-Length: 900000\r\n\r\n"
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    for sent in ([head + length, *[piece] * 10], [chunked, *[chunk] * 10, b"0\r\n\r\n"]):
        quickest = 60.0  # of some, as a machine may stand still
        for _ in range(3):
            said, seconds = talk(impatient, *sent)
            assert said.startswith(b"HTTP/1.1 413")
            assert b"PAYLOAD_TOO_LARGE" in said
            quickest = min(quickest, seconds)
        assert quickest < 2


def test_a_length_above_the_limit_is_refused_before_the_body_comes(server: Server) -> None:
    url = httpx.URL(server.url)
    head = b"POST /api/v2/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
    started = time.monotonic()
    with socket.create_connection((url.host, url.port or 80), timeout=60) as connection:
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")
    assert time.monotonic() - started < 20  # a body is waited for longer


def test_a_body_nobody_asked_for_does_not_cost_the_connection(impatient: Server) -> None:
    with httpx.Client(base_url=impatient.url, timeout=60) as client:
        refused = client.post("/api/v2/nothing", content=b" " * 50_000)
        assert refused.status_code == 404
        assert "connection" not in refused.headers
        assert client.get("/health/live").status_code == 200


def test_odd_requests_never_make_a_server_fail(impatient: Server) -> None:
    for line in (
        b"GET /operations HTTP/1.1\r\nHost: \xff\xfe\r\n",
        b"GET /operations HTTP/1.1\r\nHost: a:b:c\r\n",
        b"GET /%ff%00 HTTP/1.1\r\nHost: x\r\n",
        b"GET /api/v2/%zz?%zz=%zz HTTP/1.1\r\nHost: x\r\n",
        b"GET http://other.example/operations HTTP/1.1\r\nHost: x\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n",
        b"BREW /operations HTTP/1.1\r\nHost: x\r\n",
        b"GET /operations HTTP/1.1\r\nHost: x\r\nX-Odd: \x80\x81\r\n",
        b"GET /operations HTTP/1.0\r\n",
    ):
        said, _ = talk(impatient, line + b"Connection: close\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 "), line
        assert said[9:10] in b"234", (line, said[:80])
