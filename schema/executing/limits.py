"""Limits: how large a document may be, measured in one pass that enters each fragment once.

`Walk` is the pass. `Shapes` measures with it what can be told without the schema, before
validation; `Costs` adds up what running a valid document takes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.pyutils import Undefined

from schema.schema import FIELDS, SCHEMA
from services.catalogue import BY_NAME
from services.errors.common import QueryTooComplex
from services.quota.costs import LARGEST_PAGE, SIZES, page_rows, units
from services.settings import Settings

#: Fragments of fragments multiply: what reaches this number is not counted any further.
ENDLESS = 10**9
#: Levels below ``__schema`` in the introspection query that GraphiQL and other tools send.
_STOCK_INTROSPECTION = 14

Total = TypeVar("Total")


class _Open(Generic[Total]):
    """A selection set being added up, the type it selects from, and the node that holds it."""

    __slots__ = ("node", "rest", "total", "within")

    def __init__(
        self, node: SelectionNode | None, selected: SelectionSetNode, within: str, total: Total
    ) -> None:
        self.node = node
        self.rest: Iterator[SelectionNode] = iter(selected.selections)
        self.within = within
        self.total = total


class Walk(ABC, Generic[Total]):
    """Adds up a document from its leaves; a fragment is entered once, however often it is spread.

    So the work (``visits``, in nodes) is linear in the document, where following every spread
    doubles it at each level. Nothing recurses: fragments may nest deeper than Python may.
    """

    #: What a field without selections starts from.
    nothing: Total

    def __init__(self, document: DocumentNode) -> None:
        self.visits = 0
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Total] = {}

    @abstractmethod
    def plus(self, one: Total, other: Total) -> Total:
        """Two selections side by side."""

    @abstractmethod
    def around(self, node: SelectionNode, within: str, inner: Total) -> Total:
        """A selection from the type ``within``, around what its own selections add up to."""

    def returns(self, node: FieldNode, within: str) -> str:
        """The name of the type that a field of the type ``within`` returns."""
        return ""

    def total(self, selected: SelectionSetNode, within: str = "") -> Total:
        """What a selection set adds up to."""
        opened = [_Open(None, selected, within, self.nothing)]
        while True:
            current = opened[-1]
            node = next(current.rest, None)
            if node is not None:
                self.visits += 1
                inside = self._open(node, current.within)
                if inside is not None:
                    opened.append(inside)
                    continue
                done = self.around(node, current.within, self._inner(node))
            else:
                opened.pop()
                if current.node is None:
                    return current.total
                if isinstance(current.node, FragmentSpreadNode):
                    self._known[current.node.name.value] = current.total
                done = self.around(current.node, opened[-1].within, current.total)
            if done is not self.nothing:  # most fields cost nothing
                opened[-1].total = self.plus(opened[-1].total, done)

    def _open(self, node: SelectionNode, within: str) -> _Open[Total] | None:
        """The selections inside a node, where they are not known yet."""
        match node:
            case FieldNode(selection_set=SelectionSetNode() as selected):
                return _Open(node, selected, self.returns(node, within), self.nothing)
            case InlineFragmentNode(selection_set=selected, type_condition=condition):
                within = condition.name.value if condition else within
                return _Open(node, selected, within, self.nothing)
            case FragmentSpreadNode(name=name) if name.value not in self._known:
                fragment = self._fragments.get(name.value)
                # Until it is known it adds nothing: a cycle ends here, and validation refuses it.
                self._known[name.value] = self.nothing
                if fragment is not None:
                    within = fragment.type_condition.name.value
                    return _Open(node, fragment.selection_set, within, self.nothing)
        return None

    def _inner(self, node: SelectionNode) -> Total:
        if isinstance(node, FragmentSpreadNode):
            return self._known[node.name.value]
        return self.nothing


class Shape(NamedTuple):
    """How a selection set looks, with every fragment written out where it is spread.

    ``depth`` is in fields, ``nesting`` in braces; ``fields`` are those of the outermost level.
    """

    depth: int = 0
    nesting: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0


class Shapes(Walk[Shape]):
    """Measures shapes; the document need not be valid."""

    nothing = Shape(nesting=1)

    def plus(self, one: Shape, other: Shape) -> Shape:
        """Two selections side by side."""
        return Shape(
            max(one.depth, other.depth),
            max(one.nesting, other.nesting),
            min(one.fields + other.fields, ENDLESS),
            min(one.aliases + other.aliases, ENDLESS),
            min(one.directives + other.directives, ENDLESS),
        )

    def around(self, node: SelectionNode, within: str, inner: Shape) -> Shape:
        """A selection around the shape inside it."""
        directives = inner.directives + len(node.directives or ())
        nesting = inner.nesting + 1
        if not isinstance(node, FieldNode):
            return inner._replace(directives=directives, nesting=nesting)
        if node.selection_set is None:
            nesting = 1
        depth = inner.depth + 1
        if node.name.value in ("__schema", "__type") and inner.depth <= _STOCK_INTROSPECTION:
            # What tools send stays possible under any limit; what goes deeper counts in full.
            depth = 1
        return Shape(depth, nesting, 1, inner.aliases + (node.alias is not None), directives)


class Limits(NamedTuple):
    """The most that a document may have."""

    depth: int
    root_fields: int
    aliases: int
    directives: int
    tokens: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits of the settings."""
        return cls(
            settings.graphql_depth,
            settings.graphql_root_fields,
            settings.graphql_aliases,
            settings.graphql_directives,
            settings.graphql_tokens,
        )


