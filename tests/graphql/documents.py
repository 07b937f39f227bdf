"""Valid GraphQL documents, written at random from a seed, that ask for things that exist.

hypothesis-graphql takes 90 ms for a document, too long for thousands of them; it writes some, and
its random ids are put right here.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLUnionType,
    IntValueNode,
    StringValueNode,
    get_named_type,
    is_leaf_type,
    parse,
    print_ast,
    visit,
)
from graphql.language import ArgumentNode, ListValueNode, Visitor

#: Reads a whole chain; it has a test of its own.
_SELDOM = {"verifyAuditLog", "auditHead"}


class Written(NamedTuple):
    """A document and its variables."""

    source: str
    variables: dict[str, Any]


class Writer:
    """Writes documents over a schema. ``ids`` are ids of existing things, by type."""

    def __init__(
        self,
        schema: GraphQLSchema,
        ids: Mapping[str, Sequence[str]],
        samples: Mapping[str, Sequence[Any]],
        seed: int,
    ) -> None:
        self._schema = schema
        self._ids = ids
        self._samples = samples
        self._random = random.Random(seed)

    def document(self) -> Written:
        """A new document."""
        pick = self._random
        self._fragments: list[str] = []
        self._declared: dict[str, tuple[str, Any]] = {}
        self._arguments: dict[tuple[str, str], str] = {}
        self._names = 0
        self._left = pick.choice((2, 4, 6, 12))
        query = self._schema.query_type
        assert query
        roots = [name for name in query.fields if name not in _SELDOM or pick.random() < 0.02]
        fields = [
            self._field(query, name, pick.choice((3, 5, 7)))
            for name in pick.sample(roots, pick.choice((1, 1, 1, 1, 2)))
        ]
        if pick.random() < 0.1:
            fields.append("__typename")
        body = "{ " + " ".join(fields) + " }"
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in self._declared.items())
        head = f"query Q({declared}) " if declared else ""
        given = {name: value for name, (_, value) in self._declared.items() if value is not ...}
        return Written("\n".join([head + body, *self._fragments]), given)

    def _name(self) -> str:
        self._names += 1
        return f"a{self._names}"

    def _selection(self, kind: Any, depth: int, *, apart: bool = False) -> str:
        """A selection from a type. ``apart``: no other type has its keys."""
        pick = self._random
        chosen: list[str] = []
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            possible = self._schema.get_possible_types(kind)
            chosen.append("__typename")
            if isinstance(kind, GraphQLInterfaceType) and pick.random() < 0.5:
                chosen.append("id")
            for one in pick.sample(list(possible), min(len(possible), pick.choice((2, 4, 8)))):
                chosen.append(f"... on {one.name} {self._selection(one, depth, apart=True)}")
            return "{ " + " ".join(chosen) + " }"
        names = list(kind.fields)
        leaves = [name for name in names if is_leaf_type(get_named_type(kind.fields[name].type))]
        deeper = [name for name in names if name not in leaves]
        picked = pick.sample(leaves, min(len(leaves), pick.choice((1, 2, 3, 5))))
        if deeper and depth > 0 and self._left > 0:
            picked += pick.sample(deeper, min(len(deeper), pick.choice((1, 1, 2, 3))))
        if pick.random() < 0.1:
            picked.append("__typename")
        pick.shuffle(picked)
        if not picked:
            picked = ["__typename"]
        for name in picked:
            chosen.append(
                "__typename" if name == "__typename" else self._field(kind, name, depth, apart)
            )
        if chosen and pick.random() < 0.06:
            chosen.append(pick.choice(chosen))  # the same field again, to be merged
        body = "{ " + " ".join(chosen) + " }"
        return self._wrapped(kind, body)

    def _wrapped(self, kind: Any, body: str) -> str:
        """The selection itself, or spreads of fragments that hold it."""
        pick = self._random
        way = pick.random()
        on = kind.name
        if any(one.name == "Node" for one in kind.interfaces) and way < 0.05:
            return f"{{ ... on Node {{ id __typename ... on {on} {body} }} }}"
        if way < 0.12:
            name = f"F{self._name()}"
            self._fragments.append(f"fragment {name} on {on} {body}")
            again = f" ...{name}" if pick.random() < 0.3 else ""
            return f"{{ ...{name}{self._directive()}{again} }}"
        if way < 0.2:
            condition = f" on {on}" if pick.random() < 0.5 else ""
            return f"{{ __typename ...{condition}{self._directive()} {body} }}"
        return body

    def _directive(self) -> str:
        pick = self._random
        if pick.random() > 0.2:
            return ""
        name = pick.choice(("skip", "include"))
        way = pick.random()
        if way < 0.3:
            return f" @{name}(if: {pick.choice(('true', 'false'))})"
        variable = pick.choice(("yes", "no", "maybe"))
        kinds = {"yes": ("Boolean!", True), "no": ("Boolean!", False)}
        self._declared[variable] = kinds.get(variable, ("Boolean = true", ...))
        return f" @{name}(if: ${variable})"

    def _field(self, kind: Any, name: str, depth: int, apart: bool = False) -> str:
        pick = self._random
        field = kind.fields[name]
        self._left -= 1
        alias = ""
        if apart or pick.random() < 0.2:
            alias, arguments = f"{self._name()}: ", self._given(kind.name, name, field)
        else:
            place = kind.name, name
            if place not in self._arguments:
                self._arguments[place] = self._given(kind.name, name, field)
            arguments = self._arguments[place]
        inner = get_named_type(field.type)
        below = "" if is_leaf_type(inner) else " " + self._selection(inner, depth - 1)
        return f"{alias}{name}{arguments}{self._directive()}{below}"

    def _given(self, kind: str, name: str, field: GraphQLField) -> str:
        pick = self._random
        given: dict[str, str] = {}
        paged = "perPage" in field.args
        way = pick.random()
        if paged and way < 0.35:
            given["first"] = self._value("first", field.args["first"], pick.choice((1, 2, 3, 5)))
        elif paged and way < 0.45:
            given["last"] = self._value("last", field.args["last"], pick.choice((1, 2, 4)))
        elif paged and way < 0.55:
            given["page"] = self._value("page", field.args["page"], pick.choice((1, 2)))
            given["perPage"] = "2"
        elif paged and way < 0.58:
            given["after"] = '"not-a-cursor"'
        for one, argument in field.args.items():
            required = isinstance(argument.type, GraphQLNonNull)
            if one in given or one in ("first", "last", "page", "perPage", "after", "before"):
                continue
            if required or pick.random() < 0.15:
                given[one] = self._value(one, argument, self._sample(kind, name, one, argument))
        if not given:
            return ""
        return "(" + ", ".join(f"{one}: {value}" for one, value in given.items()) + ")"

    def _sample(self, kind: str, name: str, argument: str, declared: GraphQLArgument) -> Any:
        pick = self._random
        if argument in ("id", "ids") or argument.endswith("Id"):
            wanted = name[:1].upper() + name[1:]
            ids = self._ids.get(wanted) or [one for ids in self._ids.values() for one in ids]
            if argument == "categoryId":
                ids = self._ids["Category"]
            elif argument == "ids":
                return [pick.choice(ids) for _ in range(pick.choice((0, 1, 3, 6)))] + ["nobody"]
            return pick.choice(ids) if pick.random() < 0.92 else "nobody"
        if argument in self._samples:
            return pick.choice(list(self._samples[argument]))
        inner = get_named_type(declared.type)
        if isinstance(inner, GraphQLEnumType):
            return pick.choice(list(inner.values))
        if isinstance(inner, GraphQLInputObjectType):
            return pick.choice(list(self._samples[inner.name]))
        plain = {"Boolean": True, "Int": 2, "Money": "5.00", "DateTime": "2026-01-01T00:00:00Z"}
        plain |= {"Date": "2027-01-31"}
        return plain.get(inner.name, "lamp")

    def _value(self, name: str, argument: GraphQLArgument, value: Any) -> str:
        """A literal, or a variable that has the value; sometimes null or absent."""
        pick = self._random
        required = isinstance(argument.type, GraphQLNonNull)
        if pick.random() < 0.3:
            variable = self._name()
            kind = str(argument.type)
            if not required and pick.random() < 0.15:
                value = pick.choice((None, ...))
            elif pick.random() < 0.15:
                kind = f"{kind.rstrip('!')} = {_literal(argument.type, value)}"
                value = pick.choice((..., value))
            self._declared[variable] = (kind, value)
            return f"${variable}"
        if not required and pick.random() < 0.03:
            return "null"
        return _literal(argument.type, value)


def _literal(kind: Any, value: Any) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _literal(kind.of_type, value)
    if isinstance(kind, GraphQLList) and isinstance(value, list):
        return "[" + ", ".join(_literal(kind.of_type, item) for item in value) + "]"
    if isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
        items = (f"{name}: {_literal(kind.fields[name].type, one)}" for name, one in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(kind, GraphQLEnumType):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else '"' + str(value) + '"'


class _Put(Visitor):
    def __init__(self, ids: Mapping[str, Sequence[str]], seed: int) -> None:
        super().__init__()
        self._all = [one for ids in ids.values() for one in ids]
        self._random = random.Random(seed)

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Any:
        """Replace random ids by real ones, and random sizes by possible ones."""
        name = node.name.value
        pick = self._random.choice
        if name == "id":
            value: Any = StringValueNode(value=pick(self._all), block=False)
        elif name == "ids":
            chosen = [StringValueNode(value=pick(self._all), block=False) for _ in range(4)]
            value = ListValueNode(values=tuple(chosen))
        elif name in ("first", "last", "perPage") and isinstance(node.value, IntValueNode):
            value = IntValueNode(value="3")
        else:
            return None
        return ArgumentNode(name=node.name, value=value)


def with_real_ids(source: str, ids: Mapping[str, Sequence[str]], seed: int) -> str:
    """A document of hypothesis-graphql that asks for existing things."""
    return print_ast(visit(parse(source), _Put(ids, seed)))
