"""Which documents are compiled, how many are kept, and how many statements they take."""

import dataclasses
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog

from api.app import create_app
from persistence.database.transactions import QueryStats
from persistence.fast.coalescing import CoalescingReader
from schema.executing.documents import Documents
from schema.executing.execute import GraphQLRequest, perform
from schema.executing.limits import Limits
from schema.fast import compiled
from schema.fast.codegen import compile_plan
from schema.fast.compiled import CompiledExecutable
from services.access.authentication import authenticate
from services.cache.cache import Cache
from services.process import Process, new_database
from tests.conftest import client_of
from tests.shop import Person, Shop

_ROOMY = Limits(depth=60, root_fields=200, aliases=500, directives=500, tokens=50_000)
ORDERS = """query ($first: Int!) { orders(first: $first) { nodes {
  id lines { quantity product { name category { name } } } } } }"""
PRODUCTS = """query ($first: Int!) { products(first: $first) { nodes {
  id name price stock category { id name } } } }"""


@pytest.fixture
async def fast(process: Process) -> AsyncIterator[Process]:
    """A process on its fast paths. The cache is off, because it holds whole things only."""
    settings = process.settings.model_copy(update={"fast_paths": True, "cache_seconds": 0})
    database, cache = (
        new_database(settings),
        Cache(settings, process.redis_calls, process.redis_reachability),
    )
    yield dataclasses.replace(process, settings=settings, database=database, cache=cache)
    await database.close()


class Runs:
    """A document that is run several times for one caller."""

    def __init__(
        self, process: Process, shop: Shop, source: str, who: Person | None = None
    ) -> None:
        documents = Documents(_ROOMY, explorable=True, executable_type=CompiledExecutable)
        prepared = documents.prepare(source)
        assert not prepared.errors, prepared.errors
        operation = documents.executable(prepared, None)
        assert isinstance(operation, CompiledExecutable)
        self.operation = operation
        self.statements = 0
        self._process, self._shop, self._who = process, shop, who

    async def run(self, **variables: Any) -> Any:
        """Run it once; the data of its answer."""
        request = dataclasses.replace(self._shop.request(self._who), process=self._process)
        await authenticate(request)  # may read the session, which is no part of the answer
        request.stats.statements = 0
        asked = GraphQLRequest("", variables, None, False, None)
        answer = await perform(request, asked, self.operation, None)
        assert "errors" not in answer.body, answer.body
        self.statements = request.stats.statements
        return answer.body["data"]

    @property
    def compiled(self) -> int:
        """The number of plans that are compiled."""
        return sum(plan is not None for plan in self.operation._plans.values())


async def test_a_document_is_compiled_when_it_comes_again(fast: Process, shop: Shop) -> None:
    await shop.category()
    runs = Runs(fast, shop, "{ again: categories(first: 2) { nodes { id } } }")
    first = await runs.run()
    assert runs.compiled == 0
    assert await runs.run() == first
    assert runs.compiled == 1


@pytest.mark.parametrize(("fast_paths", "most"), [(True, 1), (False, 0)])
async def test_the_setting_chooses_whether_documents_are_compiled(
    fast: Process, monkeypatch: pytest.MonkeyPatch, fast_paths: bool, most: int
) -> None:
    plans: list[Any] = []

    def counted(plan: Any) -> None:
        plans.append(plan)
        compile_plan(plan)

    monkeypatch.setattr(compiled, "compile_plan", counted)
    settings = fast.settings.model_copy(update={"fast_paths": fast_paths})
    body = {"query": "{ chosen: categories(first: 2) { nodes { id } } }"}
    async with client_of(create_app(dataclasses.replace(fast, settings=settings))) as client:
        answers = [(await client.post("/graphql", json=body)).json() for _ in range(3)]
    assert answers[0]["data"] == answers[2]["data"]
    assert len(plans) == most


@pytest.mark.parametrize(
    "source",
    [
        '{ __type(name: "Money") { name } categories { totalCount } }',
        "{ "
        + " ".join(f"a{n}: categories(first: 1) {{ nodes {{ id name slug }} }}" for n in range(90))
        + " }",
    ],
    ids=["introspection", "more fields than may be compiled"],
)
async def test_what_is_not_on_the_white_list_runs_whole_on_graphql_core(
    fast: Process, shop: Shop, source: str
) -> None:
    await shop.category()
    runs = Runs(fast, shop, source)
    answers = [await runs.run() for _ in range(3)]
    assert answers[0] == answers[2]
    assert runs.compiled == 0