def shape_error(document: DocumentNode, limits: Limits) -> QueryTooComplex | None:
    """The first limit that one of the document's operations goes beyond."""
    shapes = Shapes(document)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        shape = shapes.total(definition.selection_set)
        for limit, most, found in (
            # The rules of validation recurse, and graphql-core lets them no deeper.
            ("nesting", MAX_NESTING_DEPTH, shape.nesting),
            ("depth", limits.depth, shape.depth),
            ("rootFields", limits.root_fields, shape.fields),
            ("aliases", limits.aliases, shape.aliases),
            ("directives", limits.directives, shape.directives),
        ):
            if found > most:
                return beyond(limit, most, found)
    return None


_WORDS = {
    "characters": "characters",
    "tokens": "tokens",
    "nesting": "levels of braces",
    "depth": "levels of fields",
    "rootFields": "root fields",
    "aliases": "aliases, those of fragments counted wherever they are spread",
    "directives": "directives, those of fragments counted wherever they are spread",
    "validation": "steps of comparing fields and following fragments",
    "cost": "units of cost",
}


def beyond(limit: str, most: int, found: int | None = None) -> QueryTooComplex:
    """The refusal of a document beyond a limit; ``found`` is left out where nobody counted on."""
    details: dict[str, Any] = {"limit": limit, "value": most}
    if found is not None and found < ENDLESS:
        details["found"] = found
    has = details.get("found", "more")
    detail = f"A document may take {most} {_WORDS[limit]}; this one takes {has}."
    return QueryTooComplex(detail, details=details)


class Cost(NamedTuple):
    """What running takes: the costs of operations, and the rows they may read."""

    cost: int = 0
    rows: int = 0


class _Place(NamedTuple):
    """What a field of the schema returns (a type's name) and takes; ``sized_by`` when a list."""

    returns: str
    cost: int
    sized_by: tuple[str, ...] = ()


#: Root fields that are no operation. Relations take nothing: they are read with their parents.
_NO_OPERATIONS = {
    "node": _Place("Node", 1),
    "nodes": _Place("Node", 1, ("ids",)),
    "__schema": _Place("", 1),
    "__type": _Place("", 1),
}


def _places() -> dict[tuple[str, str], _Place]:
    """Every field of the schema, by its type's name and its own."""
    operations = {place: BY_NAME[name] for name, place in FIELDS.items()}
    roots = (SCHEMA.query_type, SCHEMA.mutation_type)
    found: dict[tuple[str, str], _Place] = {}
    for kind in SCHEMA.type_map.values():
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for name, field in kind.fields.items():
            op = operations.get(name if kind in roots else f"{kind.name}.{name}")
            sized_by = SIZES if op and op.paged else ()
            returns = get_named_type(field.type).name
            found[kind.name, name] = _Place(returns, op.cost if op else 0, sized_by)
    return found | {("Query", name): place for name, place in _NO_OPERATIONS.items()}


_PLACES = _places()


class Costs(Walk[Cost]):
    """Adds up costs for one request: page sizes may be variables. The document must be valid.

    ``@skip`` and ``@include`` are not looked at, so it is the most that it can come to.
    """

    nothing = Cost()

    def __init__(
        self, document: DocumentNode, variables: Mapping[str, Any], page_size: int
    ) -> None:
        super().__init__(document)
        self._variables = dict(variables)
        self._page_size = page_size

    def plus(self, one: Cost, other: Cost) -> Cost:
        """Two selections side by side."""
        return Cost(min(one.cost + other.cost, ENDLESS), min(one.rows + other.rows, ENDLESS))

    def around(self, node: SelectionNode, within: str, inner: Cost) -> Cost:
        """A field, and the rows below it as often as it has rows itself."""
        if not isinstance(node, FieldNode):
            return inner
        place = _PLACES.get((within, node.name.value))
        if place is None or not (place.cost or place.sized_by):
            return inner
        if not place.sized_by:
            return Cost(inner.cost + place.cost, inner.rows)
        rows = self._rows(node, place.sized_by)
        return Cost(inner.cost + place.cost, min(rows * (1 + inner.rows), ENDLESS))

    def returns(self, node: FieldNode, within: str) -> str:
        """The name of the type that a field returns; empty for what costs nothing inside."""
        place = _PLACES.get((within, node.name.value))
        return place.returns if place else ""

    def _rows(self, node: FieldNode, sized_by: tuple[str, ...]) -> int:
        given = {
            argument.name.value: value_from_ast_untyped(argument.value, self._variables)
            for argument in node.arguments or ()
            if argument.name.value in sized_by
        }
        given = {name: value for name, value in given.items() if value is not Undefined}
        if sized_by is SIZES:
            return page_rows(given, self._page_size)
        ids = given.get("ids")
        return min(len(ids), LARGEST_PAGE) if isinstance(ids, list) else 1


def cost_of(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    settings: Settings,
) -> int:
    """The units that an operation of a valid document takes at the most with these variables."""
    defaults = {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    costs = Costs(document, {**defaults, **variables}, settings.page_size)
    root = SCHEMA.get_root_type(operation.operation)
    found = costs.total(operation.selection_set, root.name if root else "")
    return min(units(found.cost, found.rows), ENDLESS)
