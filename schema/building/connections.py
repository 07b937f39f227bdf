"""Connections: a page of a service in Relay's shape, with ``nodes`` and ``totalCount``.

The resolved value is the service's `Page` itself, so a cursor is signed only when it is selected.
"""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import strawberry

from services.operation.paging import Page

Node = TypeVar("Node")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    @strawberry.field(description="Is there more after this page?")
    def has_next_page(self) -> bool:
        page: Page[Any] = self  # type: ignore[assignment]
        return page.has_next

    @strawberry.field(description="Is there more before this page?")
    def has_previous_page(self) -> bool:
        page: Page[Any] = self  # type: ignore[assignment]
        return page.has_previous

    @strawberry.field(description="Cursor of the first item.")
    def start_cursor(self) -> str | None:
        page: Page[Any] = self  # type: ignore[assignment]
        return page.start_cursor

    @strawberry.field(description="Cursor of the last item.")
    def end_cursor(self) -> str | None:
        page: Page[Any] = self  # type: ignore[assignment]
        return page.end_cursor


class Item(NamedTuple):
    """An item of a page, and the function that writes its cursor."""

    node: Any
    write: Callable[[Any], str] | None


@strawberry.type(description="An item of a page and its cursor.")
class Edge(Generic[Node]):
    node: Node = strawberry.field(description="The item.")

    @strawberry.field(
        description="Continues the list after this item; empty where a list has one page."
    )
    def cursor(self) -> str:
        item: Item = self  # type: ignore[assignment]
        return item.write(item.node) if item.write else ""


@strawberry.type(description="A page of a list.")
class Connection(Generic[Node]):
    @strawberry.field(description="The items with their cursors.")
    def edges(self) -> list[Edge[Node]]:
        page: Page[Any] = self  # type: ignore[assignment]
        return [Item(item, page.cursor) for item in page.items]  # type: ignore[misc]

    @strawberry.field(description="The items without their cursors.")
    def nodes(self) -> list[Node]:
        page: Page[Any] = self  # type: ignore[assignment]
        return list(page.items)

    @strawberry.field(description="Where the page lies in its list.")
    def page_info(self) -> PageInfo:
        return self  # type: ignore[return-value]

    @strawberry.field(description="How many the whole list has, exactly.")
    def total_count(self) -> int | None:
        page: Page[Any] = self  # type: ignore[assignment]
        return page.total
