"""Value errors: values that GraphQL refuses, read once more so that the operation can judge them.

GraphQL compares every value of a document with its type before it runs anything, and tells the
first thing that does not fit. Here each value is read as far as it can be, and what does not fit
is a fault of its field. The operation then refuses its call as it refuses one from REST.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLInt,
    ListValueNode,
    Node,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_input_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
    type_from_ast,
)
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_literal, coerce_input_value

from schema.building.inputs import plain_value
from schema.building.loaders import page_arguments, without_nulls
from schema.building.scalars import json_literal
from schema.executing.mistakes import WRONG_CHOICE, Mistake, unknown_name, wrong_choice
from schema.executing.walk import fields_in, joined
from schema.schema import FIELDS, SCHEMA
from services.catalogue import BY_NAME
from services.errors.base import FieldError
from services.operation.inputs import INVALID_CHOICE, REQUIRED, UNKNOWN_FIELD, WRONG_TYPE
from services.operation.operation import Operation

#: The operations by their places in the schema: ``payOrder``, ``Order.history``.
OPERATIONS: dict[str, Operation[Any, Any]] = {
    place: BY_NAME[name] for name, place in FIELDS.items()
}
_TOO_LARGE = ("TOO_LARGE", "Give a smaller number.")
_TOO_SMALL = ("TOO_SMALL", "Give a larger number.")
_ROOTS = {
    kind.name: ""
    for kind in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    if kind
}
_JSON = SCHEMA.get_type("JSON")
_NO_NODES: Mapping[str, Node] = MappingProxyType({})
#: Reads a value of a type at a path.
_Read = Callable[[Any, Any, str], Any]


@dataclass
class BadCall:
    """A field whose arguments do not fit, its operation if it has one, and what it was given.

    ``raw`` holds the operation's values as far as they could be read, by wire names.
    """

    node: FieldNode
    operation: Operation[Any, Any] | None
    mistakes: list[Mistake]
    raw: dict[str, Any] = field(default_factory=dict)
    key: str | None = None

    @property
    def faults(self) -> list[FieldError]:
        """The bad fields."""
        return [one.error for one in self.mistakes]

    @property
    def response_key(self) -> str:
        """The name of the field in the answer."""
        return (self.node.alias or self.node.name).value


def bad_calls(
    document: DocumentNode, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> list[BadCall]:
    """The fields of an operation whose arguments do not fit, in order; variables are ``given``."""
    root = SCHEMA.get_root_type(operation.operation)
    found: list[BadCall] = []
    for node, within in fields_in(document, operation, root.name if root else "", _returns):
        declared = _field(within, node)
        if declared is None or not (node.arguments or declared.args):
            continue
        values = _Values(operation, given)
        raw = values.arguments(node, declared, within)
        if values.mistakes:
            place = joined(_ROOTS.get(within, within), node.name.value)
            found.append(_bad_call(node, OPERATIONS.get(place), values.mistakes, raw))
    return found


def root_values(
    operation: OperationDefinitionNode, node: FieldNode, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of a root field by wire names, as far as they can be read."""
    root = SCHEMA.get_root_type(operation.operation)
    within = root.name if root else ""
    declared = _field(within, node)
    return _Values(operation, given).arguments(node, declared, within) if declared else {}


