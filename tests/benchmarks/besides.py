"""Further measurements of Tandem: cursor depth, searches, statements, cost of a field, encodings.

Each function returns the lines of a Markdown table.
"""

import itertools
import json
import re
import statistics
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from tests.benchmarks.caller import Connection, Failed, connected, drive, header, parts
from tests.benchmarks.rounds import CONNECTIONS, Result, one_round
from tests.benchmarks.servers import Keys, Server
from tests.benchmarks.works import W4_QUERY, http

PAGES, PAGE = 5_000, 20
_STEP = 100  # products that one request reads on the way to a deep page
_PRODUCTS = "/api/v2/products?"


def depth(server: Server, seconds: float) -> list[str]:
    """Compare page 5,000 of all products with page 1, on one connection."""
    with connected(server.port, 1) as [connection]:
        cursor = _cursor_before(connection, PAGES)
        paths = [f"{_PRODUCTS}first={PAGE}", f"{_PRODUCTS}first={PAGE}&after={cursor}"]
        times: list[list[float]] = [[], []]
        for _ in range(4):
            for path, taken in zip(paths, times, strict=True):
                found = drive([connection], itertools.repeat(http("GET", path)), seconds / 4)
                taken.append(statistics.median(found.latencies))
    first, last = (1000 * statistics.median(taken) for taken in times)
    return [
        "| | p50 ms | × page 1 |",
        "|---|--:|--:|",
        f"| page 1 | {first:.2f} | |",
        f"| page {PAGES:,} | {last:.2f} | {last / first:.2f} |",
    ]


_SEARCHES = {
    "a number of one": "4711",
    "three words of one": "walnut lamp 4711",
    "a beginning of 111": "lamp 471",
    "words of one in thousand": "walnut 99",
    "a word of all": "walnut",
    "nothing": "chair",
}


def searches(server: Server, seconds: float) -> list[str]:
    """Search 100,000 products by relevance, on one connection, and list them by name."""
    paths = {
        title: f"{_PRODUCTS}first={PAGE}&search={quote(typed)}"
        for title, typed in _SEARCHES.items()
    }
    paths["no search, by name"] = f"{_PRODUCTS}first={PAGE}&sort=name"
    lines = ["| | p50 ms |", "|---|--:|"]
    with connected(server.port, 1) as [connection]:
        for title, path in paths.items():
            found = drive([connection], itertools.repeat(http("GET", path)), seconds / len(paths))
            lines.append(f"| {title} | {1000 * statistics.median(found.latencies):.2f} |")
    return lines


def _cursor_before(connection: Connection, page: int) -> str:
    """The cursor before a page; cursors do not depend on the size of pages."""
    cursor, left = "", (page - 1) * PAGE
    while left:
        count = min(left, _STEP)
        after = f"&after={cursor}" if cursor else ""
        answer = connection.get(http("GET", f"{_PRODUCTS}first={count}{after}&fields=id"))
        body = json.loads(parts(answer)[1])
        if len(body["items"]) != count:
            raise Failed(f"the shop has {left} products less than the last page needs")
        cursor, left = body["pageInfo"]["endCursor"], left - count
    return cursor


def statements(server: Server, keys: Keys) -> list[str]:
    """Count the SQL statements of W4 for 1, 20 and 100 orders."""
    lines = ["| | statements |", "|---|--:|"]
    query = W4_QUERY.replace("orders(first: 20)", "allOrders(first: %d)")
    with connected(server.port, 1) as [connection]:
        for rows in (1, 20, 100):
            request = http("POST", "/graphql", keys.manager, {"query": query % rows})
            # A document is compiled when it comes the second time, so the last answer counts.
            answer = [connection.get(request) for _ in range(4)][-1]
            lines.append(f"| W4 over {rows} orders | {statements_of(answer)} |")
    return lines


def statements_of(answer: bytes) -> int:
    """The number of statements behind an answer, from Server-Timing (in development)."""
    found = re.search(r'desc="(\d+) statements?"', header(answer, "server-timing") or "")
    if found is None:
        raise Failed(f"Server-Timing has no number of statements: {answer[:600].decode()}")
    return int(found[1])


_SEVEN = "id name price currency stock tags createdAt"
_DOCUMENTS = {
    "1 product, `id`": "{ products(first: 1) { nodes { id } } }",
    "100 products, `id`": "{ products(first: 100) { nodes { id } } }",
    "100 products, 7 fields": f"{{ products(first: 100) {{ nodes {{ {_SEVEN} }} }} }}",
    "100 products, 7 fields, category's `id`": (
        f"{{ products(first: 100) {{ nodes {{ {_SEVEN} category {{ id }} }} }} }}"
    ),
}


def fields(server: Server, seconds: float) -> list[str]:
    """Measure the CPU of one more row, field and level in GraphQL."""
    requests = {
        title: http("POST", "/graphql", None, {"query": document})
        for title, document in _DOCUMENTS.items()
    }
    costs = {title: result.cost for title, result in _rounds(server, requests, seconds).items()}
    one, hundred, seven, category = costs.values()
    rows = [f"| {title} | {cost:,.0f} µs |" for title, cost in costs.items()]
    return [
        "| | CPU |",
        "|---|--:|",
        *rows,
        f"| so a row with one field | {(hundred - one) / 99:.2f} µs |",
        f"| another field of a row | {(seven - hundred) / 600:.2f} µs |",
        f"| another level of a row, with one field | {(category - seven) / 100:.2f} µs |",
    ]


def encodings(servers: Sequence[Server], seconds: float) -> list[str]:
    """Measure bytes and CPU of 100 products in each content encoding."""
    lines = ["| | bytes | CPU µs |", "|---|--:|--:|"]
    for server in servers:
        requests: dict[str, bytes] = {}
        sizes: dict[str, int] = {}
        with connected(server.port, 1) as [connection]:
            for name in ("identity", "gzip", "br", "zstd"):
                path = f"{_PRODUCTS}category=shelf-3&first=100"
                request = http("GET", path, Accept_Encoding=name)
                answer = connection.get(request)
                if (header(answer, "content-encoding") or "identity") == name:
                    requests[name] = request
                    sizes[name] = len(parts(answer)[1])
        for name, result in _rounds(server, requests, seconds).items():
            lines.append(f"| {server.kind.name}, {name} | {sizes[name]:,} | {result.cost:,.0f} |")
    return lines


def _rounds(server: Server, requests: dict[str, bytes], seconds: float) -> dict[str, Result]:
    """Repeat each of the requests, in rounds that alternate."""
    asked: dict[str, Iterator[bytes]] = {
        title: itertools.repeat(request) for title, request in requests.items()
    }
    results = {title: Result(title, "") for title in requests}
    with connected(server.port, CONNECTIONS) as connections:
        for counted in (False, True, True, True):
            for title, result in results.items():
                one_round(
                    server, connections, asked[title], seconds / 4, result if counted else None
                )
    return results
