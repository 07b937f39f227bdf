"""Exports over a real connection: whole, slow, cut off, broken and left."""

import asyncio
import csv
import io
import json
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil
import pytest

from persistence.database.listing import EXPORTED_AT_ONCE
from services.books.running import run_checks
from services.process import new_process
from services.settings.settings import Settings
from tests import ledger
from tests.conftest import Addresses, settings_for
from tests.servers import Server, serving
from tests.shop import Person, Shop
from tests.worker.work import eventually

#: More than the buffers of a connection hold, by some megabytes.
ROWS = 30_001
EXPORT = "/api/v2/admin/transactions/export"


@dataclass(frozen=True)
class Place:
    """A database with many transactions, and a manager."""

    settings: Settings
    shop: Shop
    manager: Person
    folder: Path

    @contextmanager
    def server(self, **more: str) -> Iterator[Server]:
        """A server of this database, with a log of its own."""
        log = self.folder / f"{uuid4()}.log"
        with serving(self.settings, log, **more) as server:
            yield server


@pytest.fixture(scope="module")
async def place(
    addresses: Addresses, password_hash: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    name = f"tandem_exports_{uuid4().hex[:12]}"
    url = await addresses.create(name)
    settings = settings_for(url, addresses.redis_url)
    process = new_process(settings)
    shop = Shop(process, password_hash)
    manager = await shop.person("MANAGER")
    for _ in range(6):
        await shop.person()
    await ledger.fill(url, ROWS)
    yield Place(settings, shop, manager, tmp_path_factory.mktemp("exports"))
    await process.close()
    await addresses.drop(name)


async def stored(place: Place) -> list[dict[str, Any]]:
    """The transactions as the tables have them, in order, with text for amounts."""
    return await place.shop.rows(
        "SELECT transfers.id::text AS id, amount::text AS amount FROM transfers "
        "JOIN postings ON transfer_id = transfers.id JOIN accounts ON accounts.id = account_id "
        "WHERE accounts.kind = 'WALLET' ORDER BY transfers.created_at, transfers.id"
    )


def get(
    server: Server, manager: Person, timeout: float = 60, headers: Any = None, **values: Any
) -> httpx.Response:
    sent = {**manager.headers, "accept-encoding": "identity", **(headers or {})}
    return httpx.get(f"{server.url}{EXPORT}", params=values, headers=sent, timeout=timeout)


def rows_of(format: str, content: bytes) -> list[tuple[str, str]]:
    """Id and amount of each row of a file, whatever its format."""
    if format == "CSV":
        found: Any = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    elif format == "JSON":
        found = json.loads(content)["data"]
    else:
        found = [json.loads(line) for line in content.splitlines()]
        found = [one for one in found if "id" in one]
    return [(one["id"], one["amount"]) for one in found]


def asked(place: Place, format: str = "NDJSON") -> bytes:
    """A request for a file, as bytes."""
    lines = [
        f"GET {EXPORT}?format={format} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {place.manager.token}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def connected(server: Server) -> socket.socket:
    """A connection that takes little ahead."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    host, port = server.url.removeprefix("http://").split(":")
    connection.connect((host, int(port)))
    return connection


@pytest.mark.parametrize("format", ["JSON", "NDJSON", "CSV"])
async def test_a_file_has_every_transaction_once_and_in_order(place: Place, format: str) -> None:
    with place.server() as server:
        answer = await asyncio.to_thread(get, server, place.manager, format=format)
    assert answer.status_code == 200
    expected = [(row["id"], row["amount"]) for row in await stored(place)]
    assert len(expected) == ROWS
    assert rows_of(format, answer.content) == expected
    assert answer.headers["x-row-count"] == str(ROWS)
    name = answer.headers["content-disposition"]
    assert name.startswith('attachment; filename="transactions-')
    assert name.endswith(f'.{format.lower()}"')
    if format == "NDJSON":
        *lines, last = answer.content.splitlines(keepends=True)
        hashed = sha256(b"".join(lines)).hexdigest()
        assert json.loads(last) == {"end": {"rows": ROWS, "sha256": hashed}}


async def test_the_file_s_amounts_sum_to_the_ledger_to_the_cent(place: Place) -> None:
    with place.server() as server:
        answer = await asyncio.to_thread(get, server, place.manager, format="CSV")
    cents = sum(int(amount.replace(".", "")) for _, amount in rows_of("CSV", answer.content))
    held = await place.shop.value("SELECT sum(balance) FROM accounts WHERE kind = 'WALLET'")
    assert cents == held * 100
    assert [
        check.name for check in await run_checks(place.settings.database_url) if check.wrong
    ] == []


async def test_a_slow_client_holds_no_transaction_and_gets_the_whole_file(place: Place) -> None:
    transactions = (
        "SELECT pid, xact_start FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND application_name = 'tandem' AND xact_start IS NOT NULL"
    )
    with place.server() as server, connected(server) as connection:
        connection.sendall(asked(place))
        assert connection.recv(1000)
        held = await place.shop.rows(transactions)

        async def over() -> bool:
            # A server also polls; its statements end, however slow the machine is.
            lasting = await place.shop.rows(transactions)
            return not any(one in lasting for one in held)

        await eventually(over, 30)
        received = await asyncio.to_thread(_until, connection, b"0\r\n\r\n")
    assert b'{"end":{"rows":%d,' % ROWS in received[-300:]


def _take(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += connection.recv(size)
    return received


def _until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while not received.endswith(end):
        piece = connection.recv(65_536)
        if not piece:
            break
        received += piece
    return received


@pytest.mark.parametrize("format", ["JSON", "NDJSON", "CSV"])
async def test_a_failure_midway_is_seen_by_curl_and_by_a_parser(place: Place, format: str) -> None:
    connection = await asyncpg.connect(place.settings.database_url, timeout=10)
    try:
        with place.server() as server:
            child = await asyncio.create_subprocess_exec(
                *("curl", "-s", "-H", f"Authorization: Bearer {place.manager.token}"),
                f"{server.url}{EXPORT}?format={format}",
                stdout=asyncio.subprocess.PIPE,
            )
            assert child.stdout
            # Until more is read, curl waits, and the server waits for curl.
            content = await child.stdout.read(1000)
            await connection.execute("ALTER TABLE postings RENAME TO gone")
            content += await child.stdout.read()
            assert await child.wait() == 18  # the last chunk never came
    finally:
        await connection.execute("ALTER TABLE IF EXISTS gone RENAME TO postings")
        await connection.close()
    assert len(content) > 0
    assert b'"end"' not in content
    if format == "JSON":
        with pytest.raises(json.JSONDecodeError):
            json.loads(content)
    assert b"gone" not in content


async def test_a_client_that_leaves_ends_the_work(place: Place) -> None:
    with place.server() as server:
        with connected(server) as connection:
            connection.sendall(asked(place))
            assert connection.recv(1000)
        line = await eventually(lambda: _logged(server))
    assert line["bytes"] < 400 * ROWS / 2
    assert line["statements"] < ROWS / EXPORTED_AT_ONCE


async def _logged(server: Server, event: str = "request") -> Any:
    """The line of an event that is about an export."""
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if EXPORT in line]
    return next((one for one in lines if one.get("event") == event), None)


@pytest.mark.parametrize("format", ["NDJSON", "CSV"])
async def test_a_file_that_takes_too_long_is_cut_off_and_goes_on_after_its_last_row(
    place: Place, format: str
) -> None:
    expected = [(row["id"], row["amount"]) for row in await stored(place)]
    with place.server(TANDEM_EXPORT_SECONDS="0.001") as server:
        with connected(server) as connection:
            connection.sendall(asked(place, format))
            received = await asyncio.to_thread(_until, connection, b"0\r\n\r\n")
        head, _, chunked = received.partition(b"\r\n\r\n")
        assert b"200 OK" in head
        content = _unchunked(chunked)
        # The connection tells that a CSV is not whole; NDJSON says where to go on.
        assert received.endswith(b"0\r\n\r\n") == (format == "NDJSON")
        begun = rows_of(format, content)
        assert 0 < len(begun) < ROWS
        if format == "NDJSON":
            told = json.loads(content.splitlines()[-1])["continue"]
            assert (told["afterId"], told["rows"]) == (begun[-1][0], len(begun))
    with place.server() as server:
        rest = await asyncio.to_thread(
            get, server, place.manager, format=format, afterId=begun[-1][0]
        )
    assert rest.headers["x-row-count"] == str(ROWS - len(begun))
    assert begun + rows_of(format, rest.content) == expected


def _unchunked(body: bytes) -> bytes:
    content = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16) if size else 0
        content += body[:length]
        body = body[length + 2 :]
    return content


async def test_an_export_may_last_longer_than_a_request_but_not_an_unread_piece(
    place: Place,
) -> None:
    # The limit is long enough for a busy machine, on which this client may also wait.
    with place.server(TANDEM_REQUEST_SECONDS="8") as server:
        with connected(server) as connection:
            connection.sendall(asked(place))
            received = b""
            for _ in range(18):  # nine seconds, and always something taken
                await asyncio.sleep(0.5)
                received += await asyncio.to_thread(_take, connection, 200_000)
            received += await asyncio.to_thread(_until, connection, b"0\r\n\r\n")
            assert received.endswith(b"0\r\n\r\n")
        with connected(server) as connection:
            connection.sendall(asked(place))
            assert connection.recv(1000)
            line = await eventually(lambda: _logged(server, "answer cut short"))
    assert line["code"] == "TIMEOUT"


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
async def test_a_compressed_file_is_the_same_file(place: Place, encoding: str) -> None:
    with place.server() as server:
        plain = await asyncio.to_thread(get, server, place.manager, kind="DEPOSIT")
        packed = await asyncio.to_thread(
            get, server, place.manager, 60, {"accept-encoding": encoding}, kind="DEPOSIT"
        )
    assert packed.headers["content-encoding"] == encoding
    assert packed.content == plain.content


async def test_head_says_what_get_says_and_sends_nothing(place: Place) -> None:
    with place.server() as server:
        answer = await asyncio.to_thread(
            httpx.head, f"{server.url}{EXPORT}", headers=place.manager.headers, timeout=60
        )
        line = await eventually(lambda: _logged(server))
    assert answer.status_code == 200
    assert answer.headers["x-row-count"] == str(ROWS)
    assert answer.content == b""
    assert line["statements"] <= 4


@pytest.mark.thorough
async def test_a_server_that_stops_cuts_its_exports_off(place: Place) -> None:
    with place.server() as server, connected(server) as connection:
        connection.sendall(asked(place))
        assert connection.recv(1000)
        server.process.terminate()
        await asyncio.to_thread(server.process.join, 90)
        assert server.process.exitcode == -signal.SIGTERM  # by itself, after its drain
        received = await asyncio.to_thread(_until, connection, b"0\r\n\r\n")
    assert b'"end"' not in received


@pytest.mark.thorough
async def test_two_hundred_thousand_rows_take_no_more_memory_than_a_few(
    fresh_database: str, addresses: Addresses, password_hash: str, tmp_path: Path
) -> None:
    settings = settings_for(fresh_database, addresses.redis_url)
    process = new_process(settings)
    shop = Shop(process, password_hash)
    manager = await shop.person("MANAGER")
    product = await shop.product()
    await ledger.fill(fresh_database, 200_000)
    place = Place(settings, shop, manager, tmp_path)
    with place.server() as server:
        # Modules that the first export loads stay.
        await asyncio.to_thread(get, server, manager, to="2026-01-01T01:00:00Z")
        resident = psutil.Process(server.process.pid)
        before = resident.memory_info().rss
        most = rows = others = 0
        piece = b""
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            headers = {**manager.headers, "accept-encoding": "identity"}
            async with client.stream("GET", EXPORT, headers=headers) as answer:
                async for piece in answer.aiter_raw():
                    rows += piece.count(b'{"id"')
                    most = max(most, resident.memory_info().rss)
                    if rows // 20_000 > others:
                        others += 1
                        found = await client.get(f"/api/v2/products/{product.id}")
                        assert found.status_code == 200
    await process.close()
    assert others >= 9
    assert piece.endswith(b'"}}\n')
    assert rows >= 199_000  # a row may begin in one piece and end in the next
    assert most - before <= 32 * 2**20
