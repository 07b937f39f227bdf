"""An operation as the walk knows it: its declaration, its field in the SDL, its REST address.

All of it comes from the catalogue and the contracts as they are served. So a new operation is
walked as soon as it is declared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args, get_type_hints

import httpx
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)
from msgspec import Struct, structs

from persistence.users.views import Profile
from services.catalogue import OPERATIONS
from services.operation.declaration import Key
from services.operation.operation import Operation


@dataclass(frozen=True)
class Contract:
    """One operation as callers see it."""

    operation: Operation[Any, Any]
    method: str
    path: str
    #: The root field that a nested operation lies in.
    under: str | None
    #: The field's name and its place in the SDL.
    name: str
    field: GraphQLField
    #: Does it make or change something? Then its texts are mostly new ones.
    creates: bool
    #: The permission of the operation at ``under``.
    outer_permission: str | None

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the input; the id of a nested operation's parent is one of its own."""
        found = self.operation.input.model_json_schema(by_alias=True)
        if "{id}" in self.path and "id" not in found.get("properties", {}):
            own = {"id": {"type": "string"}}
            return {**found, "properties": {**own, **found.get("properties", {})}}
        return found

    @property
    def by_query(self) -> bool:
        """Does REST take the input in the query string?"""
        return self.method == "GET"

    @property
    def keyed(self) -> bool:
        """Does it take an idempotency key?"""
        return self.operation.key is not Key.NONE

    @property
    def listed(self) -> bool:
        """Is the answer a page?"""
        return self.operation.paged

    @property
    def noun(self) -> str | None:
        """The kind of thing that ``id`` names: the one whose absence is a declared error.

        Where the absence of several is one, the address says which it is: ``/posts/{id}/comments``.
        """
        absent = [error.__name__ for error in self.operation.errors]
        kinds = [name.removesuffix("NotFound") for name in absent if name.endswith("NotFound")]
        kinds = sorted(set(kinds) - {"Route"})
        holder = self.path.partition("/{id}")[0].rpartition("/")[2]
        for place in (holder, self.operation.noun):
            fitting = [kind for kind in kinds if kind.lower() in place.lower()]
            if fitting:
                return fitting[0]
        return (kinds or [None])[0]

    @property
    def input_type(self) -> GraphQLInputObjectType | None:
        """The type of the argument ``input``; None without one."""
        argument = self.field.args.get("input")
        kind = argument and get_named_type(argument.type)
        return kind if isinstance(kind, GraphQLInputObjectType) else None

    @property
    def permissions(self) -> tuple[str, ...]:
        """The permissions that matter to it: its own, and that of the field around it."""
        own = self.operation.who and str(self.operation.who)
        return tuple(one for one in (own, self.outer_permission) if one)

    @property
    def fields(self) -> list[str]:
        """The names of the answer's fields, where ``fields=`` may trim the answer."""
        kind = self.operation.result
        plain = isinstance(kind, type) and issubclass(kind, Struct) and len(self.results) == 1
        if not self.by_query or not plain or self.file or self.operation.streams:
            return []
        # v1 writes a profile flat, so it has no field of that name.
        hints = get_type_hints(kind)
        return [one.encode_name for one in structs.fields(kind) if hints[one.name] is not Profile]

    @property
    def results(self) -> tuple[Any, ...]:
        """The types of the answer."""
        return self.operation.results

    @property
    def file(self) -> bool:
        """Does REST answer with a file, and GraphQL with its signed address?"""
        kind = get_named_type(self.field.type)
        exported = self.operation.file is not None
        return exported or not isinstance(kind, GraphQLObjectType | GraphQLUnionType)

    @property
    def sorts(self) -> list[str]:
        """The orders of a list, by their names on REST."""
        shape = self.schema["properties"].get("sort", {})
        # One that need not be given may be null.
        shape = shape.get("anyOf", [shape])[0]
        return shape.get("enum") or [shape["const"]] if shape else []

    @cached_property
    def is_get(self) -> bool:
        """Is it the get of one thing by its id, which ``node`` gives as well?"""
        return not self.under and self.path.endswith("{id}") and self.by_query

    def selection(self, only: frozenset[str] | None = None) -> str:
        """The GraphQL selection of what REST answers."""
        kind = get_named_type(self.field.type)
        if self.listed:
            assert isinstance(kind, GraphQLObjectType)
            item = get_named_type(kind.fields["nodes"].type)
            return (
                f"nodes {{ {self._selected(item, only)} }} edges {{ cursor }} "
                "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
            )
        if self.operation.file is not None:
            return "url"
        return "" if self.file else self._selected(kind, only)

    def _selected(self, kind: Any, only: frozenset[str] | None) -> str:
        if isinstance(kind, GraphQLUnionType):
            return " ".join(
                f"... on {one.name} {{ {self._selected(one, only)} }}" for one in kind.types
            )
        result = next(one for one in self.results if one.__name__ == kind.name)
        names = selected(result, kind, only)
        tagged = "etag" in kind.fields and not self.listed
        return f"{names} etag" if tagged else names


