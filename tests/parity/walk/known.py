"""Differences that are known. `EXCEPTIONS` mirrors the table of exceptions in the docs.

Everything else that differs is a fault.
"""

from typing import Any

from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, get_named_type

from tests.parity.walk.kinds import Known
from tests.parity.walk.pending import PENDING
from tests.parity.walk.rounds import Difference, Round


def known(round: Round, difference: Difference) -> str | None:
    """The kind of a known difference; None for a fault."""
    for one in (*EXCEPTIONS, *PENDING):
        if one.fits(round, difference):
            return one.kind
    return None


def _costs_its_parent(round: Round, difference: Difference) -> bool:
    """Does GraphQL's charge differ by the cost of the field around a nested operation?"""
    if round.contract.under is None or difference.about != "charge":
        return difference.about.endswith("spent") and round.contract.under is not None
    asked, told = difference.found["graphql"], difference.found["v2"]
    return asked.keys() == told.keys() and all(asked[one] == told[one] + 1 for one in told)


def _lies_under_nothing(round: Round, difference: Difference) -> bool:
    """Is the parent of a nested list refused, where REST finds the bad argument first?"""
    if round.contract.under is None or difference.about != "code":
        return False
    asked, told = difference.found["graphql"], difference.found["v2"]
    return asked.endswith("_NOT_FOUND") and told == "VALIDATION_FAILED"


def _is_coerced(round: Round, difference: Difference) -> bool:
    """Does a value stand where GraphQL makes a list or an id of it?"""
    contract = round.contract
    inputs = {name: argument.type for name, argument in contract.field.args.items()}
    if contract.input_type is not None:
        inputs = {name: item.type for name, item in contract.input_type.fields.items()}
    return any(
        _coerces(value, inputs[name]) for name, value in round.call.values.items() if name in inputs
    )


def _coerces(value: Any, kind: Any) -> bool:
    if isinstance(kind, GraphQLNonNull):
        return _coerces(value, kind.of_type)
    if isinstance(kind, GraphQLList):
        if isinstance(value, list):
            return any(_coerces(item, kind.of_type) for item in value)
        return value is not None
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        fields = named.fields
        return isinstance(value, dict) and any(
            _coerces(item, fields[name].type) for name, item in value.items() if name in fields
        )
    return named.name == "ID" and isinstance(value, int) and not isinstance(value, bool)


EXCEPTIONS: tuple[Known, ...] = (
    Known(
        "cost of the parent",
        "A nested operation costs the field around it as well, which GraphQL reads.",
        _costs_its_parent,
    ),
    Known(
        "parent first",
        "GraphQL finds the thing before it reads the arguments of the list under it.",
        _lies_under_nothing,
    ),
    Known(
        "coercion",
        "GraphQL itself makes a list of one value, and text of a number given as an id.",
        _is_coerced,
    ),
)
