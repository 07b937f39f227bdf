"""Limits: how large a document may be, and how much it may cost.

`Shapes` measures a document without the schema, before validation. `Costs` adds up the cost of
running a valid document. Both are walks that enter each fragment once.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    OperationDefinitionNode,
    SelectionNode,
    get_named_type,
    value_from_ast_untyped,
)
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.pyutils import Undefined

from schema.building.loaders import loader_of
from schema.executing.walk import Walk
from schema.schema import FIELDS, SCHEMA
from services.catalogue import BY_NAME
from services.errors.common import QueryTooComplex
from services.quota.costs import LARGEST_PAGE, SIZES, page_rows, units
from services.settings.settings import Settings

#: Fragments of fragments multiply. No count goes beyond this number.
ENDLESS = 10**9
#: Levels below ``__schema`` in the introspection query that GraphiQL and other tools send.
_STOCK_INTROSPECTION = 14


class Shape(NamedTuple):
    """The size of a selection set in which every spread is replaced by its fragment.

    ``depth`` counts fields, ``nesting`` counts braces, ``fields`` counts the outermost level.
    """

    depth: int = 0
    nesting: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0


class Shapes(Walk[Shape]):
    """Measures the shape of selection sets; the document need not be valid."""

    nothing = Shape(nesting=1)

    def plus(self, one: Shape, other: Shape) -> Shape:
        """The total of two selections side by side."""
        return Shape(
            max(one.depth, other.depth),
            max(one.nesting, other.nesting),
            min(one.fields + other.fields, ENDLESS),
            min(one.aliases + other.aliases, ENDLESS),
            min(one.directives + other.directives, ENDLESS),
        )

    def around(self, node: SelectionNode, within: str, inner: Shape) -> Shape:
        """The shape of a selection around its own selections."""
        directives = inner.directives + len(node.directives or ())
        nesting = inner.nesting + 1
        if not isinstance(node, FieldNode):
            return inner._replace(directives=directives, nesting=nesting)
        if node.selection_set is None:
            nesting = 1
        depth = inner.depth + 1
        if node.name.value in ("__schema", "__type") and inner.depth <= _STOCK_INTROSPECTION:
            # Tools must be able to introspect under any limit. A deeper query counts in full.
            depth = 1
        return Shape(depth, nesting, 1, inner.aliases + (node.alias is not None), directives)


class Limits(NamedTuple):
    """The limits of a document before it is validated."""

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
    """The refusal for the first limit that an operation of the document exceeds, or None."""
    shapes = Shapes(document)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        shape = shapes.total(definition.selection_set)
        for limit, most, found in (
            # graphql-core's validation rules recurse, and refuse to go deeper.
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
    """The refusal of a document that exceeds a limit. ``found`` is None where counting stopped."""
    details: dict[str, Any] = {"limit": limit, "value": most}
    if found is not None and found < ENDLESS:
        details["found"] = found
    has = details.get("found", "more")
    detail = f"A document may take {most} {_WORDS[limit]}; this one takes {has}."
    return QueryTooComplex(detail, details=details)


class Cost(NamedTuple):
    """The cost of a selection: its operations' costs, and the rows they may read."""

    cost: int = 0
    rows: int = 0


class _Place(NamedTuple):
    """A field of the schema: its type's name, its cost, and what sizes a list.

    Arguments size it, or the most rows that it has.
    """

    returns: str
    cost: int
    sized_by: tuple[str, ...] = ()
    rows: int = 0


#: Root fields that are no operation. Relations cost nothing but the rows of a list: they are read
#: with their parents.
_NO_OPERATIONS = {
    "node": _Place("Node", 1),
    "nodes": _Place("Node", 1, ("ids",)),
    "__schema": _Place("", 1),
    "__type": _Place("", 1),
}


def _places() -> dict[tuple[str, str], _Place]:
    """Every field of the schema, by its type's name and its own."""
    operations = {place: BY_NAME[name] for name, place in FIELDS.items()}
    roots = (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    found: dict[tuple[str, str], _Place] = {}
    for kind in SCHEMA.type_map.values():
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for name, field in kind.fields.items():
            op = operations.get(name if kind in roots else f"{kind.name}.{name}")
            sized_by = SIZES if op and op.paged else ()
            returns = get_named_type(field.type).name
            # Introspection's own fields are no Strawberry's.
            relates = kind not in roots and not kind.name.startswith("__")
            rows = getattr(loader_of(field), "rows", 0) if relates else 0
            found[kind.name, name] = _Place(returns, op.cost if op else 0, sized_by, rows)
    return found | {("Query", name): place for name, place in _NO_OPERATIONS.items()}


_PLACES = _places()


class Costs(Walk[Cost]):
    """Adds up the costs of a valid document for one request: page sizes may be variables.

    The total is an upper bound, because ``@skip`` and ``@include`` are ignored.
    """

    nothing = Cost()

    def __init__(
        self, document: DocumentNode, variables: Mapping[str, Any], page_size: int
    ) -> None:
        super().__init__(document)
        self._variables = dict(variables)
        self._page_size = page_size

    def plus(self, one: Cost, other: Cost) -> Cost:
        """The total of two selections side by side."""
        return Cost(min(one.cost + other.cost, ENDLESS), min(one.rows + other.rows, ENDLESS))

    def around(self, node: SelectionNode, within: str, inner: Cost) -> Cost:
        """The cost of a field: the rows below it count once for each of its own rows."""
        if not isinstance(node, FieldNode):
            return inner
        place = _PLACES.get((within, node.name.value))
        if place is None or not (place.cost or place.sized_by or place.rows):
            return inner
        if place.rows:
            return Cost(inner.cost, min(place.rows * (1 + inner.rows), ENDLESS))
        if not place.sized_by:
            return Cost(inner.cost + place.cost, inner.rows)
        rows = self._rows(node, place.sized_by)
        return Cost(inner.cost + place.cost, min(rows * (1 + inner.rows), ENDLESS))

    def returns(self, node: FieldNode, within: str) -> str:
        """The name of the type that a field returns; empty where nothing inside costs anything."""
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
    """The highest cost in units of an operation of a valid document with these variables."""
    defaults = {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    costs = Costs(document, {**defaults, **variables}, settings.page_size)
    root = SCHEMA.get_root_type(operation.operation)
    found = costs.total(operation.selection_set, root.name if root else "")
    return min(units(found.cost, found.rows), ENDLESS)
