"""Steps that refunding and cancelling an order share, inside their transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from persistence.database.transactions import Transaction
from persistence.orders.statements import REFUND_ORDER
from persistence.orders.statuses import OrderStatus, PaymentStatus, next_statuses
from persistence.orders.views import Order
from persistence.payments import CAPTURED, MARK_REFUNDED, Captured
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
from services.coupons import steps as coupons_steps
from services.errors.base import FieldError
from services.errors.common import Internal
from services.errors.refunds import RefundExceedsPayment
from services.events import audience, types
from services.events.emitting import emit
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.orders import steps as orders_steps
from services.wallet import transfer


@dataclass(frozen=True)
class PricedPieces:
    """Pieces of an order's line, and the amount to refund for them."""

    position: int
    product_id: str
    quantity: int
    amount: Decimal


def price_pieces(
    order: Order, refunded: Mapping[str, int], wanted: Mapping[str, int]
) -> list[PricedPieces]:
    """Price the wanted pieces: the part of the payment that belongs to them.

    The payment is divided among the lines by their totals, so that a discount lowers each line's
    share. The pieces of a line are priced in sequence after those refunded already: however a
    line is refunded in parts, the parts sum to its share.
    """
    currency = money.currency(order.currency)
    shares = money.apportion(order.total, [line.total for line in order.lines], currency)
    found: list[PricedPieces] = []
    for position, (line, share) in enumerate(zip(order.lines, shares, strict=True)):
        quantity = wanted.get(line.product_id, 0)
        if quantity:
            done = refunded.get(line.product_id, 0)
            before = money.part(share, done, line.quantity, currency)
            after = money.part(share, done + quantity, line.quantity, currency)
            found.append(PricedPieces(position, line.product_id, quantity, after - before))
    return found


def remaining_pieces(order: Order, refunded: Mapping[str, int]) -> list[PricedPieces]:
    """Price every piece that is not refunded yet, at what is left of the payment.

    The pieces get less than was paid for them when an amount was refunded for no piece.
    """
    wanted = {
        line.product_id: line.quantity - refunded.get(line.product_id, 0) for line in order.lines
    }
    pieces = price_pieces(order, refunded, wanted)
    left = order.total - order.refunded
    weights = [item.amount for item in pieces]
    amounts = money.apportion(left, weights, money.currency(order.currency))
    return [
        PricedPieces(item.position, item.product_id, item.quantity, amount)
        for item, amount in zip(pieces, amounts, strict=True)
    ]


async def refunded_pieces(tx: Transaction, order: Order) -> dict[str, int]:
    """The number of refunded pieces by product, of a locked order."""
    return dict(await tx.all(REFUNDED_PIECES, order_id=order.id))


def exceeds_payment(
    order: Order,
    detail: str | None = None,
    *,
    fields: Sequence[FieldError] = (),
    refundable: Decimal | None = None,
) -> RefundExceedsPayment:
    """Build the error that says how much can be refunded: ``refundable``, or else what is left."""
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
    """Refund an amount to the buyer; returns the changed order and the refund's id.

    The caller has locked the order, and the stock rows if it changes stock.
    """
    paid = await _load_capture(tx, order)
    wallet = await tx.one(LOCK_WALLET, user_id=order.customer_id)
    if wallet is None:
        raise Internal
    ctx.refresh_now()
    # Deleting an account locks the wallet, so this answer cannot change before COMMIT.
    if await tx.one(IS_DELETED, user_id=order.customer_id):
        message = "The buyer's account was deleted, so there is no wallet to refund to."
        raise exceeds_payment(order, message, refundable=money.currency(order.currency).zero)
    transfer_id = await transfer(
        ctx,
        tx,
        TransferKind.REFUND,
        amount,
        wallet=wallet,
        owner_id=order.customer_id,
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
    """Return pieces of an order to stock; ``quantities`` are by product."""
    lines = [
        replace(line, quantity=quantities[line.product_id])
        for line in order.lines
        if quantities.get(line.product_id)
    ]
    if lines:
        returned = replace(order, lines=lines)
        await orders_steps.move_stock(ctx, tx, returned, RETURN_STOCK, MovementKind.RETURNED)


async def cancel_order(ctx: Context, tx: Transaction, order: Order, note: str | None) -> Order:
    """Cancel an order that may be cancelled; returns the changed order.

    A paid order returns to stock the pieces that have not returned yet, and refunds what is left
    of its payment. Its coupon is used up when the buyer cancels; when somebody else does, it is
    released.
    """
    if order.payment_status == PaymentStatus.UNPAID:
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
    if ctx.actor_id != order.customer_id:
        await coupons_steps.release_coupon(tx, order)
    return await orders_steps.move_order(ctx, tx, order, OrderStatus.CANCELLED, note)


async def _load_capture(tx: Transaction, order: Order) -> Captured:
    paid = await tx.one(CAPTURED, order_id=order.id)
    if paid is None:
        raise Internal
    return paid


async def _record_refund(ctx: Context, tx: Transaction, order: Order, amount: Decimal) -> Order:
    """Update the order's refunded sum and payment status, and the payment's status."""
    refunded = order.refunded + amount
    status = PaymentStatus.REFUNDED
    if refunded < order.total:
        status = PaymentStatus.PARTIALLY_REFUNDED
    await tx.write(REFUND_ORDER, order_id=order.id, now_refunded=refunded, to_payment_status=status)
    if status is PaymentStatus.REFUNDED:
        await tx.write(MARK_REFUNDED, refunded_order=order.id)
    after = orders_steps.changed_order(
        ctx,
        order,
        refunded=refunded,
        payment_status=status,
        next_statuses=next_statuses(order.status, status),
    )
    orders_steps.record_changes(ctx, order, after)
    emit(ctx, types.ORDER_REFUNDED, after, audience.of_order(after))
    return after
