"""Variables and arguments as graphql-core coerces them, with a short way for the usual ones."""

from collections.abc import Mapping
from enum import Enum
from functools import cached_property
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    Node,
    OperationDefinitionNode,
    VariableNode,
    get_argument_values,
    get_variable_values,
    is_non_null_type,
    type_from_ast,
)
from graphql.execution.values import VariableValues

from schema.schema import SCHEMA

_LARGEST = 2**31 - 1
#: Values of exactly this type pass unchanged where the variable is of this GraphQL type.
_PLAIN = {"String": str, "ID": str, "Boolean": bool, "Int": int}


class Declared:
    """The variables that an operation declares."""

    def __init__(self, operation: OperationDefinitionNode) -> None:
        self.definitions = tuple(operation.variable_definitions or ())
        #: None where a variable is of another type than plain ones, or has a default.
        self._plain: list[tuple[str, type, bool]] | None = []
        for definition in self.definitions:
            kind: Any = type_from_ast(SCHEMA, definition.type)
            required = is_non_null_type(kind)
            plain = _PLAIN.get(str(kind.of_type if required else kind))
            if plain is None or definition.default_value is not None:
                self._plain = None
                return
            self._plain.append((definition.variable.name.value, plain, required))

    def plain(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The coerced values where all are plain ones that fit; None says nothing.

        Saves graphql-core's coercion and our look for bad values: 1 µs a variable instead of 20.
        """
        if self._plain is None:
            return None
        coerced: dict[str, Any] = {}
        for name, kind, required in self._plain:
            if name not in given:
                if required:
                    return None
                continue
            value = given[name]
            if value is None:
                if required:
                    return None
            elif value.__class__ is not kind or (kind is int and not -_LARGEST <= value < _LARGEST):
                return None
            coerced[name] = value
        return coerced


class Variables:
    """The variables of one request, coerced."""

    def __init__(self, declared: Declared, given: Mapping[str, Any]) -> None:
        """Raises `GraphQLError` where one does not fit."""
        self._declared = declared
        self._given = given
        plain = declared.plain(given)
        self.coerced: Mapping[str, Any] = self.whole.coerced if plain is None else plain

    @cached_property
    def whole(self) -> VariableValues:
        """What graphql-core makes of them."""
        values = get_variable_values(SCHEMA, self._declared.definitions, dict(self._given))
        if isinstance(values, list):
            raise values[0]
        return values


class Arguments:
    """The arguments of one field of a document."""

    def __init__(self, field: GraphQLField, node: FieldNode) -> None:
        """Raises `GraphQLError` for constants that do not fit."""
        self._field = field
        self._node = node
        self._constant: dict[str, Any] | None = None
        #: Argument, and the variable that is all of its value.
        self._passed: list[tuple[str, str, bool]] | None = []
        arguments = node.arguments or ()
        if not _variables_in(arguments):
            self._constant = _raw(get_argument_values(field, node))
            return
        constants = [one for one in arguments if not isinstance(one.value, VariableNode)]
        if _variables_in(constants) or "input" in field.args:
            self._passed = None
            return
        for argument in arguments:
            if isinstance(argument.value, VariableNode):
                name = argument.name.value
                required = is_non_null_type(field.args[name].type)
                self._passed.append((name, argument.value.name.value, required))
        bare = FieldNode(name=node.name, arguments=tuple(constants))
        others = {one.name.value for one in constants}
        given = {name: arg for name, arg in field.args.items() if name in others}
        self._given = _raw(get_argument_values(GraphQLField(field.type, given), bare))

    def given(self, variables: Variables) -> dict[str, Any]:
        """The caller's arguments by wire names, as `schema.building.inputs.raw` gives them.

        Raises `GraphQLError` for a variable that is null where none may be.
        """
        if self._constant is not None:
            return dict(self._constant)
        if self._passed is None:
            return _raw(get_argument_values(self._field, self._node, variables.whole))
        found = dict(self._given)
        for name, variable, required in self._passed:
            value = variables.coerced.get(variable, _ABSENT)
            if required and (value is None or value is _ABSENT):
                # graphql-core knows best what to say.
                return _raw(get_argument_values(self._field, self._node, variables.whole))
            if value is not _ABSENT:
                found[name] = _plain(value)
        return found


_ABSENT = object()


def _variables_in(nodes: Any) -> bool:
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, VariableNode):
            return True
        for key in node.keys:
            inside = getattr(node, key, None)
            if isinstance(inside, Node):
                pending.append(inside)
            elif isinstance(inside, tuple | list):
                pending.extend(inside)
    return False


def _raw(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: _plain(value) for name, value in values.items()}
    plain.update(plain.pop("input", None) or {})
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
