"""Compiled documents answer what graphql-core answers, to the byte, errors and nulls included."""

import dataclasses
import hashlib
import itertools
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hypothesis
import msgspec
import pytest
import structlog
from graphql import GraphQLObjectType, parse
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis_graphql import nodes as graphql_nodes
from hypothesis_graphql import queries

from schema.building.loaders import SingleLoader, loader_of
from schema.building.types import kind_of
from schema.executing.documents import Documents, Prepared
from schema.executing.executable import Executable
from schema.executing.execute import GraphQLRequest, perform
from schema.executing.limits import Limits
from schema.fast import compiled
from schema.fast.compiled import CompiledExecutable
from schema.schema import SCHEMA, sdl
from services.access.authentication import authenticate
from services.cache.cache import Cache
from services.errors.common import Unavailable
from services.errors.products import OutOfStock
from services.operation.context import Request
from services.operation.paging import Page
from services.process import Process, new_database
from tests.graphql.documents import Writer, with_real_ids
from tests.shop import Person, Shop
from tests.suite import run_seed

#: Random documents, by the run's depth.
DOCUMENTS = (1_000, 5_000, 50_000)
_ROOMY = Limits(depth=60, root_fields=60, aliases=500, directives=500, tokens=50_000)
_encode = msgspec.json.Encoder().encode


@dataclass
class World:
    """The things that documents can ask for, and their callers, on both engines."""

    process: Process
    readable: Process
    ids: dict[str, list[str]]
    samples: dict[str, list[Any]]
    callers: dict[str, Request]

    def request(self, caller: str, *, fast: bool) -> Request:
        """An admitted request of a caller."""
        known = self.callers[caller]
        return dataclasses.replace(
            known,
            process=self.process if fast else self.readable,
            id="the-same",
            stats=type(known.stats)(),
            prepaid=True,
        )


async def _ids(shop: Shop) -> dict[str, list[str]]:
    tables = {
        "Category": "categories",
        "Product": "products",
        "Order": "orders",
        "OrderEvent": "order_history",
        "Payment": "payments",
        "Invoice": "invoices",
        "Coupon": "coupons",
        "Project": "projects",
        "Post": "posts",
        "Comment": "comments",
        "Refund": "refunds",
        "Deposit": "deposits",
        "Wallet": "accounts",
        "WalletEntry": "postings",
        "AuditEntry": "audit_log",
        "User": "users",
        "Session": "sessions",
        "ApiKey": "api_keys",
    }
    found = {}
    for kind, table in tables.items():
        rows = await shop.rows(f"SELECT id FROM {table} ORDER BY random() LIMIT 8")
        found[kind] = [str(row["id"]) for row in rows]
    found["Job"] = [await shop.failed_job()]
    return found