async def test_choices_of_directives_are_compiled_up_to_a_number(fast: Process, shop: Shop) -> None:
    await shop.category()
    names = ["a", "b", "c", "d"]
    fields = " ".join(f"{name}: id @skip(if: ${name})" for name in names)
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    source = f"query ({declared}) {{ categories {{ nodes {{ slug {fields} }} }} }}"
    runs = Runs(fast, shop, source)
    for picked in 2 * [*itertools.product((True, False), repeat=4)]:
        data = await runs.run(**dict(zip(names, picked, strict=True)))
        shown = {name for name, skipped in zip(names, picked, strict=True) if not skipped}
        assert set(data["categories"]["nodes"][0]) == {"slug", *shown}
    assert runs.compiled == 8


async def test_functions_beyond_the_limit_are_dropped_and_made_again(
    fast: Process, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_kept", compiled._KeptPlans())
    monkeypatch.setattr(compiled, "_MOST_KEPT", 7)
    await shop.category()
    one, two = (
        Runs(fast, shop, f"{{ {name}: categories(first: 1) {{ nodes {{ id name }} }} }}")
        for name in ("one", "two")
    )
    for _ in range(2):
        for runs in (one, two):
            answers = [await runs.run() for _ in range(3)]
            assert answers[0] == answers[2]
            assert runs.compiled == 1
    assert one.compiled == 0


async def test_a_function_that_is_used_outlives_those_that_are_not(
    fast: Process, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_kept", compiled._KeptPlans())
    monkeypatch.setattr(compiled, "_MOST_KEPT", 10)
    await shop.category()
    used, idle, new = (
        Runs(fast, shop, f"{{ {name}: categories(first: 1) {{ nodes {{ id name }} }} }}")
        for name in ("used", "idle", "new")
    )
    for runs in (used, idle, used, new):
        for _ in range(2):
            await runs.run()
    assert [runs.compiled for runs in (used, idle, new)] == [1, 0, 1]


@pytest.mark.parametrize(("source", "statements"), [(ORDERS, 2), (PRODUCTS, 1)], ids=["W4", "W5"])
async def test_statements_are_constant_in_rows_and_join_what_a_key_leads_to(
    fast: Process, shop: Shop, source: str, statements: int
) -> None:
    buyer = await shop.person(balance="1000.00")
    shelves = [await shop.category() for _ in range(3)]
    for place in range(9):
        product = await shop.product("1.00", categoryId=shelves[place % 3])
        await shop.order(buyer, [(product.id, 1)])
    runs = Runs(fast, shop, source, buyer)
    await runs.run(first=1)
    await runs.run(first=1)
    taken = []
    for first in (1, 9):
        [listed] = (await runs.run(first=first)).values()
        assert len(listed["nodes"]) == first
        taken.append(runs.statements)
    assert taken == [statements, statements]


async def test_only_what_is_looked_at_is_read(
    fast: Process, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.product("3.00")
    read: list[Any] = []
    reader = fast.database.reader(QueryStats())
    assert isinstance(reader, CoalescingReader)
    page = reader._coalescer.all

    async def seen(query: Any, values: Any, stats: QueryStats) -> Any:
        rows = await page(query, values, stats)
        read.extend(rows)
        return rows

    monkeypatch.setattr(reader._coalescer, "all", seen)
    with structlog.testing.capture_logs():
        runs = Runs(fast, shop, "{ products(first: 1) { nodes { name category { slug } } } }")
        await runs.run()
        read.clear()
        await runs.run()
    row, _beyond = read
    # Cursors need the id and the column that the list is sorted by.
    fields = {"id", "created_at", "name", "category_id", "at_category_id"}
    assert set(type(row).__struct_fields__) == fields
    assert set(type(row.at_category_id).__struct_fields__) == {"id", "slug"}
    whole = Runs(fast, shop, "{ products(first: 1) { nodes { name etag } } }")
    read.clear()
    await whole.run()
    await whole.run()
    assert type(read[-1]).__name__ == "Product"
