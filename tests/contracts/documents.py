"""A GraphQL document for every operation of a schema, which takes and selects what it can."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_object_type,
    is_union_type,
)

#: How deep things within things are selected.
_DEEP = 2


def documents_of(schema: GraphQLSchema) -> dict[str, str]:
    """The documents by the places of their operations: ``payOrder``, ``Order.history``."""
    assert schema.query_type
    assert schema.mutation_type
    found = {}
    assert schema.subscription_type
    roots = {
        "query": schema.query_type,
        "mutation": schema.mutation_type,
        "subscription": schema.subscription_type,
    }
    for kind, root in roots.items():
        for name, field in root.fields.items():
            head, call = _call(name, field, "")
            found[name] = f"{kind} {_title(name)}{head} {{ {call}{_selection(field.type)} }}"
    for name, field in schema.query_type.fields.items():
        outer = get_named_type(field.type)
        for inner, nested in _fields(outer):
            if nested.args and not outer.name.endswith("Connection"):
                head, call = _call(name, field, "")
                within, inner_call = _call(inner, nested, "inner")
                heads = ", ".join(part[1:-1] for part in (head, within) if part)
                found[f"{outer.name}.{inner}"] = (
                    f"query {_title(name)}{_title(inner)}{f'({heads})' if heads else ''}"
                    f" {{ {call} {{ {inner_call}{_selection(nested.type)} }} }}"
                )
    return found


def _title(name: str) -> str:
    return f"{name[0].upper()}{name[1:]}"


def _call(name: str, field: GraphQLField, prefix: str) -> tuple[str, str]:
    """The variables that a field takes, and the field that is given them."""
    names = {arg: f"{prefix}{_title(arg) if prefix else arg}" for arg in field.args}
    if not names:
        return "", name
    heads = [f"${names[arg]}: {taken.type}" for arg, taken in field.args.items()]
    given = [f"{arg}: ${variable}" for arg, variable in names.items()]
    return f"({', '.join(heads)})", f"{name}({', '.join(given)})"


def _fields(kind: Any) -> Iterator[tuple[str, GraphQLField]]:
    return iter(kind.fields.items() if is_object_type(kind) else ())


def _selection(kind: Any, depth: int = _DEEP, member: str = "") -> str:
    """What is selected of a type; empty for a leaf.

    Members of a union may have fields of one name and other types, which need names of their own.
    """
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if is_union_type(named):
        parts = [f"... on {one.name}{_selection(one, depth, one.name)}" for one in named.types]
        return f" {{ __typename {' '.join(parts)} }}"
    parts = ["__typename"]
    for name, field in _fields(named):
        needed = any(isinstance(arg.type, GraphQLNonNull) for arg in field.args.values())
        leaf = is_leaf_type(get_named_type(field.type))
        if not needed and (leaf or depth):
            alias = "" if leaf or not member else f"{member}_{name}: "
            parts.append(f"{alias}{name}{_selection(field.type, depth - 1)}")
    return f" {{ {' '.join(parts)} }}"