@pytest.fixture(scope="session")
async def world(shop: Shop) -> AsyncIterator[World]:
    """A small shop with a thing of every kind. Nothing changes in it during the tests."""
    buyer = await shop.person(balance="900.00")
    people = {"user": buyer}
    for role in ("MANAGER", "ADMIN"):
        people[role.lower()] = await shop.person(role)
    shelves = [await shop.category() for _ in range(2)]
    products = [
        await shop.product(f"{place}.50", stock=50, categoryId=shelves[place % 2], tags=["new"])
        for place in range(1, 5)
    ]
    coupon = await shop.coupon()
    address = {
        "name": "Ada",
        "line1": "1 Row",
        "city": "London",
        "postalCode": "1",
        "country": "GB",
    }
    for place in range(4):
        lines = [(product.id, 1 + place) for product in products[place % 2 :]]
        more: Any = {"couponCode": coupon.code} if place == 0 else {"shippingAddress": address}
        order = await shop.order(buyer, lines, paid=place < 3, **more)
        if place < 2:
            await shop.invoice(buyer, order.id)
            await shop.refund(order.id, amount="1.00", reason="A scratch.")
    await shop.order(buyer, [(products[0].id, 1)], cancelled=True)
    await shop.large_order()
    await shop.project(buyer, budget="250.00", deadline="2999-12-31")
    await shop.project(buyer)
    for place in range(3):
        post = await shop.post(buyer, liked=place > 0, is_published=place < 2, tags=["new"])
        comment = await shop.comment(people["manager"], post.id)
        await shop.comment(buyer, post.id, parentId=comment.id)
    # Only managers see this product now, but orders still name it.
    await shop.execute("UPDATE products SET is_active = false WHERE id = $1", products[1].id)
    people["machine"] = await shop.machine(buyer, "orders:read:own", "account:read:own")
    samples = {
        "code": [coupon.code, "NONE"],
        "subtotal": ["20.00"],
        "slug": ["desk"],
        "QuoteOrderInput": [{"lines": [{"productId": products[0].id, "quantity": 2}]}],
        "CheckCouponInput": [{"code": coupon.code, "subtotal": "20.00"}],
    }
    now = shop.process.clock()
    settings = shop.process.settings
    fast, slow = (
        dataclasses.replace(
            shop.process,
            clock=lambda: now,  # signed addresses of files hold the time
            settings=settings,
            database=new_database(settings),
            # The cache holds whole things only; these tests need projections.
            cache=Cache(settings, shop.process.redis_calls, shop.process.redis_reachability),
        )
        for settings in (
            settings.model_copy(update={"fast_paths": is_fast, "cache_seconds": 0})
            for is_fast in (True, False)
        )
    )
    callers: dict[str, Request] = {"anonymous": shop.request()}
    for name, person in people.items():
        callers[name] = await _signed_in(shop, person)
    yield World(fast, slow, await _ids(shop), samples, callers)
    for process in (fast, slow):
        await process.database.close()


