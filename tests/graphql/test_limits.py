"""Limits and costs of documents, measured in one pass before anything runs."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse
from graphql.validation import ValidationContext
from graphql.validation.rules import overlapping_fields_can_be_merged as overlapping

from api.app import create_app
from schema.executing.documents import MOST_STEPS, Documents, Prepared, operation_of
from schema.executing.executable import Executable
from schema.executing.limits import Costs, Limits, Shape, Shapes, cost_of
from services.catalogue import OPERATIONS
from services.process import Process
from services.quota.costs import page_rows, units
from services.settings.settings import Settings
from tests.conftest import client_of
from tests.faces import DOCUMENTS, written
from tests.shop import Person, Shop, good_call, new_key

#: Limits that no test reaches by accident.
ROOMY = Limits(depth=15, root_fields=20, aliases=50, directives=50, tokens=4_000)
STOCK_INTROSPECTION = get_introspection_query(
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
    one_of=True,
)


def documents(limits: Limits = ROOMY) -> Documents:
    """The documents of a process with these limits."""
    return Documents(limits, explorable=True, executable_type=Executable)


def prepare(source: str, limits: Limits = ROOMY) -> Prepared:
    """A document prepared by a process with these limits."""
    return documents(limits).prepare(source)


async def ask(client: httpx.AsyncClient, query: str, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    return await client.post("/graphql", json={"query": query, **more}, headers=headers)


def codes(answer: httpx.Response) -> set[str]:
    return {error["extensions"]["code"] for error in answer.json().get("errors", [])}


def refusal(answer: httpx.Response) -> dict[str, Any]:
    """The details of a refusal at a limit. No statement may have run."""
    [error] = answer.json()["errors"]
    told = error["extensions"]
    assert (told["code"], told["status"]) == ("QUERY_TOO_COMPLEX", 400)
    assert "data" not in answer.json()
    assert 'desc="0 statements"' in answer.headers["Server-Timing"]
    assert str(told["details"]["value"]) in told["detail"]
    assert str(told["details"].get("found", "more")) in told["detail"]
    return told["details"]


def doubling(level: str, levels: int, last: str, kind: str) -> str:
    """A chain of fragments. ``level`` is the body of each, with %s for a spread of the next."""
    written = [
        f"fragment f{number} on {kind} {{ {level.replace('%s', f'...f{number + 1}')} }}"
        for number in range(levels)
    ]
    return " ".join([*written, f"fragment f{levels} on {kind} {{ {last} }}"])


#: The body of a level, and the nodes that a walk visits in it when it enters each fragment once.
LEVELS = {
    "side by side": ("%s %s", 2),
    "in inline fragments": ("... on T { %s } ... { %s }", 4),
    "under aliases": ("a: x { %s } b: x { %s }", 4),
    "in lists of lists": ("nodes { nodes { %s } } edges { node { %s } }", 6),
    "behind directives": ("... @include(if: true) { %s } x @skip(if: false) { %s }", 4),
}


@pytest.mark.parametrize("levels", [8, 16, 24])
@pytest.mark.parametrize("level", LEVELS)
def test_a_fragment_is_entered_once_however_often_it_is_spread(level: str, levels: int) -> None:
    text, nodes = LEVELS[level]
    document = parse("{ ...f0 } " + doubling(text, levels, "id", "T"))
    for walk in (Shapes(document), Costs(document, {}, 20)):
        operation = operation_of(document, None)
        assert operation is not None
        walk.total(operation.selection_set, "Query")
        # The first spread, the levels, and the last fragment's one field.
        assert walk.visits == 1 + levels * nodes + 1


def test_several_operations_share_what_is_known_of_their_fragments() -> None:
    document = parse("query a { ...f0 } query b { ...f0 } " + doubling("%s %s", 8, "id", "T"))
    shapes = Shapes(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            shapes.total(definition.selection_set)
    assert shapes.visits == 2 + 8 * 2 + 1


def test_fragments_count_as_often_as_they_are_spread() -> None:
    document = parse(
        "{ a: x { ...f } y { z { ... @skip(if: true) { ...f } } } ...g }"
        " fragment f on T { b: x @include(if: true) { c: x } }"
        " fragment g on T { p q r: s }"
    )
    operation = operation_of(document, None)
    assert operation is not None
    shape = Shapes(document).total(operation.selection_set)
    # Aliases are a, b and c. The deepest path is y z b c. f is spread twice.
    assert shape == Shape(depth=4, nesting=6, fields=5, aliases=6, directives=3)


async def test_doubling_fragments_are_answered_while_they_select_little(
    client: httpx.AsyncClient,
) -> None:
    fragments = doubling("%s %s", 24, "totalCount", "CategoryConnection")
    answer = await ask(client, "{ categories { ...f0 } } " + fragments)
    assert isinstance(answer.json()["data"]["categories"]["totalCount"], int)


@pytest.mark.parametrize(("levels", "found"), [(8, 2**8), (24, 2**24), (40, None), (150, None)])
async def test_what_doubling_fragments_come_to_is_counted_and_not_walked(
    client: httpx.AsyncClient, levels: int, found: int | None
) -> None:
    fragments = doubling("%s %s", levels, "all: totalCount", "CategoryConnection")
    details = refusal(await ask(client, "{ categories { ...f0 } } " + fragments))
    more = {} if found is None else {"found": found}
    assert details == {"limit": "aliases", "value": 50, **more}


async def test_the_cost_of_doubling_fragments_is_counted_and_not_walked(
    client: httpx.AsyncClient,
) -> None:
    fragments = doubling("%s %s", 40, "history(first: 100) { nodes { id } }", "Order")
    details = refusal(await ask(client, "{ orders { nodes { ...f0 } } } " + fragments))
    assert details == {"limit": "cost", "value": 1000}


@pytest.mark.parametrize(
    "document",
    [
        "{ ...a } fragment a on Query { ...a }",
        "{ ...a } fragment a on Query { __typename ...b } fragment b on Query { ...a ...b }",
        "{ ...a ...nowhere } fragment a on Query { ...nowhere }",
        "{ __typename } " + doubling("%s %s", 24, "x: id", "Category"),
        doubling("%s %s", 24, "x: id", "Category"),
    ],
    ids=["itself", "a cycle", "undefined", "unused", "no operation"],
)
async def test_fragments_that_lead_nowhere_are_left_to_validation(
    client: httpx.AsyncClient, document: str
) -> None:
    assert codes(await ask(client, document)) == {"VALIDATION_FAILED"}


async def test_fragments_nested_deeper_than_validation_goes_are_refused(
    client: httpx.AsyncClient,
) -> None:
    chain = doubling("%s", 400, "id", "Category")
    details = refusal(await ask(client, "{ categories { nodes { ...f0 } } } " + chain))
    # Three pairs of braces around the first spread, and one of each fragment.
    assert details == {"limit": "nesting", "value": 200, "found": 3 + 401}
    details = refusal(await ask(client, "{ a" * 201 + " }" * 201))
    assert details == {"limit": "nesting", "value": 200}


NARROW = {
    "graphql_tokens": 50,
    "graphql_depth": 3,
    "graphql_root_fields": 3,
    "graphql_aliases": 3,
    "graphql_directives": 2,
    "graphql_cost": 5,
}
#: For each limit: a document at it, a document beyond it, and the value of the second one.
EDGES: dict[str, tuple[str, str, int | None]] = {
    "tokens": (
        "{ products { nodes { " + "id " * 42 + "} } } # not a token",
        "{ products { nodes { " + "id " * 43 + "} } }",
        None,
    ),
    "depth": ("{ products { nodes { id } } }", "{ products { nodes { category { id } } } }", 4),
    "rootFields": (
        "{ ...f ...f __typename } fragment f on Query { __typename }",
        "{ ...f ...f ...f __typename } fragment f on Query { __typename }",
        4,
    ),
    "aliases": (
        "{ a: products { b: totalCount c: totalCount } }",
        "{ a: products { b: totalCount c: totalCount d: totalCount } }",
        4,
    ),
    "directives": (
        "{ ... @skip(if: false) { __typename @include(if: true) } }",
        "{ ... @skip(if: false) { __typename @include(if: true) @skip(if: false) } }",
        3,
    ),
    "cost": (
        "{ a: products(first: 100) { totalCount } b: products(last: 100) { totalCount }"
        " c: products(first: 99) { totalCount } }",
        "{ a: products(first: 100) { totalCount } b: products(last: 100) { totalCount }"
        " c: products(first: 100) { totalCount } }",
        6,
    ),
}


@pytest.fixture
async def narrow(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server whose limits a small document reaches."""
    settings = process.settings.model_copy(update=NARROW)
    async with client_of(create_app(replace(process, settings=settings))) as client:
        yield client


