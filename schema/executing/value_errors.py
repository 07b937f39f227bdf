"""Value errors: values that GraphQL itself refuses, told in the words of the services."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    ObjectFieldNode,
    OperationDefinitionNode,
    VariableNode,
    is_non_null_type,
    type_from_ast,
)
from graphql.pyutils import Undefined
from graphql.utilities import validate_input_value

from schema.executing.walk import joined, values_in
from schema.schema import SCHEMA
from services.errors.base import FieldError
from services.operation.inputs import INVALID_CHOICE, REQUIRED, UNKNOWN_FIELD, WRONG_TYPE

_MISSING_FIELD = re.compile(r"required field '(\w+)'|Argument '[\w.]+\((\w+):\)' .* not provided")
_EXTRA_FIELD = re.compile(r"unknown field '(\w+)'|Unknown argument '(\w+)' on field")

#: GraphQL's integers have 32 bits. A value within them is refused by the field's own limit.
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
        if value is not Undefined or is_non_null_type(kind):
            validate_input_value(value, kind, lambda *problem: problems.append(problem))  # noqa: B023
        if problems:
            paths = _variable_paths(document) if paths is None else paths
            start = paths.get(name, name)
            found.extend(_described(error.message, _at(start, path)) for error, path in problems)
    return found


def literal_errors(document: DocumentNode, errors: Sequence[GraphQLError]) -> list[FieldError]:
    """Every error of a literal value, told by its field; other validation errors are left out."""
    paths = {id(value.node): value.path for value in values_in(document)}
    return [
        _described(error.message, path)
        for error in errors
        if (path := _path_of(error, paths)) is not None
    ]


def _variable_paths(document: DocumentNode) -> dict[str, str]:
    """The path of each variable, by name; one of them where it is used several times."""
    paths: dict[str, str] = {}
    for value in values_in(document):
        if isinstance(value.node, VariableNode):
            paths.setdefault(value.node.name.value, value.path)
    return paths


def _path_of(error: GraphQLError, paths: dict[int, str]) -> str | None:
    """The path of the input that an error is about; None where it is about something else."""
    node = error.nodes[0] if error.nodes else None
    match node:
        case FieldNode():
            return "" if _MISSING_FIELD.search(error.message) else None
        case ArgumentNode():
            # An unknown argument of a directive is no input, and has another message.
            return "" if _EXTRA_FIELD.search(error.message) else None
        case ObjectFieldNode():
            # The message names the unknown field, so the path is that of the object around it.
            path = paths.get(id(node.value))
            return path and path.rpartition(".")[0]
        case None:
            return None
        case _:
            return paths.get(id(node))


def _at(start: str, path: list[str | int]) -> str:
    for step in path:
        start = joined(start, str(step))
    return start


def _described(message: str, path: str) -> FieldError:
    """The error of a field. graphql-core names the broken rule only in its message."""
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
