"""Differences that are known. `EXCEPTIONS` mirrors the docs' table of what must differ.

Everything else that differs is a fault.
"""

import json
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, GraphQLScalarType

from tests.parity.walk.rounds import Difference, Known, Round

#: What a round with a nearly spent budget compares.
_WHEN_SPENT = ("code when spent", "details when spent", "Retry-After")


#: A caller without budget is told the exact wait for documents up to this length.
_LONGEST_READ = 1_000


def known(round: Round, difference: Difference) -> str | None:
    """The kind of a known difference; None for a fault."""
    for one in (*EXCEPTIONS, *EFFECTS):
        if one.fits(round, difference):
            return one.kind
    return None


def _costs_its_parent(round: Round, difference: Difference) -> bool:
    """Does GraphQL charge a nested operation the cost of the field around it, and wait for it?"""
    if round.contract.under is None or difference.about != "charge":
        return round.contract.under is not None and difference.about in _WHEN_SPENT
    asked, told = difference.found["graphql"], difference.found["v2"]
    return asked.keys() == told.keys() and all(asked[one] == told[one] + 1 for one in told)


def _lies_under_nothing(round: Round, difference: Difference) -> bool:
    """Is the parent of a nested list not there, where REST first refuses the list itself?"""
    if round.contract.under is None or difference.about != "code":
        return False
    asked, told = difference.found["graphql"], difference.found["v2"]
    return asked.endswith("_NOT_FOUND") and told in ("VALIDATION_FAILED", "FORBIDDEN")


def _cannot_be_read(round: Round, difference: Difference) -> bool:
    """Is it a text that makes a body malformed on REST, and as a literal a GraphQL document?"""
    told = {round.answers[face].code for face in ("v1", "v2")}
    asked = round.answers["graphql"].code
    about = ("charge", *_WHEN_SPENT)
    return (
        told == {"MALFORMED_REQUEST"}
        and asked in ("MALFORMED_REQUEST", "RATE_LIMITED")
        and difference.about in about
    )


def _is_too_long_to_be_read(round: Round, difference: Difference) -> bool:
    """Is it a new document that is not read without budget, so that its cost is not known?"""
    if difference.about not in ("details when spent", "Retry-After"):
        return False
    sent = json.loads(round.answers["graphql"].response.request.content)
    return len(sent["query"]) > _LONGEST_READ


def _is_a_list_of_one(round: Round, _: Difference) -> bool:
    return "list" in _coerced(round)


def _is_a_number_as_id(round: Round, _: Difference) -> bool:
    return "id" in _coerced(round)


def _coerced(round: Round) -> set[str]:
    """The values that GraphQL makes of others: lists of single values, ids of numbers."""
    contract = round.contract
    inputs = {name: argument.type for name, argument in contract.field.args.items()}
    if contract.input_type is not None:
        inputs = {name: item.type for name, item in contract.input_type.fields.items()}
    values = round.call.values.items()
    return {kind for name, value in values if name in inputs for kind in _made(value, inputs[name])}


def _made(value: Any, kind: Any) -> Iterator[str]:
    if isinstance(kind, GraphQLNonNull):
        yield from _made(value, kind.of_type)
    elif isinstance(kind, GraphQLList) and isinstance(value, list):
        for item in value:
            yield from _made(item, kind.of_type)
    elif isinstance(kind, GraphQLList) and value is not None:
        yield "list"
    elif isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
        for name, item in value.items():
            if name in kind.fields:
                yield from _made(item, kind.fields[name].type)
    elif isinstance(kind, GraphQLScalarType) and kind.name == "ID":
        if isinstance(value, int) and not isinstance(value, bool):
            yield "id"


def _ended_its_session(round: Round, difference: Difference) -> bool:
    """Did the first door's use of a spent refresh token end the session that pays on that door?"""
    codes = {one.code for one in round.answers.values()}
    spent = "REFRESH_TOKEN_INVALID" in codes and codes <= {"REFRESH_TOKEN_INVALID", "RATE_LIMITED"}
    about = ("charge", *_WHEN_SPENT)
    return spent and difference.about in about and round.contract.operation.paid_by is not None


def _replays_a_password(round: Round, difference: Difference) -> bool:
    """Is it the units of an attempt, which a call gives back and its replay on a door does not?"""
    if difference.about != "charge" or round.call.key is None:
        return False
    others = [
        {name: units for name, units in one.items() if not name.startswith("login")}
        for one in difference.found.values()
    ]
    return all(one == others[0] for one in others)


#: The state changes between the doors: nothing that could differ in a single call.
EFFECTS: tuple[Known, ...] = (
    Known(
        "A spent refresh token",
        "The first call ends its session, so that the next one is charged to the address.",
        _ended_its_session,
    ),
    Known(
        "A replay with a password",
        "A replay does not look at the password, so it gives no units back.",
        _replays_a_password,
    ),
)
EXCEPTIONS: tuple[Known, ...] = (
    Known(
        "A value out of bounds in a nested list",
        "GraphQL reads the thing first, as it may read many.",
        _lies_under_nothing,
    ),
    Known(
        "One value where a list belongs",
        "GraphQL's specification demands that it is taken as a list of one.",
        _is_a_list_of_one,
    ),
    Known(
        "A number where an id belongs",
        "GraphQL's specification demands that it is taken as text.",
        _is_a_number_as_id,
    ),
    Known(
        "A document that cannot be read",
        "Reading one is work for the caller, who is known before it is read.",
        _cannot_be_read,
    ),
    Known(
        "The wait of a caller without budget",
        "It is not read, so the wait is until the budget is full.",
        _is_too_long_to_be_read,
    ),
    Known(
        "A nested read",
        "GraphQL runs the operation that it lies in as well, and charges both.",
        _costs_its_parent,
    ),
)
