"""Approvals: a manager approves or rejects large orders before they can be paid."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.orders.statuses import OrderStatus
from persistence.orders.views import APPROVALS, Order
from services.access.permissions import Permission
from services.errors.approvals import SelfApproval
from services.errors.orders import OrderNotFound, OrderStatusInvalid
from services.events import types
from services.operation import paging
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Lines
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.orders import steps as orders_steps
from services.orders.reading import OrderId


class ListApprovals(Paged):
    """Sort of the list of orders that wait for approval."""

    sort: Literal["-createdAt", "createdAt"] = Field(
        "-createdAt", description="How the list is sorted."
    )


class Decision(OrderId):
    """Why the order is approved or rejected."""

    note: Annotated[Lines, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Reason, shown in the order's history."
    )


@operation(
    "approvals.list",
    who=Permission.APPROVALS_READ_ALL,
    input=ListApprovals,
    result=Order,
    paged=True,
)
async def list_(ctx: Context, input: ListApprovals) -> Page[Order]:
    """List the orders that wait for approval, newest first."""
    return await paging.page(ctx, APPROVALS, input, input.sort, {})


@operation(
    "approvals.approve",
    who=Permission.APPROVALS_WRITE_ALL,
    input=Decision,
    result=Order,
    errors=[OrderNotFound, OrderStatusInvalid, SelfApproval],
    writes=True,
    emits=(types.ORDER_APPROVED,),
    key=Key.OPTIONAL,
    cost=5,
)
async def approve(ctx: Context, tx: Transaction, input: Decision) -> Order:
    """Approve another user's order.

    The order can then be paid. The time for which it holds its stock starts again.
    """
    order = await _lock_undecided(ctx, tx, input, OrderStatus.PENDING)
    hold = timedelta(seconds=ctx.settings.hold_seconds)
    return await orders_steps.move_order(
        ctx,
        tx,
        order,
        OrderStatus.PENDING,
        input.note,
        approved_at=ctx.now,
        expires_at=ctx.now + hold,
    )


@operation(
    "approvals.reject",
    who=Permission.APPROVALS_WRITE_ALL,
    input=Decision,
    result=Order,
    errors=[OrderNotFound, OrderStatusInvalid, SelfApproval],
    writes=True,
    emits=(types.ORDER_REJECTED,),
    key=Key.OPTIONAL,
    cost=5,
)
async def reject(ctx: Context, tx: Transaction, input: Decision) -> Order:
    """Reject another user's order for good, and release the stock that it holds."""
    order = await _lock_undecided(ctx, tx, input, OrderStatus.REJECTED)
    return await orders_steps.end_unpaid(ctx, tx, order, OrderStatus.REJECTED, input.note)


async def _lock_undecided(ctx: Context, tx: Transaction, input: Decision, to: OrderStatus) -> Order:
    """Lock an order that waits for approval; raises `SelfApproval` for the caller's own order."""
    order = await orders_steps.lock_order(ctx, tx, input.id)
    if order.customer_id == ctx.user_id:
        raise SelfApproval
    orders_steps.refuse_move(ctx, order, to)
    return order
