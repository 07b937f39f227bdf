"""Plans: what a document selects, field by field and type by type, found out once.

graphql-core itself collects the fields, so that merging, fragments, type conditions, `@skip` and
`@include` are what they are there. A plan holds for one choice of what the variables of directives
are.
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

from schema.building.reads import FieldLoader, loader_of
from schema.fast.arguments import Arguments
from schema.schema import SCHEMA
from services.operation.context import Wanted

#: A small document may spread fragments of fragments: their fields multiply, and each is code.
#: The largest of our clients' documents have a tenth of it.
_MOST_FIELDS = 400
_LEAVES = {"ID", "String", "Int", "Boolean", "Money", "DateTime", "JSON"}


_TYPENAME = GraphQLNonNull(GraphQLString)


class NotCompiled(Exception):
    """The document has something that only graphql-core runs."""


@dataclass(eq=False, slots=True)
class Field:
    """One key of an answer: where it stands and how its value is found."""

    key: str
    type: GraphQLOutputType
    nodes: list[FieldNode]
    #: How it is read; None for what the parent holds.
    loader: FieldLoader | None = None
    arguments: Arguments | None = None
    #: Is the total of a list asked for?
    counts: bool = False
    #: The parent's attribute, or a function of the parent, that has the value.
    attribute: str | None = None
    function: Any = None
    #: What is selected of the value, for every type that it may have.
    below: "dict[str, Selection]" = field(default_factory=dict)
    #: What is wanted of the things it finds; None is all of them. See schema/fast/lookahead.py.
    wanted: Wanted | None = None
    #: What may come with those things: the field that holds a key, and whose batch that is of.
    brought: tuple[tuple[str, Hashable], ...] = ()
    #: The compiled function of a field with a door; see schema/fast/codegen.py.
    shape: Any = None


@dataclass(eq=False, slots=True)
class Selection:
    """What is selected of an object type."""

    type: GraphQLObjectType
    fields: list[Field]


@dataclass(eq=False, slots=True)
class Plan:
    """A document's operation, ready to be compiled: its root is a field of no parent."""

    root: Field
    size: int


class Planner:
    """Makes the plan of an operation for one choice of what directives ask."""

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
            # It is told where the field stands: by graphql-core.
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
            # What is read apart may fail alone, or errors would reach beyond their level.
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
    """The object types that a value may have; none for what selects nothing."""
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
