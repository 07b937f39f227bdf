"""Coercion errors: what GraphQL itself refuses, told as the services would tell it."""

import re
from collections.abc import Mapping
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    ObjectFieldNode,
    OperationDefinitionNode,
    ValueNode,
    type_from_ast,
)
from graphql.pyutils import Undefined
from graphql.utilities import validate_input_value

from schema.executing.documents import input_paths, joined
from schema.schema import SCHEMA
from services.errors.common import FieldError
from services.operation.inputs import INVALID_CHOICE, REQUIRED, UNKNOWN_FIELD, WRONG_TYPE

_MISSING_FIELD = re.compile(r"required field '(\w+)'|Argument '[\w.]+\((\w+):\)' .* not provided")
_EXTRA_FIELD = re.compile(r"unknown field '(\w+)'|Unknown argument '(\w+)' on field")

#: GraphQL's integers have 32 bits. The field's own limit is nearer, and is told below them.
_BEYOND = re.compile(r"^Int cannot represent non 32-bit signed integer value: (-?)")
_TOO_LARGE = ("TOO_LARGE", "Give a smaller number.")
_TOO_SMALL = ("TOO_SMALL", "Give a larger number.")


def variable_errors(
    document: DocumentNode, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> list[FieldError]:
    """Every variable value that does not fit its declared type."""
    found: list[FieldError] = []
    paths: dict[str, str] | None = None
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        kind: Any = type_from_ast(SCHEMA, definition.type)
        value = given.get(name, Undefined)
        if value is Undefined and definition.default_value is not None:
            continue
        problems: list[tuple[GraphQLError, list[str | int]]] = []
        if value is not Undefined or str(kind).endswith("!"):
            validate_input_value(value, kind, lambda *problem: problems.append(problem))  # noqa: B023
        if problems:
            paths = paths if paths is not None else input_paths(document)[1]
            start = paths.get(name, name)
            found.extend(_described(error.message, _at(start, path)) for error, path in problems)
    return found


def literal_errors(document: DocumentNode, errors: tuple[GraphQLError, ...]) -> list[FieldError]:
    """The same for values written in the document, as far as validation errors are about those."""
    paths = input_paths(document)[0]
    return [
        _described(error.message, path)
        for error in errors
        if (path := _path_of(error, paths)) is not None
    ]


def _path_of(error: GraphQLError, paths: dict[int, str]) -> str | None:
    node = error.nodes[0] if error.nodes else None
    match node:
        case FieldNode():
            return "" if _MISSING_FIELD.search(error.message) else None
        case ArgumentNode():
            unknown = _EXTRA_FIELD.search(error.message)
            return unknown and ""  # those of directives are no input
        case ObjectFieldNode():
            # Its name is what is wrong, and the message has it: the path is that of the object.
            return paths[id(node.value)].rpartition(".")[0]
        case None:
            return None
        case _:
            path = paths.get(id(node))
            return path if isinstance(node, ValueNode) else None


def _at(start: str, path: list[str | int]) -> str:
    for step in path:
        start = joined(start, str(step))
    return start


def _described(message: str, path: str) -> FieldError:
    """graphql-core says the rule only in words; the five kinds of words are told apart here."""
    if missing := _MISSING_FIELD.search(message):
        return FieldError(joined(path, missing[1] or missing[2]), *REQUIRED)
    if extra := _EXTRA_FIELD.search(message):
        return FieldError(joined(path, extra[1] or extra[2]), *UNKNOWN_FIELD)
    if beyond := _BEYOND.search(message):
        return FieldError(path, *(_TOO_SMALL if beyond[1] else _TOO_LARGE))
    if "non-null" in message or "was not provided" in message:
        return FieldError(path, *REQUIRED)
    if "enum" in message.lower():
        return FieldError(path, INVALID_CHOICE, "Give one of the declared values.")
    return FieldError(path, *WRONG_TYPE)
