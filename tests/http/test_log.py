"""The log: one line a request with all that an operator looks for, and nothing that is secret."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import structlog

from api.app import create_app
from persistence.database.transactions import QueryStats
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.process import Process, new_process
from services.request_log import SHOWN, RequestLog, shown, shown_query
from services.settings.settings import Settings
from tests.conftest import CHECKOUT, client_of, running
from tests.faces import FACES, Door
from tests.servers import serving
from tests.shop import PASSWORD, Person, Shop, new_key, unique

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
#: What differs with each run.
_MEASURED = {"seconds", "bytes", "statements", "database_seconds"}


@pytest.fixture(params=[True, False], ids=["fast", "readable"])
async def own(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Process]:
    """A process, fast and readable, that takes every statement for a slow one."""
    more = {"fast_paths": request.param, "slow_statement_seconds": 0.0000001, "cache_seconds": 0}
    process = new_process(settings.model_copy(update=more))
    yield process
    await process.close()


def lines_of(captured: Any, event: str = "request") -> list[dict[str, Any]]:
    """The captured lines of one event."""
    return [dict(line) for line in captured if line["event"] == event]


# One line a request


async def test_a_request_is_one_line_with_route_caller_and_input(
    process: Process, user: Person
) -> None:
    # No request is slow, however busy the machine is.
    settings = process.settings.model_copy(update={"slow_request_seconds": 60})
    headers = {
        **user.headers,
        "X-Request-Id": unique("log-"),
        "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01",
        "User-Agent": "shop/1.0",
    }
    async with client_of(create_app(replace(process, settings=settings))) as client:
        with structlog.testing.capture_logs() as captured:
            answer = await client.get("/api/v2/orders?first=5&sort=-createdAt", headers=headers)
    assert answer.status_code == 200
    [line] = lines_of(captured)
    assert line["seconds"] >= line["database_seconds"] > 0
    assert (line["statements"] > 0, line["bytes"]) == (True, len(answer.content))
    assert {name: line[name] for name in line if name not in _MEASURED} == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "path": "/api/v2/orders",
        "query": "first=5&sort=-createdAt",
        "status": 200,
        "address": "127.0.0.1",
        "agent": "shop/1.0",
        "user": user.id,
        "operation": "orders.list",
        "input": {"first": "5", "sort": "-createdAt"},
        "request_id": headers["X-Request-Id"],
        "trace_id": TRACE,
    }


async def test_a_document_is_one_line_with_all_its_operations(
    client: httpx.AsyncClient, user: Person
) -> None:
    query = "{ products(first: 2) { totalCount } orders(first: 3) { totalCount } }"
    with structlog.testing.capture_logs() as captured:
        await client.post("/graphql", json={"query": query}, headers=user.headers)
    [line] = lines_of(captured)
    assert (line["operation"], line["user"]) == ("products.list, orders.list", user.id)
    assert [one["first"] for one in line["input"]] == [2, 3]


async def test_an_api_key_is_named_beside_its_user(client: httpx.AsyncClient, shop: Shop) -> None:
    machine = await shop.machine(await shop.person(), "orders:read:own")
    with structlog.testing.capture_logs() as captured:
        await client.get("/api/v2/orders", headers=machine.headers)
    [line] = lines_of(captured)
    [key] = await shop.rows(
        f"SELECT id::text, user_id::text FROM api_keys WHERE user_id = '{line['user']}'"
    )
    assert (line["api_key"], line["user"]) == (key["id"], key["user_id"])


@pytest.mark.parametrize("face", FACES)
async def test_a_refusal_is_a_warning_with_its_code_and_fields_on_every_face(
    faces: dict[str, Door], user: Person, face: str
) -> None:
    with structlog.testing.capture_logs() as captured:
        await faces[face].call("deposits.create", {"amount": "-1.00"}, caller=user, key=new_key())
    [line] = lines_of(captured)
    assert (line["log_level"], line["code"]) == ("warning", "VALIDATION_FAILED")
    assert (line["fields"], line["operation"]) == (["amount INVALID_FORMAT"], "deposits.create")
    assert line["input"] == {"amount": "-1.00"}


async def test_an_unknown_address_is_a_warning_too(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as captured:
        await client.get("/api/v2/nowhere")
    [line] = lines_of(captured)
    assert (line["log_level"], line["status"], line["code"]) == ("warning", 404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize("face", FACES)
async def test_a_failure_is_an_error_with_its_trace_in_the_request_s_line(
    faces: dict[str, Door], shop: Shop, user: Person, face: str
) -> None:
    await shop.execute(
        "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'planted failure'; END $$"
    )
    await shop.execute(
        "CREATE TRIGGER fails BEFORE INSERT ON deposits FOR EACH ROW EXECUTE FUNCTION fails()"
    )
    try:
        with structlog.testing.capture_logs() as captured:
            outcome = await faces[face].call(
                "deposits.create", {"amount": "7.00"}, caller=user, key=new_key()
            )
    finally:
        await shop.execute("DROP FUNCTION fails CASCADE")
    assert outcome.code == "INTERNAL"
    [line] = lines_of(captured)
    assert (line["log_level"], line["code"], line["user"]) == ("error", "INTERNAL", user.id)
    assert (line["operation"], line["input"]) == ("deposits.create", {"amount": "7.00"})
    assert "Traceback" in line["exception"]
    assert "planted failure" in line["exception"]
    assert line["statements"] > 0


async def test_the_database_s_absence_is_an_error_with_its_reason_and_no_trace(
    settings: Settings,
) -> None:
    nowhere = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    away = new_process(nowhere)
    try:
        async with client_of(create_app(away)) as client:
            with structlog.testing.capture_logs() as captured:
                # No cache holds it.
                await client.get(f"/api/v2/products?search={unique('nowhere')}")
    finally:
        await away.close()
    [line] = lines_of(captured)
    assert (line["log_level"], line["code"]) == ("error", "UNAVAILABLE")
    assert (line["reason"], "exception" in line) == ("Unavailable", False)


# Secrets


async def test_secrets_and_personal_values_stay_out_of_the_log(
    client: httpx.AsyncClient, shop: Shop, user: Person, faces: dict[str, Door]
) -> None:
    email, password = f"{unique('ada')}@example.com", "correct horse battery 1"
    person = {"email": email, "password": password, "username": unique("ada"), "fullName": "Ada L"}
    address = {"name": "Ada L", "line1": "12 Hidden St", "city": "Lund", "country": "SE"}
    product = await shop.product()
    order = {"lines": [{"productId": product.id, "quantity": 1}], "shippingAddress": address}
    with structlog.testing.capture_logs() as captured:
        for name in FACES:
            door = faces[name]
            mine = {**person, "email": f"{name}{email}", "username": unique("ada")}
            await door.call("auth.register", mine)
            await door.call("auth.login", {"email": f"{name}{email}", "password": password})
            await door.call("auth.login", {"email": f"{name}{email}", "pasword": password})
            await door.call("auth.refresh", {"refreshToken": "tandem_planted_token"})
            await door.call("orders.create", order, caller=user)
            change = {"currentPassword": PASSWORD, "newPassword": password}
            await door.call("users.changePassword", change, caller=user)
        query = f'mutation {{ login(input: {{email: "{email}", password: "{password}"}}) {{ x }} }}'
        await client.get("/graphql", params={"query": query})
        for secret in ("token", "signature", "password", "%74oken", "email"):
            await client.get(f"/api/v2/products?first=1&{secret}=planted_token")
        await client.get(f"/api/v2/products?search={email.replace('@', '%40')}")
        bearer = {"Authorization": "Bearer planted_token", "Cookie": "session=planted_token"}
        await client.get("/api/v2/me", headers=bearer)
    text = json.dumps(captured, default=repr)
    secrets = (email.partition("@")[0], password, PASSWORD, "planted_token", "Ada L", "Hidden St")
    assert [secret for secret in secrets if secret in text] == []
    assert product.id in text
    assert "first=1&token=…" in {line.get("query") for line in lines_of(captured)}


def test_what_is_shown_is_bounded_and_can_be_written() -> None:
    value = {"name": "x" * 5_000, "y" * 5_000: "z", "lines": [{"quantity": 1}] * 500}
    found = shown({**value, "stock": 10**40, "slug": "a\ud800b", "reason": {"name": {"name": {}}}})
    assert len(json.dumps(found)) < 8_000
    assert len(found["lines"]) == 100
    assert (found["stock"], found["slug"]) == ("…", "a?b")
    assert shown_query(b"first=2&tok%65n=x&a=b=c&flag") == "first=2&tok%65n=…&a=…&flag"
    assert len(shown_query(b"search=" + b"x" * 9_000)) == 500
    secret = ("password", "token", "secret", "email", "phone", "address", "fullName", "username")
    assert [name for name in SHOWN if any(word in name for word in secret)] == []


def test_a_request_with_many_faults_has_a_short_line() -> None:
    log = RequestLog()
    fields = [FieldError(f"lines.{place}", "REQUIRED", "Give it.") for place in range(500)]
    for _ in range(500):
        log.operation("orders.get", {"id": "x" * 500})
        log.error(ValidationFailed(fields=fields))
        log.failure(ValueError("planted"))
    values = log.values()
    assert len(values["fields"]) == 20
    assert values["exception"].count("ValueError") == 3
    assert len(json.dumps(values)) < 10_000


# Statements


async def test_a_slow_statement_names_the_request_that_asked(own: Process, shop: Shop) -> None:
    product = await shop.product()
    async with client_of(create_app(own)) as client:
        with structlog.testing.capture_logs() as captured:
            answer = await client.get(f"/api/v2/products/{product.id}")
    lines = [
        line for line in lines_of(captured, "slow statement") if "products" in str(line["sql"])
    ]
    assert {line["request_id"] for line in lines} == {answer.headers["x-request-id"]}
    assert lines[0]["rows"] == 1
    assert product.id not in lines[0]["sql"]


async def test_a_joined_statement_names_all_requests_that_it_answers(
    settings: Settings, shop: Shop
) -> None:
    update = {"fast_paths": True, "slow_statement_seconds": 0.0000001}
    process = new_process(settings.model_copy(update=update))
    ids = [(await shop.product()).id for _ in range(2)]
    from persistence.products.views import PRODUCT

    async def ask(id: str) -> None:
        reader = process.database.reader(QueryStats(request_id=f"request-{id}"))
        await reader.all(PRODUCT.by_ids, ids=[id], viewer=None, session=None, sees_all=True)

    try:
        with structlog.testing.capture_logs() as captured:
            await asyncio.gather(*map(ask, ids))
    finally:
        await process.close()
    [line] = lines_of(captured, "slow statement")
    assert sorted(line["request_ids"]) == sorted(f"request-{id}" for id in ids)


async def test_at_debug_each_statement_is_a_line_with_its_rows(
    settings: Settings, shop: Shop
) -> None:
    process = new_process(settings.model_copy(update={"log_level": "debug"}))
    product = await shop.product()
    try:
        async with running(create_app(process)) as app, client_of(app) as client:
            with structlog.testing.capture_logs() as captured:
                answer = await client.get(f"/api/v2/products/{product.id}")
    finally:
        await process.close()
    asked = [
        line
        for line in lines_of(captured, "statement") + lines_of(captured, "slow statement")
        if line.get("request_id") == answer.headers["x-request-id"]
    ]
    assert asked
    assert all(line["seconds"] > 0 and line["sql"] and line["rows"] >= 0 for line in asked)


# The shape of every line


def test_every_line_of_a_server_is_json_that_names_service_and_environment(
    settings: Settings, tmp_path: Any
) -> None:
    with serving(settings, tmp_path / "log") as server:
        url, headers = f"{server.url}/api/v2/products?first=1", {"User-Agent": "x"}
        answer = httpx.get(url, headers=headers, timeout=60)
        httpx.get(f"{server.url}/nowhere", timeout=60)
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert {line["service"] for line in lines} == {"tandem-server"}
    assert {line["environment"] for line in lines} == {"test"}
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    [mine] = [line for line in lines if line.get("request_id") == answer.headers["x-request-id"]]
    assert (mine["event"], mine["agent"], mine["status"]) == ("request", "x", 200)


def test_less_than_the_level_of_the_settings_is_not_logged(
    settings: Settings, tmp_path: Any
) -> None:
    more = {"TANDEM_LOG_LEVEL": "warning", "TANDEM_SLOW_REQUEST_SECONDS": "60"}
    with serving(settings, tmp_path / "log", TANDEM_SLOW_STATEMENT_SECONDS="60", **more) as server:
        httpx.get(f"{server.url}/operations", timeout=60)
        httpx.get(f"{server.url}/nowhere", timeout=60)
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [line["path"] for line in lines] == ["/nowhere"]


_LIBRARIES = """
import logging, threading, warnings
from services import logs
logs.configure(service="tests", environment="test", readable=False)
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
logging.getLogger("anything").info("not told")
try:
    raise ValueError("planted")
