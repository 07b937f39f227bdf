"""Connections: a service's page in Relay's shape, with ``nodes`` and ``totalCount``."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import strawberry
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
)

from schema.fields import Info
from services.core.context import Request
from services.core.operation import Operation
from services.core.paging import Page

Node = TypeVar("Node")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Is there more after this page?")
    has_previous_page: bool = strawberry.field(description="Is there more before this page?")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item.")


@strawberry.type(description="An item of a page and its cursor.")
class Edge(Generic[Node]):
    node: Node = strawberry.field(description="The item.")
    cursor: str = strawberry.field(
        description="Continues the list here; empty where pages go by number only."
    )


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    @strawberry.field(description="The items with their cursors.")
    def edges(self) -> list[Edge[Node]]:
        page: Page[Any] = self  # type: ignore[assignment]
        write = page.cursor or (lambda _: "")
        return [Edge(node=item, cursor=write(item)) for item in page.items]

    @strawberry.field(description="The items alone.")
    def nodes(self) -> list[Node]:
        page: Page[Any] = self  # type: ignore[assignment]
        return list(page.items)

    @strawberry.field(description="Where the page lies in its list.")
    def page_info(self) -> PageInfo:
        page: Page[Any] = self  # type: ignore[assignment]
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.start_cursor,
            end_cursor=page.end_cursor,
        )

    @strawberry.field(description="How many the whole list has, exactly.")
    def total_count(self) -> int | None:
        page: Page[Any] = self  # type: ignore[assignment]
        return page.total


def paged(info: Info, raw: dict[str, Any]) -> dict[str, Any]:
    """A list's arguments: null means absent, and counting is asked for by selecting it."""
    given = {name: value for name, value in raw.items() if value is not None}
    given["total"] = _selects(info._raw_info, "totalCount")
    return given


async def nested(info: Info, op: Operation[Any, Any], parent: str, raw: dict[str, Any]) -> object:
    """A nested list under one parent, read together with those under its siblings."""
    given = paged(info, raw)

    async def load(request: Request, parents: Sequence[str]) -> Mapping[str, Any]:
        return await op.of(request, parents, given)

    name = (op.name, msgspec.json.encode(given, order="sorted"))
    return await info.context.load(name, load, parent)


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