async def _signed_in(shop: Shop, person: Person) -> Request:
    request = shop.request(person, "graphql")
    await authenticate(request)
    return request


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile documents the first time."""
    monkeypatch.setattr(compiled, "_COMPILED_AT", 1)


@dataclass(frozen=True)
class Faults:
    """Faults in the values that loaders read, the same ones on both engines."""

    seed: int
    #: How many of a thousand values are faulty.
    often: int

    def number(self, *where: object) -> int:
        """The number of the fault in a value; 0 for none."""
        digest = hashlib.blake2b(repr((self.seed, *where)).encode(), digest_size=4).digest()
        number = int.from_bytes(digest, "big")
        return 1 + number // 1000 % 997 if number % 1000 < self.often else 0

    def value(self, value: Any, *where: object) -> Any:
        """A value, with its fault if it has one."""
        if isinstance(value, Page):
            items = [self.value(item, place, *where) for place, item in enumerate(value.items)]
            return dataclasses.replace(value, items=items)
        if isinstance(value, list):
            return [self.value(item, place, *where) for place, item in enumerate(value)]
        brought = {
            name: self.value(other, "'by_ids'", getattr(value, name.removeprefix("at_")))
            for name in getattr(type(value), "__struct_fields__", ())
            if name.startswith("at_") and (other := getattr(value, name)) is not None
        }
        if brought:
            value = msgspec.structs.replace(value, **brought)
        if not (fault := self.number(*where)):
            return value
        if isinstance(value, msgspec.Struct) and fault % 5 < 3:
            fields = kind_of(type(value)).__struct_fields__
            name = fields[fault % len(fields)]
            # A projection lacks the fields that nobody wanted, so their faults change nothing.
            there = name in type(value).__struct_fields__
            return msgspec.structs.replace(value, **{name: None}) if there else value
        faults = (None, OutOfStock(), ValueError("A fault of ours."), "something else")
        # Compiled programs write a relation that is a boolean as its loader typed it.
        return faults[fault % (3 if isinstance(value, bool) else 4)]


class CertainFaults(Faults):
    """Every order lacks its total, and no product can be read."""

    def value(self, value: Any, *where: object) -> Any:
        """A value, with its fault if it has one."""
        if isinstance(value, Page):
            return super().value(value, *where)
        match kind_of(type(value)).__name__:
            case "Order":
                return msgspec.structs.replace(value, total=None)
            case "Product":
                return OutOfStock()
        return value


class FaultyLoaders:
    """Puts faults into every field loader of the schema."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.faults: Faults | None = None
        for kind in SCHEMA.type_map.values():
            if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
                continue
            for name, field in kind.fields.items():
                if "strawberry-definition" in field.extensions and (loader := loader_of(field)):
                    self._break(monkeypatch, loader, f"{kind.name}.{name}")

    def _break(self, monkeypatch: pytest.MonkeyPatch, loader: Any, place: str) -> None:
        if isinstance(loader, SingleLoader):
            call = loader.call

            async def faulty_call(request: Request, given: dict[str, Any], **more: Any) -> Any:
                found = await call(request, given, **more)
                if (faults := self.faults) is None:
                    return found
                # Only one engine knows exactly whether a list is counted, so this chooses no fault.
                asked = sorted((name, given[name]) for name in given if name != "total")
                if faults.number(place, asked) % 3 == 1:
                    raise Unavailable
                return faults.value(found, place, asked)

            monkeypatch.setattr(loader, "call", faulty_call)
            return
        load, name = loader.load, repr(getattr(loader.name, "__qualname__", loader.name))

        async def faulty_load(
            request: Request, keys: Sequence[Any], given: Any, **more: Any
        ) -> Any:
            found = await load(request, keys, given, **more)
            if (faults := self.faults) is None:
                return found
            faulty: Mapping[Any, Any] = {
                key: faults.value(value, name, key) for key, value in found.items()
            }
            return faulty

        monkeypatch.setattr(loader, "load", faulty_load)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> FaultyLoaders:
    """Faults in every loader, once a test sets them."""
    return FaultyLoaders(monkeypatch)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keep thousands of faults out of the log."""

    def drop(*_: Any) -> Any:
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[drop])
    yield
    structlog.configure(**before)


@dataclass(frozen=True)
class Engines:
    """One operation of a document, for both engines."""

    readable: Executable
    compiled: CompiledExecutable


def _operation(source: str, *, checked: bool = True) -> Engines:
    """The one operation of a document."""
    documents = Documents(_ROOMY, explorable=True, executable_type=CompiledExecutable)
    # Validating takes longer than the rest, so only some of thousands of documents are checked.
    prepared = documents.prepare(source) if checked else Prepared(parse(source))
    assert not prepared.errors, (source, prepared.errors)
    fast = documents.executable(prepared, None)
    assert isinstance(fast, CompiledExecutable)
    return Engines(Executable(fast.document, fast.node), fast)


async def both(
    world: World, caller: str, operation: Engines, variables: Mapping[str, Any] | None = None
) -> tuple[bytes, bytes, bool]:
    """The answers of both engines, errors in one order, and whether the document was compiled."""
    asked = GraphQLRequest("", variables or {}, None, False, None)
    slow = await perform(world.request(caller, fast=False), asked, operation.readable, None)
    fast = await perform(world.request(caller, fast=True), asked, operation.compiled, None)
    plans = operation.compiled._plans.values()
    return _written(slow.body), _written(fast.body), any(plan is not None for plan in plans)


def _written(body: dict[str, Any]) -> bytes:
    # graphql-core orders errors by the end of their reads, which differs between runs.
    errors = sorted(msgspec.json.encode(error, order="sorted") for error in body.get("errors", ()))
    return _encode({"data": body["data"]}) + b"\n" + b"\n".join(errors)


def _holds_data(answer: bytes) -> bool:
    def inside(value: Any) -> bool:
        if isinstance(value, dict):
            return any(key != "__typename" and inside(one) for key, one in value.items())
        return any(map(inside, value)) if isinstance(value, list) else value is not None

    return inside(msgspec.json.decode(answer.split(b"\n", 1)[0])["data"])


def _by_hypothesis(ids: Mapping[str, Sequence[str]], count: int) -> Iterator[str]:
    scalars = {
        "Money": st.just(graphql_nodes.String("5.00")),
        "DateTime": st.just(graphql_nodes.String("2026-01-01T00:00:00Z")),
        "Date": st.just(graphql_nodes.String("2027-01-31")),
        "JSON": st.just(graphql_nodes.String("x")),
    }
    found: list[str] = []

    @hypothesis.settings(
        max_examples=count,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @hypothesis.given(queries(sdl(), custom_scalars=scalars, allow_x00=False, codec="ascii"))
    def collect(document: str) -> None:
        found.append(document)

    collect()
    return (with_real_ids(source, ids, seed) for seed, source in enumerate(found))


@pytest.mark.usefixtures("at_once", "quiet")
async def test_random_documents_have_one_answer_on_both_engines(
    world: World, faulty: FaultyLoaders, depth: int, record_property: Any
) -> None:
    most = DOCUMENTS[depth]
    counted: Counter[str] = Counter()
    callers = itertools.cycle([*world.callers, "user", "manager"])
    writer = Writer(SCHEMA, world.ids, world.samples, seed=run_seed())
    documents = itertools.chain(
        ((source, {}) for source in _by_hypothesis(world.ids, 20)),
        (writer.document() for _ in itertools.count()),
    )
    for source, variables in documents:
        number = counted["documents"]
        operation = _operation(source, checked=number % 10 == 0)
        faulty.faults = Faults(number, 60) if number % 3 == 0 else None
        caller = next(callers)
        slow, fast, compiled = await both(world, caller, operation, variables)
        assert settled(fast) == settled(slow), (number, caller, source, variables)
        counted["documents"] += 1
        counted["compiled"] += compiled
        counted["with data"] += _holds_data(slow)
        counted["with errors"] += not slow.endswith(b"\n")
        if counted["documents"] == most:
            break
    record_property("summary", f"TANDEM_TEST_SEED={run_seed()}: {dict(counted)}")
    assert counted["compiled"] >= 0.9 * most
    assert counted["with data"] >= 0.4 * most
    assert counted["with errors"] >= 0.2 * most


#: A process notes from time to time when keys were used, also between two calls.
_LAST_USED = re.compile(rb'"lastUsedAt":("[^"]*"|null)')


def settled(answer: bytes) -> bytes:
    """An answer without what changes by itself."""
    return _LAST_USED.sub(b'"lastUsedAt":0', answer)


#: Documents that chance rarely writes. ``ORDER`` and the like stand for an id of that type.
HARD: dict[str, tuple[str, dict[str, Any]]] = {
    "fragments on an interface, and on what it holds": (
        """query Q($ids: [ID!]!) { nodes(ids: $ids) {
          ...Named ... on Node { id ... on Product { price category { ...Named slug } } }
          ... on Order { lines { product { ...Named } } } ... on User { profile { bio } } } }
        fragment Named on Node { __typename ... on Category { name } ... on Product { name } }""",
        {"ids": ["PRODUCT", "ORDER", "CATEGORY", "USER", "nobody", "WALLET", "JOB", "ORDER"]},
    ),
    "one list under several names with other arguments": (
        """{ a: products(first: 1) { nodes { id } } b: products(last: 2) { totalCount nodes { id } }
        orders(first: 3) { nodes { one: history(first: 1) { nodes { id toStatus } }
          two: history(last: 1) { totalCount edges { cursor node { actor { id username } } } }
          three: history(first: 1) { nodes { id note } } } } }""",
        {},
    ),
    "the same key in many places, merged in order": (
        """{ orders { nodes { total lines { quantity } ...A id } pageInfo { endCursor }
          nodes { number lines { product { id } } ... on Order { lines { name total } } } } }
        fragment A on Order { status lines { product { name category { id } } } id }""",
        {},
    ),
    "directives on variables, and on all of a selection": (
        """query Q($on: Boolean!, $off: Boolean = false) { me { id @skip(if: $on)
          email @include(if: $on) @skip(if: $off) ... @include(if: $off) { username }
          ...F @skip(if: $off) profile @include(if: $on) { bio @include(if: $off) } } }
        fragment F on User { role @include(if: $on) fullName @skip(if: $on) }""",
        {"on": True},
    ),
    "null and missing variables": (
        """query Q($n: Int, $after: String, $id: ID = "ORDER", $sort: OrderSort,
          $status: OrderStatus) { orders(first: $n, after: $after, sort: $sort,
          status: $status) { totalCount nodes { id } } order(id: $id) { id } }""",
        {"n": None, "sort": "CREATED_AT_ASC", "status": "PAID"},
    ),
    "null for a variable that must not be": (
        """query Q($id: ID = "ORDER", $n: Int) { me { id } order(id: $id) { id }
          products(first: $n) { nodes { id } } }""",
        {"id": None},
    ),
    "relations in a circle": (
        """{ payments { nodes { order { payments: refunds { nodes { payment { order { invoice {
          order { customer { id } invoice { corrects { id } lines { product { id } } } } } } }
          creditNote { corrects { order { refunds { totalCount } } } } } } } } } }""",
        {},
    ),
    "one thing of every kind": (
        "{ nodes(ids: [EVERY]) { __typename id ... on Invoice { pdfUrl seller { name } buyer "
        "{ address { city } } } ... on Refund { order { id } lines { product { id } } } "
        "... on Wallet { balance entries(first: 2) { nodes { amount order { id } deposit { id } } "
        "} deposits { totalCount } } ... on Coupon { value etag } ... on Payment { amount } } }",
        {},
    ),
    "lists of an account": (
        """{ me { id sessions(first: 1) { totalCount pageInfo { hasNextPage startCursor } nodes
          { current } } apiKeys { edges { cursor node { name permissions } } } etag }
        user(id: "USER") { __typename ... on User { email sessions { totalCount } }
          ... on PublicUser { username } } }""",
        {},
    ),
    "addresses of files, of which some are not ready": (
        "{ orders { nodes { number invoice { number pdfUrl again: pdfUrl } } } }",
        {},
    ),
    "values in an input": (
        """query Q($lines: [OrderLineInput!]!, $code: String) {
          quoteOrder(input: {lines: $lines, couponCode: $code}) { total lines { total name } } }""",
        {"lines": [{"productId": "PRODUCT", "quantity": 2}], "code": None},
    ),
    "bad cursors beside good pages": (
        """{ good: products(first: 1) { nodes { id } } bad: products(after: "x") { nodes { id } }
        orders(first: 2) { nodes { id history(after: "x") { nodes { id } } } } }""",
        {},
    ),
    "nothing selected but names": (
        """{ __typename orders { __typename nodes { __typename lines { __typename } }
        edges { __typename } pageInfo { __typename } } q: __typename }""",
        {},
    ),
    "things left out altogether": (
        "{ me @skip(if: true) { id } orders { nodes { id @skip(if: true) } } }",
        {},
    ),
    "facts without a shape": ("{ products { nodes { metadata tags image stock createdAt } } }", {}),
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.usefixtures("at_once", "quiet")
async def test_hard_documents_have_one_answer_on_both_engines(
    world: World, faulty: FaultyLoaders, name: str
) -> None:
    words = {kind.upper(): ids[0] for kind, ids in world.ids.items()}
    words["EVERY"] = ", ".join(f'"{ids[-1]}"' for ids in world.ids.values())
    source, variables = (_filled(one, words) for one in HARD[name])
    operation = _operation(source)
    # The directives then select other fields of the same document.
    turned = {name: not one if isinstance(one, bool) else one for name, one in variables.items()}
    for caller in world.callers:
        for faults in (None, *(Faults(seed, often) for seed in range(4) for often in (20, 80))):
            faulty.faults = faults
            for given in [variables] if turned == variables else [variables, turned]:
                slow, fast, compiled = await both(world, caller, operation, given)
                assert fast == slow, (caller, faults)
                assert compiled


@pytest.mark.usefixtures("at_once", "quiet")
async def test_what_fails_below_a_place_that_became_null_is_not_told(
    world: World, faulty: FaultyLoaders
) -> None:
    faulty.faults = CertainFaults(0, 0)
    operation = _operation("{ orders { nodes { lines { product { id } } total } } me { id } }")
    slow, fast, compiled = await both(world, "user", operation)
    assert fast == slow
    assert compiled
    data, *errors = fast.split(b"\n")
    assert data.startswith(b'{"data":{"orders":null,"me":{"id":')
    assert [msgspec.json.decode(error)["path"] for error in errors] == [
        ["orders", "nodes", 0, "total"]
    ]


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """A document or its variables, with ids in place of their names."""
    if isinstance(value, dict):
        return {name: _filled(one, words) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, words) for one in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"\b[A-Z]{3,}\b", lambda found: words.get(found[0], found[0]), value)
