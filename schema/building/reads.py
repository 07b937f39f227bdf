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
from services.operation.running import Operation, outside

#: Where a field's declaration stands in its metadata.
_DOOR = "door"


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


Door = Single | Batched


def door_of(field: GraphQLField) -> Door | None:
    """How a field of the schema reads; None for what its parent holds already."""
    return field.extensions["strawberry-definition"].metadata.get(_DOOR)


def metadata(door: Door) -> dict[Any, Any]:
    """What makes `door_of` find it."""
    return {_DOOR: door}


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
        door: Door = Single(op, op.paged, parts=True)
    else:
        door = Batched(op.name, op.of, under, op.paged, then)

    async def resolver(self: Any, info: Info, **values: Any) -> Any:
        given = inputs.raw(values)
        if door.paged:
            given = page_arguments(given, _selects(info._raw_info, "totalCount"))
        return await _resolve(door, self, info, given)

    FIELDS[op.name] = place
    return described(op, place, resolver, returns, metadata(door))


def relation(load: Any, key: str, returns: Any, description: str) -> Any:
    """A field that holds another thing, found by the attribute ``key``; null when not visible."""

    async def batch(
        request: Request, keys: Sequence[Any], _: dict[str, Any], **more: Any
    ) -> Mapping[Any, Any]:
        return await outside(load, request, keys, *more.values())

    door = Batched(load, batch, key, parts="wanted" in inspect.signature(load).parameters)

    async def resolver(self: Any, info: Info) -> Any:
        return await _resolve(door, self, info, {})

    resolver.__annotations__ = {"info": Info, "return": returns | None}
    return strawberry.field(resolver, description=description, metadata=metadata(door))


def page_arguments(given: Mapping[str, Any], counts: bool) -> dict[str, Any]:
    """A list's arguments: null means absent, and counting is asked for by selecting it."""
    return {**{name: value for name, value in given.items() if value is not None}, "total": counts}


async def _resolve(door: Door, parent: Any, info: Info, given: dict[str, Any]) -> Any:
    if isinstance(door, Single):
        return await door.call(info.context.request, given)
    key = getattr(parent, door.key)
    if key is None:
        return None

    async def load(request: Request, keys: Sequence[Any]) -> Mapping[Any, Any]:
        return await door.load(request, keys, given)

    found = await info.context.load((door.name, batch_name(given)), load, key)
    return found if door.then is None else getattr(found, door.then)


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