@pytest.mark.parametrize("limit", EDGES)
async def test_a_document_at_a_limit_runs_and_one_beyond_it_does_not(
    narrow: httpx.AsyncClient, limit: str
) -> None:
    within, beyond, found = EDGES[limit]
    answer = await ask(narrow, within)
    assert codes(answer) == set()
    assert answer.json()["data"]
    setting = "graphql_" + {"rootFields": "root_fields"}.get(limit, limit)
    more = {} if found is None else {"found": found}
    told = refusal(await ask(narrow, beyond))
    assert told == {"limit": limit, "value": NARROW[setting], **more}


async def test_a_document_too_long_to_read_is_refused(client: httpx.AsyncClient) -> None:
    said = "{ __typename } #"
    assert codes(await ask(client, said.ljust(100_000, "x"))) == set()
    details = refusal(await ask(client, said.ljust(100_001, "x")))
    assert details == {"limit": "characters", "value": 100_000, "found": 100_001}
    details = refusal(await ask(client, "#\n" * 4_001 + "{ __typename }"))
    assert details == {"limit": "tokens", "value": 4_000}


async def test_mutations_beyond_the_ceiling_change_nothing(
    narrow: httpx.AsyncClient, shop: Shop, user: Person
) -> None:
    deposit = 'createDeposit(input: {amount: "5"}, idempotencyKey: "%s") { id }'
    one, other = deposit % new_key(), deposit % new_key()
    async with shop.unchanged():
        both = f"mutation {{ {one} other: {other} }}"
        details = refusal(await ask(narrow, both, headers=user.headers))
    assert details == {"limit": "cost", "value": 5, "found": 10}
    assert codes(await ask(narrow, f"mutation {{ {one} }}", headers=user.headers)) == set()


