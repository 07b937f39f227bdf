"""Reads of orders: one order, the caller's list, and the history of an order."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from persistence.orders.history import HISTORY, OrderEvent
from persistence.orders.statements import VISIBLE_IDS
from persistence.orders.statuses import MOVES as MOVES
from persistence.orders.statuses import NEXT_STATUSES as NEXT_STATUSES
from persistence.orders.statuses import OrderStatus
from persistence.orders.statuses import PaymentStatus as PaymentStatus
from persistence.orders.views import ORDER, OWN_ORDERS, Order
from persistence.orders.views import OrderLine as OrderLine
from persistence.orders.views import ShippingAddress as ShippingAddress
from services.access.permissions import Permission
from services.errors.base import TandemError
from services.errors.orders import OrderNotFound
from services.ids import NOWHERE, parsed
from services.operation import paging
from services.operation.context import Context, Request, Wanted, viewer_values_for_relation
from services.operation.inputs import (
    Input,
    Line,
    PathId,
    Period,
)
from services.operation.operation import operation
from services.operation.paging import Page, Paged


class OrderId(Input):
    """The order."""

    id: PathId = Field(description="The order's id.")


class ListOrders(Paged, Period):
    """Filters and sort of a list of orders."""

    status: OrderStatus | None = Field(None, description="The order's status.", strict=False)
    number: Annotated[Line, Field(min_length=1, max_length=30)] | None = Field(
        None, description="The order's number."
    )
    sort: Literal["-createdAt", "createdAt"] = Field(
        "-createdAt", description="How the list is sorted."
    )


class ListHistory(Paged):
    """Sort of an order's history."""

    sort: Literal["-createdAt"] = Field("-createdAt", description="How the list is sorted.")


@operation(
    "orders.get",
    who=Permission.ORDERS_READ_OWN,
    input=OrderId,
    result=Order,
    errors=[OrderNotFound],
)
async def get(ctx: Context, input: OrderId) -> Order:
    """Read one order."""
    order = await ctx.reader.one(ORDER.of_ids(ctx.wanted), ids=[input.id], **ctx.viewer_values)
    if order is None:
        raise OrderNotFound
    return order


@operation(
    "orders.list", who=Permission.ORDERS_READ_OWN, input=ListOrders, result=Order, paged=True
)
async def list_(ctx: Context, input: ListOrders) -> Page[Order]:
    """List the caller's own orders, newest first."""
    filters = {
        "status": input.status,
        "from": input.from_,
        "to": input.to,
        "number": input.number,
    }
    return await paging.page(ctx, OWN_ORDERS, input, input.sort, filters)


@operation(
    "orders.history",
    who=Permission.ORDERS_READ_OWN,
    input=ListHistory,
    result=OrderEvent,
    errors=[OrderNotFound],
    paged=True,
)
async def history(
    ctx: Context, order_ids: Sequence[str], input: ListHistory
) -> Mapping[str, Page[OrderEvent] | TandemError]:
    """List the status changes of an order, newest first."""
    parsed_ids = {id: parsed(id) or NOWHERE for id in order_ids}
    visible = await ctx.reader.all(VISIBLE_IDS, ids=list(parsed_ids.values()), **ctx.viewer_values)
    pages = await paging.pages(ctx, HISTORY, visible, input, input.sort)
    return {id: pages.get(parsed_ids[id]) or OrderNotFound() for id in order_ids}


async def by_ids(
    request: Request, ids: Sequence[str], wanted: Wanted | None = None
) -> dict[str, Order]:
    """Load the orders that the caller may see, by id; relation of payments and wallet entries."""
    rows = await request.reader.all(
        ORDER.of_ids(wanted), ids=list(ids), **viewer_values_for_relation(request, "orders")
    )
    return {row.id: row for row in rows}