def selected(result: Any, kind: GraphQLObjectType, only: frozenset[str] | None = None) -> str:
    """The fields of a result that REST has as well."""
    hints = get_type_hints(result)
    parts = []
    for item in structs.fields(result):
        if only is not None and item.encode_name not in only:
            continue
        inner = _struct_in(hints[item.name])
        field = kind.fields.get(item.encode_name)
        if field is None:
            continue
        below = get_named_type(field.type)
        if inner is not None and isinstance(below, GraphQLObjectType):
            parts.append(f"{item.encode_name} {{ {selected(inner, below)} }}")
        else:
            parts.append(item.encode_name)
    return " ".join(parts)


def _struct_in(hint: Any) -> Any:
    """The struct in a type hint, such as ``Sequence[OrderLine]``; None without one."""
    if isinstance(hint, type) and issubclass(hint, Struct):
        return hint
    return next((found for one in get_args(hint) if (found := _struct_in(one))), None)


async def contracts(client: httpx.AsyncClient) -> Mapping[str, Contract]:
    """Every operation's contract, by name, as they are served."""
    sdl = build_schema((await client.get("/graphql/schema.graphql")).text)
    listed = (await client.get("/operations")).json()["operations"]
    openapi = (await client.get("/openapi-v2.json")).json()["paths"]
    served = {one["name"]: one for one in listed}
    assert set(served) == {operation.name for operation in OPERATIONS}
    permissions = {one["graphql"]: one["permission"] for one in listed}
    found = {}
    for operation in OPERATIONS:
        method, path = served[operation.name]["rest"].values()
        described = openapi[f"/api/v2{path}"][method.lower()]
        creates = method == "PATCH" or "201" in described["responses"]
        under, name, field = _place(sdl, served[operation.name]["graphql"])
        found[operation.name] = Contract(
            operation,
            method,
            path,
            under,
            name,
            field,
            creates,
            permissions.get(under or ""),
        )
    return found


def _place(sdl: GraphQLSchema, place: str) -> tuple[str | None, str, GraphQLField]:
    """The root field around a place in the SDL, the field's name and the field."""
    assert sdl.query_type
    assert sdl.mutation_type
    holder, _, name = place.rpartition(".")
    if not holder:
        assert sdl.subscription_type
        roots = {
            **sdl.query_type.fields,
            **sdl.mutation_type.fields,
            **sdl.subscription_type.fields,
        }
        return None, name, roots[name]
    kind = sdl.type_map[holder]
    assert isinstance(kind, GraphQLObjectType)
    under = next(root for root, field in sdl.query_type.fields.items() if field.type is kind)
    return under, name, kind.fields[name]


def is_node(kind: Any) -> bool:
    """Does ``node`` find things of this type?"""
    return isinstance(kind, GraphQLObjectType) and any(
        isinstance(one, GraphQLInterfaceType) and one.name == "Node" for one in kind.interfaces
    )
