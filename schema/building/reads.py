"""Fields that read: an operation's, and relations. Both are declared here, as data.

graphql-core runs them through the resolvers that are made of the declaration; what runs documents
as compiled functions (schema/fast) finds the declaration itself behind each field.
"""

import inspect
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import strawberry
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
)

from schema.building import inputs
from schema.building.fields import FIELDS, Info, described
from services.operation.context import Request
from services.operation.running import Operation, translate_errors

#: Where a field's declaration stands in its metadata.
_LOADER = "loader"


@dataclass
class Single:
    """Read by one call for each parent: ``await call(request, given)``.

    With ``parts``, it takes ``wanted`` as well, and may answer with parts of things.
    """

    call: Callable[..., Awaitable[Any]]
    paged: bool = False
    parts: bool = False


@dataclass
class Batched:
    """Read for all parents of a level at once: ``await load(request, keys, given)`` answers values
    (or errors) by key. ``key`` names the parent's attribute; where that is None the field is null.

    Fields with the same ``name`` and arguments are read together. ``then`` names the attribute of
    what was found that is the field's value.
    """

    name: Hashable
    load: Callable[..., Awaitable[Mapping[Any, Any]]]
    key: str
    paged: bool = False
    then: str | None = None
    parts: bool = False


FieldLoader = Single | Batched


def loader_of(field: GraphQLField) -> FieldLoader | None:
    """How a field of the schema reads; None for what its parent holds already."""
    return field.extensions["strawberry-definition"].metadata.get(_LOADER)


def metadata(loader: FieldLoader) -> dict[Any, Any]:
    """What makes `loader_of` find it."""
    return {_LOADER: loader}


def read(
    op: Operation[Any, Any],
    place: str,
    returns: Any,
    under: str | None = None,
    then: str | None = None,
) -> Any:
    """The field of a read, at ``place`` in the schema.

    With ``under``, the attribute that holds a parent's id, it is read for many parents at once.
    """
    if under is None:
        loader: FieldLoader = Single(op, op.paged, parts=True)
    else:
        loader = Batched(op.name, op.of, under, op.paged, then)

    async def resolver(self: Any, info: Info, **values: Any) -> Any:
        given = inputs.raw(values)
        if loader.paged:
            given = page_arguments(given, _selects(info._raw_info, "totalCount"))
        return await _resolve(loader, self, info, given)

    FIELDS[op.name] = place
    return described(op, place, resolver, returns, metadata(loader))


def relation(load: Any, key: str, returns: Any, description: str) -> Any:
    """A field that holds another thing, found by the attribute ``key``; null when not visible."""

    async def batch(
        request: Request, keys: Sequence[Any], _: dict[str, Any], **more: Any
    ) -> Mapping[Any, Any]:
        return await translate_errors(load, request, keys, *more.values())

    loader = Batched(load, batch, key, parts="wanted" in inspect.signature(load).parameters)

    async def resolver(self: Any, info: Info) -> Any:
        return await _resolve(loader, self, info, {})

    resolver.__annotations__ = {"info": Info, "return": returns | None}
    return strawberry.field(resolver, description=description, metadata=metadata(loader))


def page_arguments(given: Mapping[str, Any], counts: bool) -> dict[str, Any]:
    """A list's arguments: null means absent, and counting is asked for by selecting it."""
    return {**{name: value for name, value in given.items() if value is not None}, "total": counts}


async def _resolve(loader: FieldLoader, parent: Any, info: Info, given: dict[str, Any]) -> Any:
    if isinstance(loader, Single):
        return await loader.call(info.context.request, given)
    key = getattr(parent, loader.key)
    if key is None:
        return None

    async def load(request: Request, keys: Sequence[Any]) -> Mapping[Any, Any]:
        return await loader.load(request, keys, given)

    found = await info.context.load((loader.name, batch_name(given)), load, key)
    return found if loader.then is None else getattr(found, loader.then)


def batch_name(given: Mapping[str, Any]) -> bytes:
    """Tells arguments apart: fields that differ in them cannot be read together."""
    return msgspec.json.encode(given, order="sorted") if given else b""


def _selects(info: GraphQLResolveInfo, name: str) -> bool:
    sets = [node.selection_set for node in info.field_nodes]
    entered: set[str] = set()
    return any(_among(info, selected, name, entered) for selected in sets if selected)


def _among(
    info: GraphQLResolveInfo, selected: SelectionSetNode, name: str, entered: set[str]
) -> bool:
    # A skipped field counts for nothing worse than a count that nobody reads.
    return any(_node_is(info, node, name, entered) for node in selected.selections)


def _node_is(info: GraphQLResolveInfo, node: Any, name: str, entered: set[str]) -> bool:
    match node:
        case FieldNode():
            return node.name.value == name
        case InlineFragmentNode():
            return _among(info, node.selection_set, name, entered)
        # Each fragment is entered once: spreads of spreads would double at every level.
        case FragmentSpreadNode() if node.name.value not in entered:
            entered.add(node.name.value)
            return _among(info, info.fragments[node.name.value].selection_set, name, entered)
        case _:
            return False