def variable_mistakes(
    operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> list[Mistake]:
    """Every variable value that does not fit its declared type, by the variable's name."""
    values = _Values(operation, given)
    for name in values.definitions:
        values.variable(name, None, name)
    return values.mistakes


def _bad_call(
    node: FieldNode, operation: Operation[Any, Any] | None, mistakes: list[Mistake], raw: Any
) -> BadCall:
    key = raw.pop("idempotencyKey", None)
    raw.pop("ifMatch", None)
    if operation is not None and operation.paged:
        raw = page_arguments(raw, counts=False)
    elif operation is not None and not operation.writes and not operation.body:
        raw = without_nulls(raw)
    return BadCall(node, operation, mistakes, raw, None if key is None else str(key))


def _field(within: str, node: FieldNode) -> GraphQLField | None:
    fields: Mapping[str, GraphQLField] = getattr(SCHEMA.get_type(within), "fields", {})
    return fields.get(node.name.value)


def _returns(node: FieldNode, within: str) -> str:
    """The name of the type that a field returns; empty for a field that there is not."""
    declared = _field(within, node)
    return get_named_type(declared.type).name if declared else ""


class _Values:
    """Reads the values of one call, and notes what does not fit."""

    def __init__(self, operation: OperationDefinitionNode, given: Mapping[str, Any]) -> None:
        self.definitions: dict[str, VariableDefinitionNode] = {
            one.variable.name.value: one for one in operation.variable_definitions or ()
        }
        self.mistakes: list[Mistake] = []
        self._given = given
        #: Where the value that is read stands in the document; a variable's, where it is declared.
        self._node: Node | None = None

    def arguments(self, node: FieldNode, declared: GraphQLField, within: str) -> dict[str, Any]:
        """The arguments of a field by their names, what stands in ``input`` among them."""
        given = {one.name.value: one.value for one in node.arguments or ()}
        self._node = node
        kinds = {name: one.type for name, one in declared.args.items()}
        needed = [name for name, one in declared.args.items() if is_required_argument(one)]
        names = {one.name.value: one for one in node.arguments or ()}
        owner = f"on field '{within}.{node.name.value}'"
        made = self._named(given, kinds, needed, "", self._literal, owner, names)
        if "input" not in kinds:
            return made
        body = made.pop("input", None)
        # as in a query string beside a body: what no argument takes is no field of the body
        made = {name: value for name, value in made.items() if name in kinds}
        return {**made, **body} if isinstance(body, dict) else made

    def variable(self, name: str, kind: Any, path: str) -> Any:
        """The value of a variable at a place of type ``kind``; `Undefined` where it has none."""
        definition = self.definitions.get(name)
        if definition is None:
            return Undefined
        self._node = definition
        declared: Any = type_from_ast(SCHEMA, definition.type)
        if not is_input_type(declared):
            return self._given.get(name, Undefined)  # which validation refuses
        if name not in self._given and definition.default_value is not None:
            return self._literal(definition.default_value, declared, path)
        value = self._given.get(name, Undefined)
        if value is None or value is Undefined:
            strict = declared if is_non_null_type(declared) else kind
            return self._missing(strict, path) if is_non_null_type(strict) else value
        return self._value(value, declared, path)

    def _literal(self, node: ValueNode, kind: Any, path: str) -> Any:
        """The value of a literal."""
        if isinstance(node, VariableNode):
            return self.variable(node.name.value, kind, path)
        self._node = node
        if isinstance(node, NullValueNode):
            return self._missing(kind, path) if is_non_null_type(kind) else None
        kind = kind.of_type if is_non_null_type(kind) else kind
        if is_list_type(kind):
            if not isinstance(node, ListValueNode):
                return self._one(node, kind, path, self._literal)
            return self._items(node.values, kind, path, self._literal)
        if is_input_object_type(kind) and isinstance(node, ObjectValueNode):
            given = {one.name.value: one.value for one in node.fields}
            names = {one.name.value: one for one in node.fields}
            return self._object(given, kind, path, self._literal, names)
        if kind is _JSON and isinstance(node, ListValueNode | ObjectValueNode):
            return self._untyped(node)  # coerce_input_literal would want graphql-core's variables
        made = Undefined if is_input_object_type(kind) else coerce_input_literal(node, kind)
        return self._leaf(made, self._untyped(node), kind, path)

    def _value(self, value: Any, kind: Any, path: str) -> Any:
        """The value of a variable, or of something in it."""
        if value is None:
            return self._missing(kind, path) if is_non_null_type(kind) else None
        kind = kind.of_type if is_non_null_type(kind) else kind
        if is_list_type(kind):
            if not isinstance(value, list):
                return self._one(value, kind, path, self._value)
            return self._items(value, kind, path, self._value)
        if is_input_object_type(kind) and isinstance(value, dict):
            return self._object(value, kind, path, self._value)
        made = Undefined if is_input_object_type(kind) else coerce_input_value(value, kind)
        return self._leaf(made, value, kind, path)

    def _one(self, given: Any, kind: Any, path: str, read: _Read) -> Any:
        """A list of one value, where the value fits; else it is no list."""
        before = len(self.mistakes)
        made = read(given, kind.of_type, path)
        if len(self.mistakes) == before:
            return [made]
        del self.mistakes[before:]
        self._note(path, WRONG_TYPE, kind)
        return self._untyped(given)

    def _items(self, given: Sequence[Any], kind: Any, path: str, read: _Read) -> list[Any]:
        return [
            read(one, kind.of_type, joined(path, str(place))) for place, one in enumerate(given)
        ]

    def _object(
        self,
        given: Mapping[str, Any],
        kind: Any,
        path: str,
        read: _Read,
        names: Mapping[str, Node] = _NO_NODES,
    ) -> Any:
        kinds = {name: one.type for name, one in kind.fields.items()}
        needed = [name for name, one in kind.fields.items() if is_required_input_field(one)]
        return self._named(given, kinds, needed, path, read, f"of '{kind.name}'", names)

    def _named(
        self,
        given: Mapping[str, Any],
        kinds: Mapping[str, Any],
        needed: Sequence[str],
        path: str,
        read: _Read,
        owner: str,
        names: Mapping[str, Node],
    ) -> dict[str, Any]:
        """The values of arguments or of an object's fields, by name.

        ``owner`` says whose they are, and ``names`` where they stand in the document.
        """
        made: dict[str, Any] = {}
        around = self._node
        for name, value in given.items():
            if name not in kinds:
                error = FieldError(joined(path, name), *UNKNOWN_FIELD)
                noun = "argument" if owner.startswith("on") else "field"
                text = f"Unknown {noun} '{name}' {owner}."
                hint = unknown_name(name, kinds)
                self.mistakes.append(Mistake(error, names.get(name, around), text, hint))
                made[name] = self._untyped(value)
            else:
                made[name] = read(value, kinds[name], _place(path, name))
            self._node = around
        for name in needed:
            if name not in given:
                made[name] = self._missing(kinds[name], _place(path, name))
        return {name: value for name, value in made.items() if value is not Undefined}

    def _missing(self, kind: Any, path: str) -> Any:
        """Note that a value is missing; of a missing ``input``, every field that it needs."""
        before = len(self.mistakes)
        made = None
        if not path and is_input_object_type(kind.of_type):
            made = self._object({}, kind.of_type, path, self._value)
        if len(self.mistakes) == before:
            self._note(path, REQUIRED, kind)
        return made

    def _leaf(self, made: Any, given: Any, kind: Any, path: str) -> Any:
        """The value that was made of a scalar or enum; the given one where it does not fit."""
        if made is not Undefined:
            return plain_value(made)
        whole = isinstance(given, int) and not isinstance(given, bool)
        far = whole and not GRAPHQL_MIN_INT <= given <= GRAPHQL_MAX_INT
        if is_enum_type(kind):
            error = FieldError(path or "input", INVALID_CHOICE, WRONG_CHOICE)
            text = f"'{error.field}' takes a value of the enum '{kind}'."
            self.mistakes.append(Mistake(error, self._node, text, *wrong_choice(kind, given)))
        elif kind is GraphQLInt and far:
            self._note(path, _TOO_SMALL if given < 0 else _TOO_LARGE, kind)
        else:
            self._note(path, WRONG_TYPE, kind)
        return given

    def _note(self, path: str, rule: tuple[str, str], kind: Any) -> None:
        error = FieldError(path or "input", *rule)
        text = f"'{error.field}': {error.message}"
        if rule is REQUIRED:
            text = f"'{error.field}' of type '{kind}' is required."
        elif rule is WRONG_TYPE:
            text = f"'{error.field}' takes a value of type '{kind}'."
        self.mistakes.append(Mistake(error, self._node, text))

    def _untyped(self, value: Any) -> Any:
        """A value as JSON, whatever its type; a variable's value was JSON from the beginning."""
        if not isinstance(value, ValueNode):
            return value
        if isinstance(value, EnumValueNode):
            return value.value
        try:
            found = json_literal(value, self._given)
        except GraphQLError:
            if not isinstance(value, ListValueNode):
                return None
            return [self._untyped(one) for one in value.values]  # such as a list of enum values
        return None if found is Undefined else found


def _place(path: str, name: str) -> str:
    """The path of something inside; the fields of ``input`` are those of a REST body."""
    return "" if not path and name == "input" else joined(path, name)
