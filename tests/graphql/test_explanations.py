"""Mistakes in documents are explained: where, what belongs there, what was meant, all at once."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.app import create_app
from services.process import new_process
from services.settings.settings import Settings
from tests.conftest import client_of, running
from tests.shop import Person

Errors = list[tuple[str, list[int], dict[str, str]]]


async def told(
    client: httpx.AsyncClient, document: str, variables: Any = None, **more: Any
) -> list[dict[str, Any]]:
    """The errors of a refused document; the same when it comes again."""
    body = {"query": document, "variables": variables}
    first = (await client.post("/graphql", json=body, **more)).json()
    again = (await client.post("/graphql", json=body, **more)).json()
    for said in (first, again):
        assert "data" not in said
        for error in said["errors"]:
            del error["extensions"]["requestId"]
            assert error["extensions"]["code"] == "VALIDATION_FAILED"
            assert error["extensions"]["status"] == 400
    assert first == again
    return first["errors"]


SORTS = "CREATED_AT_DESC, CREATED_AT_ASC, NAME_ASC, NAME_DESC, PRICE_ASC, PRICE_DESC, RELEVANCE"


@pytest.mark.parametrize(
    ("document", "variables", "errors"),
    [
        (
            "{ products(first: $y) { totalCount } }",
            None,
            [("Variable '$y' is not defined.", [19, 1], {"y": "UNDEFINED_VARIABLE"})],
        ),
        (
            "query Q($first: Int) { products(first: $fist, last: $first) { totalCount } }",
            None,
            [
                (
                    "Variable '$fist' is not defined by operation 'Q'. Did you mean '$first'?",
                    [40, 1],
                    {"fist": "UNDEFINED_VARIABLE"},
                )
            ],
        ),
        (
            "{ products(firs: 2) { totalCount } }",
            None,
            [
                (
                    "Unknown argument 'firs' on field 'Query.products'. Did you mean 'first'?",
                    [12],
                    {"firs": "UNKNOWN_FIELD"},
                )
            ],
        ),
        (
            "{ products(limit: 2) { totalCount } }",
            None,
            [
                (
                    "Unknown argument 'limit' on field 'Query.products'."
                    " Did you mean 'perPage', 'first', or 'last'?",
                    [12],
                    {"limit": "UNKNOWN_FIELD"},
                )
            ],
        ),
        (
            "{ products(sort: PRICE) { totalCount } }",
            None,
            [
                (
                    f"'sort' takes a value of the enum 'ProductSort'. Give one of {SORTS}."
                    " Did you mean 'PRICE_ASC' or 'PRICE_DESC'?",
                    [18],
                    {"sort": "INVALID_CHOICE"},
                )
            ],
        ),
        (
            "query($s: ProductSort) { products(sort: $s) { totalCount } }",
            {"s": "cheapest"},
            [
                (
                    f"'sort' takes a value of the enum 'ProductSort'. Give one of {SORTS}.",
                    [7],
                    {"sort": "INVALID_CHOICE"},
                )
            ],
        ),
        (
            "query($n: Int) { products(first: $n, lats: 1, search: 5) { totalCont }"
            " prodcts { id } }",
            {"n": "x"},
            [
                (
                    "'first' takes a value of type 'Int'."
                    " Unknown argument 'lats' on field 'Query.products'. Did you mean 'last'?"
                    " 'search' takes a value of type 'String'.",
                    [7, 38, 55],
                    {"first": "INVALID_TYPE", "lats": "UNKNOWN_FIELD", "search": "INVALID_TYPE"},
                ),
                (
                    "Cannot query field 'totalCont' on type 'ProductConnection'."
                    " Did you mean 'totalCount'?",
                    [60],
                    {"totalCont": "UNKNOWN_FIELD"},
                ),
                (
                    "Cannot query field 'prodcts' on type 'Query'."
                    " Did you mean 'products', 'product', 'projects', 'posts', or 'project'?",
                    [72],
                    {"prodcts": "UNKNOWN_FIELD"},
                ),
            ],
        ),
        (
            'mutation { login(input: {emal: "a", password: 12345678}) { tokenType } }',
            None,
            [
                (
                    "'email' of type 'String!' is required."
                    " Unknown field 'emal' of 'LoginInput'. Did you mean 'email'?"
                    " 'password' takes a value of type 'String'.",
                    [25, 26, 47],
                    {"email": "REQUIRED", "password": "INVALID_TYPE", "emal": "UNKNOWN_FIELD"},
                )
            ],
        ),
        (
            "{ product { id } }",
            None,
            [("'id' of type 'ID!' is required.", [3], {"id": "REQUIRED"})],
        ),
        (
            "{ products @includ(if: true) { ...Fieldz } } fragment Fields on ProductConnection"
            " { totalCount }",
            None,
            [
                ("Unknown directive '@includ'. Did you mean '@include'?", [12], {}),
                ("Unknown fragment 'Fieldz'. Did you mean 'Fields'?", [35], {}),
                ("Fragment 'Fields' is never used.", [46], {}),
            ],
        ),
    ],
)
async def test_every_mistake_is_told_with_its_place_and_what_was_meant(
    client: httpx.AsyncClient, document: str, variables: Any, errors: Errors
) -> None:
    found = [
        (
            error["message"],
            [place["column"] for place in error["locations"]],
            {item["field"]: item["code"] for item in error["extensions"]["fields"]},
        )
        for error in await told(client, document, variables)
    ]
    assert sorted(found, key=str) == sorted(errors, key=str)


async def test_rules_of_an_operation_are_told_beside_mistakes_of_the_document(
    client: httpx.AsyncClient, user: Person
) -> None:
    document = "mutation { createOrder(input: {lines: [], more: 1}) { idd } }"
    first, second = await told(client, document, headers=user.headers)
    assert first["message"] == (
        "Unknown field 'more' of 'CreateOrderInput'. 'lines': Give 1 or more."
    )
    assert second["message"].startswith("Cannot query field 'idd' on type 'Order'.")


@pytest.fixture(scope="module")
async def closed(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Calls to an application that is not to be explored, as in production."""
    process = new_process(settings.model_copy(update={"graphiql": False}))
    async with running(create_app(process)) as app, client_of(app) as client:
        yield client


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            "{ products(firs: 2) { totalCount } }",
            "Unknown argument 'firs' on field 'Query.products'.",
        ),
        (
            "{ products(sort: PRICE) { totalCount } }",
            "'sort' takes a value of the enum 'ProductSort'.",
        ),
        (
            "{ products { totalCont } }",
            "Cannot query field 'totalCont' on type 'ProductConnection'.",
        ),
        (
            "query Q($first: Int) { products(first: $fist, last: $first) { totalCount } }",
            "Variable '$fist' is not defined by operation 'Q'.",
        ),
        ("{ products @includ(if: true) { totalCount } }", "Unknown directive '@includ'."),
    ],
)
async def test_production_suggests_nothing(
    closed: httpx.AsyncClient, document: str, message: str
) -> None:
    [error] = await told(closed, document)
    assert error["message"] == message
    assert error["locations"]
    assert {item["message"] for item in error["extensions"]["fields"]} <= {
        "There is no such field.",
        "Give one of the declared values.",
        "Declare this variable.",
    }
