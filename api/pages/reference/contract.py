"""Reads an operation from both contracts: its arguments, and the fields of its answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from graphql import (
    GraphQLField,
    Undefined,
    get_named_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
)

from schema.schema import FIELDS, SCHEMA

_COMMITTED = Path(__file__).parents[2] / "openapi-v2.json"
#: How deep objects within objects are shown.
_DEEP = 2
#: Words for the formats of the contract.
_FORMATS = {"uuid": "id", "date-time": "time", "decimal": "money", "date": "date", "uri": "address"}
#: An argument of every operation, which says nothing of any.
_EVERYWHERE = "X-Request-Id"


@dataclass(frozen=True)
class Entry:
    """An argument or a field, as each face knows it; a face that lacks it has None."""

    name: str
    description: str
    #: REST: the type in words, and where it stands: path, query, header or body.
    rest: str | None = None
    place: str | None = None
    #: GraphQL: the path of names from the field on, and the type.
    graphql: str | None = None
    graphql_type: str | None = None
    required: bool = False
    choices: tuple[str, ...] = ()
    default: str | None = None
    within: tuple["Entry", ...] = ()


def arguments_of(operation: str, method: str, path: str) -> list[Entry]:
    """The arguments of an operation on both faces, required ones first."""
    rest = {_common_name(one.name): one for one in _rest_arguments(method, path)}
    graphql = {_common_name(one.name): one for one in _graphql_arguments(field_of(operation))}
    both = [_joined(one, graphql.get(name)) for name, one in rest.items()]
    both += [one for name, one in graphql.items() if name not in rest]
    return sorted(both, key=lambda one: not one.required)


def answer_of(operation: str, method: str, path: str) -> tuple[str, list[Entry]]:
    """The description of an operation's answer, and its fields on both faces.

    The fields of a page are those of one of its items, and of a stream those of what it tells. An
    answer without fields has none.
    """
    said = _operation(method, path)
    [(_, success)] = [one for one in said["responses"].items() if one[0].startswith("2")]
    medias = success.get("content", {})
    content = medias.get("application/json")
    schema = _resolved(content["schema"]) if content else {}
    if "text/event-stream" in medias:
        told = get_named_type(field_of(operation).type).name
        schema = _resolved({"$ref": f"#/components/schemas/{told}"})
    items = schema.get("properties", {}).get("items")
    if items is not None and "pageInfo" in schema["properties"]:
        schema = _resolved(items["items"])
    rest = {one.name: one for one in _properties(schema, "body", _DEEP)}
    graphql = {one.name: one for one in _graphql_fields(field_of(operation))}
    if not rest:
        graphql = {name: one for name, one in graphql.items() if name == "ok"}
    both = [_joined(one, graphql.get(name)) for name, one in rest.items()]
    both += [one for name, one in graphql.items() if name not in rest]
    return success["description"], [replace(one, required=False) for one in both]


def field_of(operation: str) -> GraphQLField:
    """The GraphQL field of an operation."""
    holder, _, name = FIELDS[operation].rpartition(".")
    if holder:
        return SCHEMA.type_map[holder].fields[name]  # type: ignore[attr-defined]
    for root in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type):
        if root and name in root.fields:
            return root.fields[name]
    raise KeyError(operation)


def description_of(method: str, path: str) -> str:
    """The description of an operation, without its first sentence, which is the summary."""
    _, _, more = _operation(method, path)["description"].partition("\n\n")
    return more


@cache
def _document() -> dict[str, Any]:
    return msgspec.json.decode(_COMMITTED.read_bytes())


def _operation(method: str, path: str) -> dict[str, Any]:
    return _document()["paths"][f"/api/v2{path}"][method.lower()]


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema or parameter in place of its name; what stands beside the name wins."""
    if "$ref" not in schema:
        return schema
    found: Any = _document()
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return {**found, **{name: value for name, value in schema.items() if name != "$ref"}}


