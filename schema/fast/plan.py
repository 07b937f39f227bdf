"""Plans: the fields that a document selects, by type, collected once.

graphql-core collects the fields, so merging, fragments, type conditions, `@skip` and `@include`
work as they do there. A plan holds for one choice of what the variables of directives are.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    GraphQLUnionType,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from schema.building.loaders import FieldLoader, loader_of
from schema.fast.arguments import Arguments
from schema.schema import SCHEMA
from services.operation.context import Wanted

#: Fragments of fragments multiply, and each field becomes code. Our clients' largest documents have
#: a tenth of this.
_MOST_FIELDS = 400
_LEAVES = {"ID", "String", "Int", "Boolean", "Money", "DateTime", "Date", "JSON"}


_TYPENAME = GraphQLNonNull(GraphQLString)


class NotCompiled(Exception):
    """The document holds something that only graphql-core runs."""


@dataclass(eq=False, slots=True)
class Field:
    """One key of an answer, and how its value is found."""

    key: str
    type: GraphQLOutputType
    nodes: list[FieldNode]
    #: None where the parent holds the value.
    loader: FieldLoader | None = None
    arguments: Arguments | None = None
    #: Is ``totalCount`` of a list selected?
    counts: bool = False
    #: Where the parent holds the value: its attribute, or a function of the parent.
    attribute: str | None = None
    function: Any = None
    #: The selection for every type that the value may have.
    below: "dict[str, Selection]" = field(default_factory=dict)
    #: The attributes used of the things it finds; None for all. Set by schema/fast/lookahead.py.
    wanted: Wanted | None = None
    #: The keys of those things that are joined: the attribute that holds the key, and its batch.
    joined: tuple[tuple[str, Hashable], ...] = ()
    #: The compiled function of a field with a loader. Set by schema/fast/codegen.py.
    shape: Any = None


@dataclass(eq=False, slots=True)
class Selection:
    """The fields selected of an object type."""

    type: GraphQLObjectType
    fields: list[Field]


@dataclass(eq=False, slots=True)
class Plan:
    """An operation ready to be compiled. ``root`` is a field that has the root fields below it."""

    root: Field
    size: int


class Planner:
    """Makes the plan of an operation for one choice of what the variables of directives are."""

    def __init__(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: VariableValues
    ) -> None:
        if operation.operation is not OperationType.QUERY or operation.directives:
            raise NotCompiled
        self._operation = operation
        self._variables = variables
        self._fragments = {
            node.name.value: FragmentDetails(node)
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._size = 0

    def plan(self) -> Plan:
        """Raises `NotCompiled`."""
        query = SCHEMA.query_type
        assert query
        try:
            collected = collect_fields(
                SCHEMA, self._fragments, self._variables, query, self._operation
            )
            root = Field("", query, [])
            root.below[query.name] = self._selection(query, collected)
        except GraphQLError as error:
            # graphql-core tells the error with its path.
            raise NotCompiled from error
        return Plan(root, self._size)

    def _selection(self, kind: GraphQLObjectType, collected: CollectedFields) -> Selection:
        if collected.new_defer_usages:
            raise NotCompiled
        groups = collected.grouped_field_set
        return Selection(kind, [self._field(kind, key, group) for key, group in groups.items()])

    def _field(self, parent: GraphQLObjectType, key: str, group: list[FieldDetails]) -> Field:
        self._size += 1
        if self._size > _MOST_FIELDS:
            raise NotCompiled
        nodes = [details.node for details in group]
        name = nodes[0].name.value
        if name == "__typename":
            kind = parent.name
            return Field(key, _TYPENAME, nodes, function=lambda _: kind)
        definition = parent.fields.get(name)
        if definition is None:
            raise NotCompiled
        found = Field(key, definition.type, nodes)
        self._find(found, definition, nodes[0])
        for kind in _types_below(definition.type):
            collected = collect_subfields(
                SCHEMA, self._fragments, self._variables, self._operation, kind, group
            )
            found.below[kind.name] = self._selection(kind, collected)
        found.counts = any(
            one.nodes[0].name.value == "totalCount"
            for selection in found.below.values()
            for one in selection.fields
        )
        return found

    def _find(self, found: Field, definition: Any, node: FieldNode) -> None:
        declared = definition.extensions["strawberry-definition"]
        found.loader = loader_of(definition)
        if found.loader is not None:
            # A field with a loader may fail. Non-null, its error would reach above its level.
            if is_non_null_type(definition.type):
                raise NotCompiled
            found.arguments = Arguments(definition, node)
        elif declared.base_resolver is None:
            found.attribute = declared.python_name
        elif declared.is_async or definition.args or declared.base_resolver.info_parameter:
            raise NotCompiled
        else:
            found.function = declared.base_resolver.wrapped_func


def _types_below(kind: GraphQLOutputType) -> Sequence[GraphQLObjectType]:
    """The object types that a value may have; none for scalars and enums."""
    match get_named_type(kind):
        case GraphQLObjectType() as inner:
            return [inner]
        case GraphQLInterfaceType() | GraphQLUnionType() as inner:
            return SCHEMA.get_possible_types(inner)
        case GraphQLEnumType():
            return []
        case inner:
            if inner.name not in _LEAVES:
                raise NotCompiled
            return []
