"""Operations of refunds: refund an order, and list the refunds of an order."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from persistence.database.transactions import Transaction
from persistence.orders.statements import VISIBLE_IDS
from persistence.orders.statuses import PaymentStatus
from persistence.orders.views import Order
from persistence.refunds import REFUND, REFUNDS, Refund
from persistence.refunds import RefundLine as RefundLine
from services import money
from services.access.permissions import Permission
from services.amounts import Bound, Price
from services.errors.base import FieldError, TandemError
from services.errors.common import ValidationFailed
from services.errors.orders import OrderNotFound, OrderStatusInvalid
from services.errors.refunds import RefundChanged, RefundExceedsPayment
from services.events import types
from services.ids import NOWHERE, parsed
from services.operation import paging
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, Lines, Reference, excluding, wrong
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.orders import steps as orders_steps
from services.orders.reading import OrderId
from services.refunds import steps
from services.refunds.steps import PricedPieces


class NewRefundLine(Input):
    """Pieces of one product to refund."""

    product_id: Reference = Field(description="Id of the product.")
    quantity: Annotated[int, Field(ge=1, le=10_000)] = Field(
        description="How many pieces.", examples=[1]
    )


class RefundOrder(OrderId):
    """What to refund: an amount, or some pieces, or without either all that is left."""

    rules = (
        excluding("amount", "lines"),
        {
            "not": {
                "required": ["amount", "restock"],
                "properties": {"amount": {"not": {"type": "null"}}, "restock": {"const": True}},
            }
        },
    )
    sample = {"amount": "5.00", "reason": "A scratch on the shade."}

    amount: Price | None = Field(None, description="Amount to refund, for no piece in particular.")
    lines: Annotated[list[NewRefundLine], Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="The pieces to refund. Name each product once.",
        json_schema_extra={"uniqueItems": True},
    )
    restock: bool = Field(
        False,
        description=(
            "True returns the refunded pieces to stock; not allowed with an amount. "
            "False if absent."
        ),
    )
    reason: Annotated[Lines, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Reason, shown to the buyer."
    )
    expected_refunded: Bound | None = Field(
        None,
        description="The sum refunded so far. Another sum is refused with REFUND_CHANGED.",
    )

    @model_validator(mode="after")
    def _amount_or_lines(self) -> Self:
        if self.amount is not None and self.lines is not None:
            raise wrong("CONFLICT", "Give an amount or lines, not both.", "lines")
        if self.amount is not None and self.restock:
            raise wrong("CONFLICT", "Name the lines that come back into stock.", "restock")
        seen: set[str] = set()
        for position, line in enumerate(self.lines or ()):
            if line.product_id in seen:
                field = f"lines.{position}.productId"
                raise wrong("REPEATED", "Name each product once, with its quantity.", field)
            seen.add(line.product_id)
        return self


class ListRefunds(Paged):
    """Sort of the list of refunds."""

    sort: Literal["-createdAt"] = Field("-createdAt", description="How the list is sorted.")


@operation(
    "orders.refund",
    who=Permission.REFUNDS_WRITE_ALL,
    input=RefundOrder,
    result=Refund,
    errors=[OrderNotFound, OrderStatusInvalid, RefundExceedsPayment, RefundChanged],
    writes=True,
    emits=(types.WALLET_CREDITED, types.ORDER_REFUNDED),
    key=Key.REQUIRED,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: RefundOrder) -> Refund:
    """Refund an order, or a part of it, to the buyer's wallet.

    An order can be refunded several times, but never for more than was paid. When the order had a
    discount, a piece is refunded at its share of the sum paid. The order's status stays the same.
    """
    order = await orders_steps.lock_order(ctx, tx, input.id)
    _refuse_changed(order, input.expected_refunded)
    _refuse_unpaid(order)
    pieces = await _choose_pieces(tx, order, input)
    currency = money.currency(order.currency)
    amount = input.amount or money.total((item.amount for item in pieces), currency)
    if not amount:
        message = f"These pieces are worth less than {currency.unit}. Refund more of them at once."
        raise ValidationFailed(fields=[FieldError("lines", "TOO_SMALL", message)])
    if amount > order.total - order.refunded:
        raise steps.exceeds_payment(order)
    if input.restock:
        quantities = {item.product_id: item.quantity for item in pieces}
        await steps.restock(ctx, tx, order, quantities)
    _, refund_id = await steps.refund(
        ctx, tx, order, amount, pieces, restocked=input.restock, reason=input.reason
    )
    [refund] = await tx.all(REFUND.stored, ids=[refund_id])
    return refund


@operation(
    "refunds.list",
    who=Permission.REFUNDS_READ_OWN,
    also=(Permission.ORDERS_READ_OWN,),
    input=ListRefunds,
    result=Refund,
    errors=[OrderNotFound],
    paged=True,
)
async def list_(
    ctx: Context, order_ids: Sequence[str], input: ListRefunds
) -> Mapping[str, Page[Refund] | TandemError]:
    """List the refunds of an order, newest first."""
    parsed_ids = {id: parsed(id) or NOWHERE for id in order_ids}
    visible = await ctx.reader.all(VISIBLE_IDS, ids=list(parsed_ids.values()), **ctx.viewer_values)
    pages = await paging.pages(ctx, REFUNDS, visible, input, input.sort)
    return {id: pages.get(parsed_ids[id]) or OrderNotFound() for id in order_ids}


def _refuse_changed(order: Order, expected: Decimal | None) -> None:
    if expected is not None and expected != order.refunded:
        raise RefundChanged(details={"refunded": str(order.refunded), "currency": order.currency})


def _refuse_unpaid(order: Order) -> None:
    if order.payment_status not in (PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED):
        raise OrderStatusInvalid(
            details={
                "status": order.status,
                "nextStatuses": order.next_statuses,
                "paymentStatus": order.payment_status,
            }
        )


async def _choose_pieces(tx: Transaction, order: Order, input: RefundOrder) -> list[PricedPieces]:
    """The pieces to refund and their amounts; none when the input gives an amount."""
    if input.amount is not None:
        return []
    refunded = await steps.refunded_pieces(tx, order)
    if input.lines is None:
        return steps.remaining_pieces(order, refunded)
    _refuse_not_ordered(order, input.lines)
    _refuse_excess(order, input.lines, refunded)
    wanted = {line.product_id: line.quantity for line in input.lines}
    return steps.price_pieces(order, refunded, wanted)


def _refuse_not_ordered(order: Order, lines: Sequence[NewRefundLine]) -> None:
    bought = {line.product_id for line in order.lines}
    not_ordered = [
        FieldError(f"lines.{position}.productId", "NOT_FOUND", "The order has no such product.")
        for position, line in enumerate(lines)
        if line.product_id not in bought
    ]
    if not_ordered:
        raise ValidationFailed(fields=not_ordered)


def _refuse_excess(
    order: Order, lines: Sequence[NewRefundLine], refunded: Mapping[str, int]
) -> None:
    """Raise `RefundExceedsPayment` with every line that asks for more pieces than are left."""
    left = {
        line.product_id: line.quantity - refunded.get(line.product_id, 0) for line in order.lines
    }
    excess = [
        FieldError(
            f"lines.{position}.quantity",
            "TOO_LARGE",
            f"Only {left[line.product_id]} pieces are not refunded yet.",
        )
        for position, line in enumerate(lines)
        if line.quantity > left[line.product_id]
    ]
    if excess:
        raise steps.exceeds_payment(order, fields=excess)
