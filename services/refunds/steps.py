"""Steps that refunding and cancelling an order share. They run inside its transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from persistence.database.transactions import PendingResult, Transaction
from persistence.orders.statements import REFUND_ORDER
from persistence.orders.statuses import OrderStatus, PaymentStatus
from persistence.orders.views import Order
from persistence.payments import CAPTURED, Captured
from persistence.products.statements import RETURN_STOCK
from persistence.products.tables import MovementKind
from persistence.refunds import (
    INSERT_REFUND,
    INSERT_REFUND_LINES,
    REFUNDED_PIECES,
    RETURNED_PIECES,
)
from persistence.users.statements import IS_DELETED
from persistence.wallet import LOCK_WALLET, SHOP, TransferKind
from services import money
from services.errors.common import FieldError, Internal
from services.errors.refunds import RefundExceedsPayment
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.orders import steps as orders_steps
from services.wallet import transfer


@dataclass(frozen=True)
class PricedPieces:
    """Pieces of an order's line, and what is given back for them."""

    position: int
    product_id: str
    quantity: int
    amount: Decimal


def price_pieces(
    order: Order, refunded: Mapping[str, int], wanted: Mapping[str, int]
) -> list[PricedPieces]:
    """What was paid for these pieces, beyond those refunded already.

    A line's share is that of its total in what the order cost, discount taken off. Pieces of a
    line follow each other, so that whatever is refunded one after the other sums to the share.
    """
    shares = money.apportion(order.total, [line.total for line in order.lines])
    found: list[PricedPieces] = []
    for position, (line, share) in enumerate(zip(order.lines, shares, strict=True)):
        quantity = wanted.get(line.product_id, 0)
        if quantity:
            done = refunded.get(line.product_id, 0)
            before = money.part(share, done, line.quantity)
            after = money.part(share, done + quantity, line.quantity)
            found.append(PricedPieces(position, line.product_id, quantity, after - before))
    return found


def remaining_pieces(order: Order, refunded: Mapping[str, int]) -> list[PricedPieces]:
    """Every piece that was not refunded yet, for what is left of the payment.

    That is less than was paid for them where an amount was given back for no piece.
    """
    wanted = {
        line.product_id: line.quantity - refunded.get(line.product_id, 0) for line in order.lines
    }
    pieces = price_pieces(order, refunded, wanted)
    amounts = money.apportion(order.total - order.refunded, [item.amount for item in pieces])
    return [
        PricedPieces(item.position, item.product_id, item.quantity, amount)
        for item, amount in zip(pieces, amounts, strict=True)
    ]


async def refunded_pieces(tx: Transaction, order: Order) -> dict[str, int]:
    """How many pieces of each product of a locked order were refunded."""
    return dict(await tx.all(REFUNDED_PIECES, order_id=order.id))


def exceeds_payment(
    order: Order,
    detail: str | None = None,
    *,
    fields: Sequence[FieldError] = (),
    refundable: Decimal | None = None,
) -> RefundExceedsPayment:
    """The error that says what can be refunded: what is left, unless said otherwise."""
    left = order.total - order.refunded if refundable is None else refundable
    return RefundExceedsPayment(
        detail,
        fields=fields,
        details={
            "captured": str(order.total),
            "refunded": str(order.refunded),
            "refundable": str(left),
            "currency": order.currency,
        },
    )


async def refund(
    ctx: Context,
    tx: Transaction,
    order: Order,
    amount: Decimal,
    pieces: Sequence[PricedPieces],
    *,
    restocked: bool,
    reason: str | None,
) -> tuple[Order, str]:
    """Move an amount from the shop back to the buyer; the order after that, and the refund's id.

    The order must be locked, and stock rows that change must have been.
    """
    paid = await _load_capture(tx, order)
    wallet = await tx.one(LOCK_WALLET, user_id=order.customer_id)
    if wallet is None:
        raise Internal
    ctx.refresh_now()
    # Whoever deletes their account holds the wallet meanwhile.
    if await tx.one(IS_DELETED, user_id=order.customer_id):
        message = "The buyer's account was deleted: there is no wallet to refund to."
        raise exceeds_payment(order, message, refundable=money.ZERO)
    transfer_id = await transfer(
        ctx,
        tx,
        TransferKind.REFUND,
        amount,
        source=SHOP,
        target=wallet.id,
        order_id=order.id,
        reverses_id=paid.transfer_id,
    )
    refund_id = ctx.new_id()
    await tx.write(
        INSERT_REFUND,
        id=refund_id,
        order_id=order.id,
        payment_id=paid.payment_id,
        transfer_id=transfer_id,
        amount=amount,
        currency=order.currency,
        reason=reason,
        restocked=restocked,
        actor_id=ctx.actor_id,
        created_at=ctx.now,
    )
    await tx.write(
        INSERT_REFUND_LINES,
        refund_id=refund_id,
        position=[item.position for item in pieces],
        product_id=[item.product_id for item in pieces],
        quantity=[item.quantity for item in pieces],
        amount=[item.amount for item in pieces],
    )
    await enqueue(ctx, tx, "invoices.credit", {"refundId": refund_id})
    await enqueue(ctx, tx, "mail.orderRefunded", {"refundId": refund_id})
    return await _record_refund(ctx, tx, order, amount), refund_id


async def restock(
    ctx: Context, tx: Transaction, order: Order, quantities: Mapping[str, int]
) -> None:
    """Take pieces of an order back into stock."""
    lines = [
        replace(line, quantity=quantities[line.product_id])
        for line in order.lines
        if quantities.get(line.product_id)
    ]
    if lines:
        returned = replace(order, lines=lines)
        await orders_steps.move_stock(ctx, tx, returned, RETURN_STOCK, MovementKind.RETURNED)


async def cancel_order(
    ctx: Context, tx: Transaction, order: Order, note: str | None
) -> PendingResult[Order]:
    """Cancel an order that may be cancelled; the order after that.

    What is left of the payment is given back, and what is not yet in stock again put there.
    """
    if order.payment_status is PaymentStatus.UNPAID:
        return await orders_steps.end_unpaid(ctx, tx, order, OrderStatus.CANCELLED, note)
    returned = dict(await tx.all(RETURNED_PIECES, order_id=order.id))
    not_returned = {
        line.product_id: line.quantity - returned.get(line.product_id, 0) for line in order.lines
    }
    await restock(ctx, tx, order, not_returned)
    if order.refunded < order.total:
        pieces = remaining_pieces(order, await refunded_pieces(tx, order))
        left = order.total - order.refunded
        order, _ = await refund(ctx, tx, order, left, pieces, restocked=True, reason=note)
    return await orders_steps.move_order(ctx, tx, order, OrderStatus.CANCELLED, note)


async def _load_capture(tx: Transaction, order: Order) -> Captured:
    paid = await tx.one(CAPTURED, order_id=order.id)
    if paid is None:
        raise Internal
    return paid


async def _record_refund(ctx: Context, tx: Transaction, order: Order, amount: Decimal) -> Order:
    """Note in the order how much was given back."""
    refunded = order.refunded + amount
    status = PaymentStatus.REFUNDED
    if refunded < order.total:
        status = PaymentStatus.PARTIALLY_REFUNDED
    await tx.write(REFUND_ORDER, order_id=order.id, now_refunded=refunded, to_payment_status=status)
    after = replace(order, refunded=refunded, payment_status=status)
    orders_steps.record_changes(ctx, order, after)
    return after