except ValueError:
    logging.getLogger("asyncio").exception("Task exception was never retrieved")
warnings.warn("planted warning")
crash = threading.Thread(target=lambda: 1 / 0)
crash.start()
crash.join()
raise RuntimeError("planted crash")
"""


def test_what_libraries_say_and_what_crashes_has_the_same_shape() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _LIBRARIES], cwd=CHECKOUT, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert {(line["service"], line["environment"]) for line in lines} == {("tests", "test")}
    told = [(line["level"], line.get("logger")) for line in lines]
    assert told == [
        ("warning", "uvicorn.error"),
        ("error", "asyncio"),
        ("warning", "py.warnings"),
        ("critical", None),
        ("critical", None),
    ]
    assert lines[0]["told"] == "Invalid HTTP request received."
    traces = [line["exception"].splitlines()[-1] for line in lines if "exception" in line]
    assert traces == [
        "ValueError: planted",
        "ZeroDivisionError: division by zero",
        "RuntimeError: planted crash",
    ]


async def test_only_jobs_and_commands_have_lines_of_their_operations(shop: Shop) -> None:
    product = await shop.product()
    with structlog.testing.capture_logs() as captured:
        from services.products import reading

        await reading.get(shop.request(), {"id": product.id})
    [line] = lines_of(captured, "operation")
    assert line["operation"] == "products.get"
    assert lines_of(captured) == []


_LOST = """
import sys
from services import logs
from services.fast.log_lines import LogLines
readable, writer = {readable}, {writer}
logs.configure(readable=readable, writer=writer)
logs.log.info("lost")
request = {{"method": "GET", "path": "/", "status": 200, "seconds": 0.1}}
logs.line(logs.log, "info", "request", request)
print("went on", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("readable", "writer"), [(True, None), (False, None), (False, "LogLines(sys.stdout.buffer)")]
)
def test_a_log_that_nobody_takes_any_more_stops_nothing(readable: bool, writer: str | None) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    script = _LOST.format(readable=readable, writer=writer)
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writing)
    assert ran.stderr.startswith("went on")
