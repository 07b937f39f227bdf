"""Steps that placing, paying and cancelling an order share. They run inside its transaction."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from persistence.database import Transaction
from persistence.orders import (
    INSERT_EVENT,
    LOCK_ORDER,
    MOVE_ORDER,
    ORDER,
    Order,
    OrderStatus,
    PaymentStatus,
)
from persistence.payments import TRANSFER_OF_ORDER
from persistence.products import INSERT_MOVEMENTS, LOCK_STOCK_ROWS, MovementKind, StockedProduct
from persistence.sql import Query
from persistence.wallet import LOCK_WALLET, SHOP, TransferKind, Wallet
from services import wallet as wallets
from services.core.context import Context
from services.core.errors import (
    FieldError,
    InsufficientFunds,
    Internal,
    OrderNotFound,
    OrderStatusInvalid,
    OutOfStock,
    ProductNotFound,
)


class Line(Protocol):
    """A product to buy, and how many pieces of it."""

    @property
    def product_id(self) -> str: ...

    @property
    def quantity(self) -> int: ...


async def locked(ctx: Context, tx: Transaction, order_id: str, *changed: str) -> Order:
    """The order under its lock, if the caller may see it and act on it."""
    order = await tx.one(LOCK_ORDER, order_id=order_id, **ctx.sight)
    if order is None:
        raise OrderNotFound
    ctx.tick()
    ctx.record("order", order.id, *changed)
    ctx.own(order.customer_id)
    return order


async def stored(tx: Transaction, order_id: str) -> Order:
    """The order as it stands now, for the one who just wrote it."""
    [order] = await tx.all(ORDER.stored, ids=[order_id])
    return order


def refuse_missing(lines: Sequence[Line], products: Mapping[str, StockedProduct]) -> None:
    """Raise `ProductNotFound` or `OutOfStock`, naming every line that is wrong."""
    unknown = [
        FieldError(f"lines.{place}.productId", "NOT_FOUND", "There is no such product.")
        for place, line in enumerate(lines)
        if line.product_id not in products
    ]
    if unknown:
        raise ProductNotFound(fields=unknown)
    short = [
        FieldError(
            f"lines.{place}.quantity",
            "OUT_OF_STOCK",
            f"Only {products[line.product_id].available} left.",
        )
        for place, line in enumerate(lines)
        if line.quantity > products[line.product_id].available
    ]
    if short:
        raise OutOfStock(fields=short)


def refuse_short(wallet: Wallet | None, total: Decimal) -> Wallet:
    """The wallet, if it holds the total; raises `InsufficientFunds`."""
    if wallet is None:
        raise Internal
    if wallet.balance < total:
        raise InsufficientFunds(
            details={
                "balance": str(wallet.balance),
                "required": str(total),
                "missing": str(total - wallet.balance),
                "currency": wallet.currency,
            }
        )
    return wallet


def refuse_move(order: Order, to: OrderStatus) -> None:
    """Raise `OrderStatusInvalid` where the status machine has no such way."""
    if to not in order.next_statuses:
        raise OrderStatusInvalid(
            details={"status": order.status, "nextStatuses": order.next_statuses}
        )


async def move_stock(
    ctx: Context, tx: Transaction, order: Order, change: Query[None], kind: MovementKind | None
) -> None:
    """Change the stock of an order's lines, rows locked by id; note pieces that came or went."""
    ids = [line.product_id for line in order.lines]
    quantities = [line.quantity for line in order.lines]
    await tx.all(LOCK_STOCK_ROWS, ids=ids)
    await tx.all(change, ids=ids, quantities=quantities)
    if kind is not None:
        sign = -1 if kind is MovementKind.SOLD else 1
        await tx.all(
            INSERT_MOVEMENTS,
            kind=kind,
            order_id=order.id,
            created_at=ctx.now,
            id=[ctx.new_id() for _ in ids],
            product_id=ids,
            quantity=[sign * quantity for quantity in quantities],
        )


async def refund(ctx: Context, tx: Transaction, order: Order) -> None:
    """Give the whole payment back to the buyer's wallet."""
    paid = await tx.one(TRANSFER_OF_ORDER, order_id=order.id)
    wallet = await tx.one(LOCK_WALLET, user_id=order.customer_id)
    if paid is None or wallet is None:
        raise Internal
    ctx.tick()
    await wallets.transfer(
        ctx,
        tx,
        TransferKind.REFUND,
        order.total,
        source=SHOP,
        target=wallet.id,
        order_id=order.id,
        reverses_id=paid,
    )


async def move(
    ctx: Context,
    tx: Transaction,
    order: Order,
    to: OrderStatus,
    payment_status: PaymentStatus,
    note: str | None = None,
) -> None:
    """Set the status, and write the transition into the history."""
    await tx.all(
        MOVE_ORDER,
        order_id=order.id,
        to_status=to,
        to_payment_status=payment_status,
        at_paid=ctx.now if to is OrderStatus.PAID else order.paid_at,
        at_cancelled=ctx.now if to is OrderStatus.CANCELLED else None,
    )
    await write_history(ctx, tx, order.id, order.status, to, note)


async def write_history(
    ctx: Context,
    tx: Transaction,
    order_id: str,
    before: OrderStatus | None,
    after: OrderStatus,
    note: str | None = None,
) -> None:
    """Write one transition of an order."""
    await tx.all(
        INSERT_EVENT,
        id=ctx.new_id(),
        order_id=order_id,
        from_status=before,
        to_status=after,
        actor_id=ctx.user_id,
        note=note,
        created_at=ctx.now,
    )
