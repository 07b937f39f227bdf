"""The compared works: the requests of each, and the check of its answers."""

import itertools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.data import CATEGORIES, PRODUCTS, SESSIONS, product_id

#: Zipf's exponent: the product (or token) of rank r comes 1/r as often as the first.
ZIPF = 1.0
#: Requests that repeat; about as many as a measurement sends.
DIFFERENT_REQUESTS = 20_000
#: Requests of a cached work: few enough that the cache holds every answer before measuring.
CACHED_REQUESTS = 2_000

W4_QUERY = """
query Orders {
  orders(first: 20) {
    nodes {
      id number status total createdAt
      lines { quantity unitPrice product { id name price category { id name } } }
    }
  }
}
"""
W5_QUERY = """
query Products($category: String) {
  products(first: 20, category: $category) {
    nodes { id name price currency stock tags createdAt category { id name } }
  }
}
"""
# PostGraphile names fields after tables and columns; its answers are the same.
POSTGRAPHILE_QUERIES = {
    W4_QUERY: """
query Orders {
  orders(first: 20) {
    nodes {
      id: rowId number status total createdAt
      lines: orderLinesByOrderIdList {
        quantity unitPrice
        product: productByProductId {
          id: rowId name price category: categoryByCategoryId { id: rowId name }
        }
      }
    }
  }
}
""",
    W5_QUERY: """
query Products($category: String!) {
  products: productsOf(first: 20, category: $category) {
    nodes {
      id: rowId name price currency stock tags createdAt
      category: categoryByCategoryId { id: rowId name }
    }
  }
}
""",
}
W3_FIELDS = "id,name,price,currency,stock,tags,createdAt"

#: Makes the request with a number, for a peer or for Tandem (an empty name).
Maker = Callable[["Draw", int, str], bytes]


class Draw:
    """The products, tokens and categories that one work asks for, the same for every server."""

    def __init__(self, name: str, tokens: Sequence[str]) -> None:
        pick = random.Random(name)
        self.products = zipf(pick, PRODUCTS)
        self.tokens = [tokens[each] for each in zipf(pick, SESSIONS)]
        self.categories = [pick.randrange(CATEGORIES) for _ in range(DIFFERENT_REQUESTS)]
        # Drawn evenly: orders for one best-seller would wait for each other's locks in PostgreSQL,
        # whichever server places them.
        self.bought = [pick.sample(range(PRODUCTS), 3) for _ in range(DIFFERENT_REQUESTS)]


def zipf(pick: random.Random, count: int) -> list[int]:
    """Draw numbers below `count` by Zipf; neighbours in rank are not neighbours in the tables."""
    ranked = list(range(count))
    pick.shuffle(ranked)
    weights = itertools.accumulate(1 / rank**ZIPF for rank in range(1, count + 1))
    return pick.choices(ranked, cum_weights=list(weights), k=DIFFERENT_REQUESTS)


@dataclass(frozen=True)
class Work:
    """One kind of request: a maker of requests, and a check of their answers."""

    name: str
    title: str
    make: Maker
    fits: Callable[[Any], bool]
    #: Whether the servers must answer from their cache.
    cached: bool = False

    def requests(self, tokens: Sequence[str], peer: str) -> list[bytes]:
        """The requests of this work, as bytes for a peer."""
        draw = Draw(self.name, tokens)
        count = CACHED_REQUESTS if self.cached else DIFFERENT_REQUESTS
        return [self.make(draw, number, peer) for number in range(count)]


def http(method: str, path: str, token: str | None = None, body: Any = None, **more: str) -> bytes:
    """A request as bytes; `more` are headers."""
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Accept: application/json"]
    content = b"" if body is None else json.dumps(body).encode()
    if token is not None:
        head.append(f"Authorization: Bearer {token}")
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


def _get_product(draw: Draw, number: int, _: str) -> bytes:
    return http("GET", f"/api/v2/products/{product_id(draw.products[number])}")


def _list_products(draw: Draw, number: int, _: str) -> bytes:
    slug = f"shelf-{draw.categories[number]}"
    return http("GET", f"/api/v2/products?category={slug}&first=20&fields={W3_FIELDS}")


def _query_orders(draw: Draw, number: int, peer: str) -> bytes:
    return http("POST", "/graphql", draw.tokens[number], {"query": _spelled(W4_QUERY, peer)})


def _query_products(draw: Draw, number: int, peer: str) -> bytes:
    variables = {"category": f"shelf-{draw.categories[number]}"}
    body = {"query": _spelled(W5_QUERY, peer), "variables": variables}
    return http("POST", "/graphql", None, body)


def _spelled(query: str, peer: str) -> str:
    return POSTGRAPHILE_QUERIES[query] if peer == "postgraphile" else query


def _create_order(draw: Draw, number: int, _: str) -> bytes:
    lines = [{"productId": product_id(each), "quantity": 1} for each in draw.bought[number]]
    return http("POST", "/api/v2/orders", draw.tokens[number], {"lines": lines})


def _fits_orders(body: Any) -> bool:
    orders = body["data"]["orders"]["nodes"]
    lines = [line for order in orders for line in order["lines"]]
    return len(orders) == 20 and len(lines) == 60 and all(_on_shelf(line) for line in lines)


def _on_shelf(line: Any) -> bool:
    return line["product"]["category"]["name"].startswith("Shelf ")


def _fits_products(body: Any) -> bool:
    nodes = body["data"]["products"]["nodes"]
    return len(nodes) == 20 and all(len(node) == 8 and node["category"]["name"] for node in nodes)


def _fits_product(body: Any) -> bool:
    return body["price"].endswith(".00") and len(body) == 15


WORKS = (
    Work("W1", "REST product by id", _get_product, _fits_product),
    Work("W2", "REST product by id, cached", _get_product, _fits_product, cached=True),
    Work(
        "W3",
        "REST 20 products of a category, 7 fields",
        _list_products,
        lambda body: [len(item) for item in body["items"]] == [7] * 20,
    ),
    Work("W4", "GraphQL 20 orders, lines, products, categories", _query_orders, _fits_orders),
    Work("W5", "GraphQL 20 products, 7 fields and category", _query_products, _fits_products),
    Work(
        "W6",
        "REST create an order of 3 lines",
        _create_order,
        lambda body: body["status"] == "PENDING" and len(body["lines"]) == 3,
    ),
)
