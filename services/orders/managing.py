"""Operations of the shop: list all orders, change their status, and expire unpaid ones."""

from contextlib import suppress
from typing import Annotated, Self

from pydantic import Field, model_validator

from persistence.database.transactions import QueryStats, Transaction
from persistence.orders.statements import DUE_ORDERS
from persistence.orders.statuses import OrderStatus
from persistence.orders.views import ALL_ORDERS, Order
from services.access.permissions import SYSTEM, Permission
from services.errors.base import TandemError
from services.errors.orders import OrderNotFound, OrderStatusInvalid
from services.events import types
from services.jobs.queue import Job, enqueue
from services.operation import paging
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Lines, NameLine, Reference, wrong
from services.operation.operation import operation
from services.operation.paging import Page
from services.orders import steps
from services.orders.reading import ListOrders, OrderId
from services.process import Process
from services.refunds import steps as refunds_steps

#: How many due orders one statement reads. Each order is expired in its own transaction.
_DUE_AT_ONCE = 100


class ListAllOrders(ListOrders):
    """Filters and sort of the list of all orders."""

    customer_id: Reference | None = Field(None, description="Id of the user who placed the order.")


class UpdateOrderStatus(OrderId):
    """The order's new status, with a tracking code and a note."""

    rules = (
        {
            "not": {
                "required": ["trackingCode"],
                "properties": {
                    "trackingCode": {"not": {"type": "null"}},
                    "status": {"not": {"const": OrderStatus.SHIPPED.value}},
                },
            }
        },
    )
    status: OrderStatus = Field(
        description="The new status: CONFIRMED, SHIPPED, DELIVERED or CANCELLED.",
        examples=["CONFIRMED"],
        strict=False,
    )
    tracking_code: Annotated[NameLine, Field(min_length=1, max_length=100)] | None = Field(
        None, description="The carrier's tracking code of the parcel; allowed with SHIPPED only."
    )
    note: Annotated[Lines, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Note, shown in the order's history."
    )

    @model_validator(mode="after")
    def _refuse_code_unless_shipped(self) -> Self:
        if self.tracking_code is not None and self.status is not OrderStatus.SHIPPED:
            raise wrong(
                "CONFLICT", "Give a tracking code only with the status SHIPPED.", "trackingCode"
            )
        return self


@operation(
    "orders.listAll",
    who=Permission.ORDERS_READ_ALL,
    input=ListAllOrders,
    result=Order,
    paged=True,
)
async def list_all(ctx: Context, input: ListAllOrders) -> Page[Order]:
    """List the orders of all users, newest first."""
    filters = {
        "status": input.status,
        "from": input.from_,
        "to": input.to,
        "number": input.number,
        "customerId": input.customer_id,
    }
    return await paging.page(ctx, ALL_ORDERS, input, input.sort, filters)


@operation(
    "orders.updateStatus",
    who=Permission.ORDERS_WRITE_ALL,
    input=UpdateOrderStatus,
    result=Order,
    errors=[OrderNotFound, OrderStatusInvalid],
    writes=True,
    emits=(
        types.ORDER_CONFIRMED,
        types.ORDER_SHIPPED,
        types.ORDER_DELIVERED,
        types.WALLET_CREDITED,
        types.ORDER_REFUNDED,
        types.ORDER_CANCELLED,
    ),
    key=Key.OPTIONAL,
    conditional=True,
    cost=5,
)
async def update_status(ctx: Context, tx: Transaction, input: UpdateOrderStatus) -> Order:
    """Confirm, ship, deliver or cancel an order.

    Other operations set the other statuses: orders.pay, approvals.approve and approvals.reject. A
    fully refunded order can no longer be shipped. When the shop cancels a paid order, the order's
    coupon can be redeemed again.
    """
    order = await steps.lock_order(ctx, tx, input.id)
    ctx.match(order)
    steps.refuse_move(ctx, order, input.status)
    if input.status is OrderStatus.CANCELLED:
        moved = await refunds_steps.cancel_order(ctx, tx, order, input.note)
    else:
        tracking_code = input.tracking_code or order.tracking_code
        moved = await steps.move_order(
            ctx, tx, order, input.status, input.note, tracking_code=tracking_code
        )
    if input.status is OrderStatus.SHIPPED:
        await enqueue(ctx, tx, "mail.orderShipped", {"orderId": order.id})
    return moved


@operation(
    "orders.expire",
    who=SYSTEM,
    input=OrderId,
    result=Order,
    errors=[OrderNotFound, OrderStatusInvalid],
    writes=True,
    emits=(types.ORDER_EXPIRED,),
)
async def expire(ctx: Context, tx: Transaction, input: OrderId) -> Order:
    """Expire an unpaid order whose time has passed.

    The order is refused when it was paid or approved since it was found.
    """
    order = await steps.lock_order(ctx, tx, input.id)
    steps.refuse_move(ctx, order, OrderStatus.EXPIRED)
    if order.expires_at is None or order.expires_at > ctx.now:
        raise OrderStatusInvalid(details={"expiresAt": order.expires_at})
    return await steps.end_unpaid(ctx, tx, order, OrderStatus.EXPIRED)


async def expire_due(process: Process, job: Job) -> None:
    """Expire every order whose time has passed, the longest waiting first.

    The job tries each order once. An order that cannot be expired is logged and skipped.
    """
    tried: set[str] = set()
    reader = process.database.reader(QueryStats())
    due = [""]
    while due:
        found = await reader.all(DUE_ORDERS, now=process.clock(), limit=_DUE_AT_ONCE + len(tried))
        due = [order_id for order_id in found if order_id not in tried][:_DUE_AT_ONCE]
        for order_id in due:
            tried.add(order_id)
            # Another writer may have moved the order first. The wrapper has logged other errors.
            with suppress(TandemError):
                await expire.by_system(job.request(process), {"id": order_id})
