"""The examples of the reference are what both faces really ask and answer."""

import json
import os

import httpx
import pytest
from graphql import parse, validate

from schema.schema import SCHEMA
from services.catalogue import OPERATIONS
from tests.pages.examples import EXAMPLES, People, example_of, fits, written
from tests.shop import Shop

_STALE = "Run ./scripts/examples: the reference shows other calls than these."


def test_every_operation_has_an_example_that_fits_the_schema() -> None:
    examples = written()
    assert list(examples) == [operation.name for operation in OPERATIONS], _STALE
    for name, example in examples.items():
        assert validate(SCHEMA, parse(example["graphql"]["query"])) == [], (name, _STALE)


@pytest.mark.thorough
async def test_the_examples_are_what_is_answered(shop: Shop, client: httpx.AsyncClient) -> None:
    before = written()
    people: People = {}
    # Lists come last, when there is something to list.
    in_turn = sorted(OPERATIONS, key=lambda operation: operation.paged)
    made = {one.name: await example_of(one, shop, client, people) for one in in_turn}
    kept = {
        operation.name: before[operation.name]
        if operation.name in before and fits(before[operation.name], made[operation.name])
        else made[operation.name]
        for operation in OPERATIONS
    }
    if os.environ.get("WRITE_EXAMPLES"):
        EXAMPLES.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    else:
        assert kept == before, _STALE