def _rest_arguments(method: str, path: str) -> Iterator[Entry]:
    said = _operation(method, path)
    for parameter in map(_resolved, said.get("parameters", ())):
        if parameter["name"] != _EVERYWHERE:
            entry = _entry(parameter["name"], parameter["schema"], parameter["in"], 0)
            yield replace(
                entry,
                description=parameter.get("description", ""),
                required=parameter.get("required", False),
            )
    body = said.get("requestBody")
    known = set[str]()
    for media, content in (body["content"] if body else {}).items():
        # A form has a few names of its own.
        place = "body" if media == "application/json" else "form"
        found = [*_properties(_resolved(content["schema"]), place, _DEEP)]
        yield from (one for one in found if one.name not in known)
        known |= {one.name for one in found}


def _properties(schema: dict[str, Any], place: str, deep: int) -> Iterator[Entry]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        yield replace(_entry(name, inner, place, deep), required=name in required)


def _entry(name: str, schema: dict[str, Any], place: str, deep: int) -> Entry:
    whole = _resolved(schema)
    core = _without_null(whole)
    item = _resolved(core["items"]) if "items" in core else core
    within = tuple(_properties(item, place, deep - 1)) if deep else ()
    default = whole.get("default")
    return Entry(
        name=name,
        description=whole.get("description", ""),
        rest=_type_in_words(whole),
        place=place,
        choices=tuple(str(one) for one in item.get("enum", ())),
        default=None if default is None else msgspec.json.encode(default).decode().strip('"'),
        within=within,
    )


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return _resolved(kinds[0]) if len(kinds) == 1 else schema


def _type_in_words(schema: dict[str, Any]) -> str:
    core = _without_null(schema)
    null = " or null" if any(one.get("type") == "null" for one in schema.get("anyOf", ())) else ""
    if core.get("type") == "array":
        item = _type_in_words(_resolved(core["items"]))
        return f"list of {item.replace('choice', 'choices')}{_limits(core)}{null}"
    if "enum" in core:
        return f"choice{null}"
    if core.get("type") == "object" and "properties" in core:
        return f"{core.get('title', 'object')}{null}"
    kind = str(core.get("type", "value"))
    kind = _FORMATS.get(str(core.get("format")), "text" if kind == "string" else kind)
    return f"{kind}{_limits(core)}{null}"


def _limits(schema: dict[str, Any]) -> str:
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", ""),
    ):
        if most in schema:
            low, high = schema.get(least, 0), schema[most]
            return f", {low:,} to {high:,}{unit}" if low else f", up to {high:,}{unit}"
    return ""


def _graphql_arguments(field: GraphQLField) -> Iterator[Entry]:
    for name, argument in field.args.items():
        kind = get_named_type(argument.type)
        if name == "input" and is_input_object_type(kind):
            for inner, given in kind.fields.items():
                yield _graphql_entry(f"input.{inner}", inner, given)
        else:
            yield _graphql_entry(name, name, argument)


def _graphql_entry(path: str, name: str, said: Any) -> Entry:
    text = str(said.type)
    return Entry(
        name=name,
        description=said.description or "",
        graphql=path,
        graphql_type=text,
        required=text.endswith("!") and getattr(said, "default_value", None) is Undefined,
        choices=_choices(said.type),
    )


def _choices(kind: Any) -> tuple[str, ...]:
    return tuple(getattr(get_named_type(kind), "values", ()))


def _graphql_fields(field: GraphQLField) -> Iterator[Entry]:
    kind: Any = get_named_type(field.type)
    if kind.name.endswith("Connection"):
        kind = get_named_type(kind.fields["nodes"].type)
    if not (is_object_type(kind) or is_interface_type(kind)):
        return
    for name, inner in kind.fields.items():
        yield replace(_graphql_entry(name, name, inner), required=False)


def _joined(rest: Entry, graphql: Entry | None) -> Entry:
    if graphql is None:
        return rest
    return replace(
        rest,
        description=rest.description or graphql.description,
        graphql=graphql.graphql,
        graphql_type=graphql.graphql_type,
        required=rest.required or graphql.required,
    )


def _common_name(name: str) -> str:
    """The name that an argument has on both faces: `Idempotency-Key` is `idempotencyKey`."""
    if "-" not in name:
        return name
    first, *others = name.lower().split("-")
    return first + "".join(map(str.title, others))


def plain_id(name: str) -> str:
    """A name as a part of an anchor."""
    return re.sub(r"\W+", "-", name).strip("-")