async def test_the_ceiling_comes_before_the_token(narrow: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    assert refusal(await ask(narrow, EDGES["cost"][1], headers=headers))["limit"] == "cost"


def test_the_settings_are_the_limits(settings: Settings) -> None:
    assert Limits.of(settings) == ROOMY
    assert Limits.of(settings.model_copy(update=NARROW)) == Limits(3, 3, 3, 2, 50)


def test_a_document_seen_before_is_not_measured_again() -> None:
    source = "{ products { nodes { id } } }"
    known = documents()
    made = known.prepare(source)
    assert known.kept(source) is made
    assert documents().kept(source) is None
    assert prepare(source, ROOMY._replace(depth=2)).too_complex


async def test_the_stock_introspection_runs_whatever_the_depth(client: httpx.AsyncClient) -> None:
    assert codes(await ask(client, STOCK_INTROSPECTION)) == set()
    shallow = prepare(STOCK_INTROSPECTION, ROOMY._replace(depth=2))
    assert (shallow.errors, shallow.too_complex) == ((), None)


async def test_an_introspection_deeper_than_the_stock_one_counts_in_full(
    client: httpx.AsyncClient,
) -> None:
    deep = "{ __schema { types { " + "ofType { " * 13 + "name" + " }" * 16
    assert refusal(await ask(client, deep)) == {"limit": "depth", "value": 15, "found": 16}
    hidden = "{ ...s } fragment s on Query { ... { " + deep[1:-1] + " } }"
    assert refusal(await ask(client, hidden)) == {"limit": "depth", "value": 15, "found": 16}
    many = "{ " + " ".join(f"s{place}: __schema {{ queryType {{ name }} }}" for place in range(21))
    assert refusal(await ask(client, many + " }"))["limit"] == "rootFields"


REPEATING = {
    "one field": "{ products { nodes { %s} } }".replace("%s", "id " * 3_900),
    "one field with fields": "{ products { nodes { %s} } }".replace("%s", "category { id } " * 790),
    "fields of many types": "{ node(id: 5) { %s} }".replace("%s", "... on Order { id } " * 560),
    "fragments side by side": "{ products { nodes { "
    + " ".join(f"...f{place}" for place in range(330))
    + " } } } "
    + " ".join(f"fragment f{place} on Product {{ id name }}" for place in range(330)),
    "fragments in each other": "{ products { nodes { ...f0 id } } } "
    + doubling("id name price stock %s", 190, "id", "Product"),
    "fragments of many operations": " ".join(
        f"query q{place} {{ products {{ nodes {{ ...f0 }} edges {{ node {{ ...f{place} }} }} }} }}"
        for place in range(115)
    )
    + doubling(" %s", 190, "id", "Product"),
}


@pytest.mark.parametrize("shape", REPEATING)
def test_validation_gives_up_after_the_steps_that_the_largest_document_is_worth(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = Counter[str]()
    compare, follow = overlapping.spend_complexity_budget, ValidationContext.spend_fragment_work

    def comparing(context: Any, steps: int) -> None:
        spent["comparing"] += steps
        compare(context, steps)

    def following(context: Any, steps: int) -> None:
        spent["following"] += steps
        follow(context, steps)

    monkeypatch.setattr(overlapping, "spend_complexity_budget", comparing)
    monkeypatch.setattr(ValidationContext, "spend_fragment_work", following)
    # The documents are nearly as long as allowed. One request for steps may exceed the budget.
    prepared = prepare(REPEATING[shape])
    kind = "following" if shape == "fragments of many operations" else "comparing"
    assert MOST_STEPS < spent[kind] < MOST_STEPS + 400
    assert prepared.too_complex
    assert prepared.too_complex.details == {"limit": "validation", "value": MOST_STEPS}


def test_sixty_components_may_say_what_they_need_of_one_thing() -> None:
    names = range(60)
    source = "{ products { nodes { " + " ".join(f"...f{name}" for name in names) + " } } } "
    source += " ".join(f"fragment f{name} on Product {{ id name price }}" for name in names)
    prepared = prepare(source)
    assert (prepared.errors, prepared.too_complex) == ((), None)


HISTORY = "history(first: 10) { nodes { id } }"
#: Computed by hand: operations cost 1, placing an order and signing in 5; a page has 20 rows unless
#: it says otherwise, and a hundred rows are a unit.
COSTS = [
    ("{ __typename }", 0),
    ("{ __schema { queryType { name } } }", 1),
    ("{ me { id } }", 1),
    ("{ a: me { id } b: me { id } }", 2),
    ("{ products { nodes { id } } }", 1),
    ("{ products(first: 99) { nodes { id } } }", 1),
    ("{ products(first: 100) { nodes { id category { id } } } }", 1 + 1),
    ("{ products(last: 100) { totalCount } }", 1 + 1),
    ("{ products(page: 7, perPage: 100) { totalCount } }", 1 + 1),
    ("{ products(page: 7) { totalCount } }", 1),
    ("{ products(first: null, perPage: 100) { totalCount } }", 1 + 1),
    ("{ products(first: 0) { totalCount } }", 1 + 1),
    ("{ products(first: 2147483647) { totalCount } }", 1 + 1),
    ("{ products(first: 100) @skip(if: true) { totalCount } }", 1 + 1),
    # Two lists of fifty are a hundred rows.
    ("{ a: products(first: 50) { totalCount } b: products(first: 50) { totalCount } }", 2 + 1),
    # Only pages multiply: lines count once, and products are read with their orders.
    ("{ orders(first: 100) { nodes { lines { product { category { id } } } } } }", 1 + 1),
    # 50 orders and 10 events of each; 20 and 20 by default; events asked for at two places.
    ("{ orders(first: 50) { nodes { %s } } }", 2 + 550 // 100),
    ("{ orders { nodes { history { nodes { id } } } } }", 2 + 420 // 100),
    ("{ orders(first: 10) { edges { node { %s } } nodes { %s } } }", 3 + 210 // 100),
    ("{ orders(first: 50) { nodes { ... { ... on Order { %s } } } } }", 2 + 550 // 100),
    # One fragment under two lists: 10 × 11 and 100 × 11 rows.
    (
        "{ a: orders(first: 10) { nodes { ...h } } b: orders(first: 100) { nodes { ...h } } }"
        " fragment h on Order { %s }",
        4 + 1_210 // 100,
    ),
    # Rows multiply through relations: 100 entries, 10 events of the order of each.
    ("{ wallet { entries(first: 100) { nodes { order { %s } } } } }", 3 + 1_100 // 100),
    ('{ order(id: "a") { %s } }', 2),
    ('{ payment(id: "a") { order { %s } } }', 2),
    ('{ node(id: "a") { ... on Order { history(first: 100) { nodes { id } } } } }', 2 + 1),
    ('{ nodes(ids: ["a", "b", "c"]) { id } }', 1),
    ('{ nodes(ids: "a") { ... on Order { history(first: 99) { nodes { id } } } } }', 2 + 1),
    (
        '{ nodes(ids: ["a", "b"]) { ... on Node { ... on Order {'
        " history(first: 99) { nodes { id } } } } } }",
        2 + 200 // 100,
    ),
    ('mutation { login(input: {email: "a", password: "b"}) { tokenType } }', 5),
    ('mutation { payOrder(id: "a") { order { %s } } }', 6),
    ("mutation { createOrder(input: {lines: []}) { history(first: 100) { totalCount } } }", 6 + 1),
]


@pytest.mark.parametrize(("document", "cost"), COSTS)
def test_a_document_costs_what_a_hand_reckons(settings: Settings, document: str, cost: int) -> None:
    assert cost_with(settings, document.replace("%s", HISTORY)) == cost


def cost_with(settings: Settings, source: str, **variables: Any) -> int:
    """The cost of a valid document's one operation."""
    prepared = prepare(source)
    assert prepared.document is not None, prepared.too_complex
    assert prepared.errors == ()
    operation = operation_of(prepared.document, None)
    assert operation is not None
    return cost_of(prepared.document, operation, variables, settings)


@pytest.mark.parametrize(
    ("variables", "cost"),
    [
        # The document's default gives 50, and the setting gives 20.
        ({}, 2 + 50 * 21 // 100),
        ({"many": 10, "few": 10}, 2 + 110 // 100),
        ({"few": 100}, 2 + 50 * 101 // 100),
        ({"many": None, "few": None}, 2 + 20 * 21 // 100),
        # A bad size is refused later. Until then it costs as much as the largest page.
        *(({"many": wrong}, 2 + 100 * 21 // 100) for wrong in (0, -1, 101, 10**30, "x", True, [1])),
    ],
)
def test_pages_sized_by_variables_cost_what_they_ask_for(
    settings: Settings, variables: dict[str, Any], cost: int
) -> None:
    source = "query($many: Int = 50, $few: Int) { orders(first: $many) { nodes { ...h } } }"
    source += " fragment h on Order { history(first: $few) { nodes { id } } }"
    assert cost_with(settings, source, **variables) == cost


@pytest.mark.parametrize(("many", "cost"), [(0, 1), (1, 1), (99, 1), (100, 2), (1_000, 2)])
def test_things_by_id_are_rows(settings: Settings, many: int, cost: int) -> None:
    source = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert cost_with(settings, source, ids=["x"] * many) == cost


def test_a_page_unless_asked_for_is_the_settings(settings: Settings) -> None:
    larger = settings.model_copy(update={"page_size": 100})
    assert cost_with(larger, "{ products { totalCount } }") == 2


_PAGES = ({}, {"first": 100}, {"last": 99}, {"perPage": 50})


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_an_operation_costs_the_same_on_both_faces(
    settings: Settings, shop: Shop, operation: Any
) -> None:
    document = DOCUMENTS[operation.name]
    values, _ = await good_call(shop, operation.name, await shop.person(balance="100"))
    # The field around a nested operation is an operation as well.
    outer = 1 if document.under else 0
    pages: Sequence[dict[str, int]] = ({},)
    if operation.paged:
        one_page = "last" not in operation.input.model_fields
        pages = ({}, {"first": 50}) if one_page else _PAGES
    for page in pages:
        text, variables = written(document, {**values, **page}, None, None)
        rest = {name: str(value) for name, value in page.items()}
        rows = page_rows(rest, settings.page_size) if operation.paged else 0
        assert cost_with(settings, text, **variables) == units(operation.cost, rows) + outer


def test_a_hundred_rows_are_a_unit() -> None:
    assert [units(3, rows) for rows in (0, 99, 100, 199, 200)] == [3, 3, 4, 4, 5]
