"""Steps that the operations of orders, refunds and approvals share, inside their transaction."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from msgspec import structs
from msgspec.structs import replace

from persistence.coupons.statements import CouponTerms
from persistence.database.statements import Query
from persistence.database.transactions import Reader, Transaction
from persistence.orders.history import INSERT_EVENT
from persistence.orders.statements import (
    INSERT_LINES,
    INSERT_ORDER,
    LOCK_ORDER,
    MOVE_ORDER,
    Offer,
)
from persistence.orders.statuses import MOVES, OrderStatus, PaymentStatus, next_statuses
from persistence.orders.views import Order, OrderLine, Quote, ShippingAddress
from persistence.products.statements import (
    INSERT_MOVEMENTS,
    LOCK_STOCK_ROWS,
    RELEASE_STOCK,
    StockedProduct,
)
from persistence.products.tables import MovementKind
from persistence.wallet import LOCK_WALLET
from services import money
from services.coupons import steps as coupons_steps
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.errors.orders import OrderNotFound, OrderStatusInvalid
from services.errors.products import OutOfStock, ProductNotFound
from services.errors.wallet import InsufficientFunds
from services.events import audience, types
from services.events.emitting import emit
from services.operation.context import Context


class RequestedLine(Protocol):
    """A line of an order to price or to place."""

    @property
    def product_id(self) -> str: ...

    @property
    def quantity(self) -> int: ...


async def lock_order(ctx: Context, tx: Transaction, order_id: str) -> Order:
    """Lock and load the order; raises `OrderNotFound`, or `Forbidden` when it is another user's."""
    locked = await tx.one(LOCK_ORDER, order_id=order_id, **ctx.viewer_values)
    if locked is None:
        raise OrderNotFound
    order, ctx.row_time = locked
    ctx.refresh_now()
    ctx.record("order", order.id)
    ctx.require_ownership(order.customer_id)
    return order


def record_changes(ctx: Context, before: Order, after: Order) -> None:
    """Add the fields that changed in an order to those that the audit row names."""
    differ = [
        field.encode_name
        for field in structs.fields(Order)
        if getattr(before, field.name) != getattr(after, field.name)
    ]
    # The others follow from these.
    named = dict.fromkeys([*ctx.changed, *differ])
    follow = {"nextStatuses", "version", "updatedAt"}
    ctx.changed = [name for name in named if name not in follow]


def refuse_unknown(
    lines: Sequence[RequestedLine], products: Mapping[str, StockedProduct | Offer]
) -> None:
    """Raise `ProductNotFound` with every line whose product is not sold."""
    unknown = [
        FieldError(f"lines.{position}.productId", "NOT_FOUND", "There is no such product.")
        for position, line in enumerate(lines)
        if line.product_id not in products
    ]
    if unknown:
        raise ProductNotFound(fields=unknown)


def refuse_scarce(
    lines: Sequence[RequestedLine], products: Mapping[str, StockedProduct | Offer]
) -> None:
    """Raise `OutOfStock` with every line that asks for more pieces than are available."""
    short = [
        FieldError(
            f"lines.{position}.quantity",
            "OUT_OF_STOCK",
            f"Only {products[line.product_id].available} left.",
        )
        for position, line in enumerate(lines)
        if line.quantity > products[line.product_id].available
    ]
    if short:
        raise OutOfStock(fields=short)


def refuse_insufficient_funds(
    balance: Decimal, total: Decimal, currency: str, *, held: Decimal | None = None
) -> None:
    """Raise `InsufficientFunds` when a wallet has less than the total.

    ``held`` is what unpaid orders hold of the balance, where a new order must leave that alone.
    The wallet is locked.
    """
    missing = total - balance + (held or 0)
    if missing > 0:
        raise InsufficientFunds(
            details={
                "balance": str(balance),
                **({} if held is None else {"held": str(held)}),
                "required": str(total),
                "missing": str(missing),
                "currency": currency,
            }
        )


async def quote_lines(
    ctx: Context,
    reader: Reader,
    lines: Sequence[RequestedLine],
    products: Mapping[str, StockedProduct | Offer],
    terms: CouponTerms | None,
) -> Quote:
    """Price the lines, with a coupon's discount if ``terms`` are given.

    Raises `ValidationFailed` when the sum is too large, and the errors of `coupons_steps.discount`.
    """
    priced = [
        OrderLine(
            product_id=line.product_id,
            name=products[line.product_id].name,
            quantity=line.quantity,
            unit_price=products[line.product_id].price,
            total=products[line.product_id].price * line.quantity,
        )
        for line in lines
    ]
    currency = money.currency(ctx.settings.currency)
    subtotal = money.total((line.total for line in priced), currency)
    if subtotal > currency.largest:
        message = f"The total must not be above {currency.largest}."
        raise ValidationFailed(fields=[FieldError("lines", "TOO_LARGE", message)])
    discount = currency.zero
    if terms is not None:
        discount = await coupons_steps.discount(ctx, reader, terms, subtotal)
    total = subtotal - discount
    return Quote(
        lines=priced,
        subtotal=subtotal,
        discount=discount,
        total=total,
        tax=money.tax_within(total, ctx.settings.tax_rate, currency),
        currency=currency.code,
        needs_approval=total > ctx.settings.approval_above,
    )


def new_order(
    ctx: Context,
    quote: Quote,
    offer: Offer,
    terms: CouponTerms | None,
    address: ShippingAddress | None,
) -> Order:
    """Build the order from a quote; ``offer`` has the number that the database gave it."""
    status, seconds = OrderStatus.PENDING, ctx.settings.hold_seconds
    if quote.needs_approval:
        status, seconds = OrderStatus.AWAITING_APPROVAL, ctx.settings.approval_seconds
    return Order(
        id=ctx.new_id(),
        number=offer.order_number,
        customer_id=ctx.user_id,
        status=status,
        payment_status=PaymentStatus.UNPAID,
        next_statuses=next_statuses(status, PaymentStatus.UNPAID),
        lines=quote.lines,
        subtotal=quote.subtotal,
        discount=quote.discount,
        total=quote.total,
        tax=quote.tax,
        refunded=money.currency(quote.currency).zero,
        currency=quote.currency,
        shipping_address=address,
        coupon_id=terms and terms.id,
        coupon_code=terms and terms.code,
        tracking_code=None,
        version=1,
        created_at=ctx.now,
        updated_at=offer.row_time,
        expires_at=ctx.now + timedelta(seconds=seconds),
        approved_at=None,
        paid_at=None,
        shipped_at=None,
        delivered_at=None,
        cancelled_at=None,
        invoice_id=None,
    )


async def insert_order(tx: Transaction, order: Order) -> None:
    """Insert an order and its lines."""
    await tx.write(INSERT_ORDER, **structs.asdict(order))
    await tx.write(
        INSERT_LINES,
        order_id=order.id,
        position=list(range(len(order.lines))),
        product_id=[line.product_id for line in order.lines],
        name=[line.name for line in order.lines],
        quantity=[line.quantity for line in order.lines],
        unit_price=[line.unit_price for line in order.lines],
        total=[line.total for line in order.lines],
    )


def refuse_move(ctx: Context, order: Order, to: OrderStatus) -> None:
    """Raise `OrderStatusInvalid` when the operation may not move the order to this status."""
    by = {move.by for move in MOVES if (move.before, move.after) == (order.status, to)}
    if to not in order.next_statuses or not any(ctx.operation.name in names for names in by):
        raise OrderStatusInvalid(
            details={"status": order.status, "nextStatuses": order.next_statuses}
        )


async def move_stock(
    ctx: Context, tx: Transaction, order: Order, change: Query[None], kind: MovementKind | None
) -> None:
    """Change the stock of an order's lines, and write stock movements if ``kind`` is given.

    The stock rows are locked in the order of their ids.
    """
    ids = [line.product_id for line in order.lines]
    quantities = [line.quantity for line in order.lines]
    await tx.all(LOCK_STOCK_ROWS, ids=ids)
    await tx.write(change, ids=ids, quantities=quantities)
    ctx.invalidate("product", *ids)
    if kind is not None:
        sign = -1 if kind is MovementKind.SOLD else 1
        await tx.write(
            INSERT_MOVEMENTS,
            kind=kind,
            order_id=order.id,
            created_at=ctx.now,
            id=[ctx.new_id() for _ in ids],
            product_id=ids,
            quantity=[sign * quantity for quantity in quantities],
        )


async def end_unpaid(
    ctx: Context, tx: Transaction, order: Order, to: OrderStatus, note: str | None = None
) -> Order:
    """End an unpaid order: release its stock and its coupon, and move it to a final status.

    The move releases the money that the order holds; the wallet is locked for that.
    """
    await coupons_steps.release_coupon(tx, order)
    await move_stock(ctx, tx, order, RELEASE_STOCK, None)
    await tx.all(LOCK_WALLET, user_id=order.customer_id)
    return await move_order(ctx, tx, order, to, note)


#: The event of an order that reaches a status.
_EVENTS = {
    OrderStatus.PENDING: types.ORDER_APPROVED,
    OrderStatus.REJECTED: types.ORDER_REJECTED,
    OrderStatus.PAID: types.ORDER_PAID,
    OrderStatus.CONFIRMED: types.ORDER_CONFIRMED,
    OrderStatus.SHIPPED: types.ORDER_SHIPPED,
    OrderStatus.DELIVERED: types.ORDER_DELIVERED,
    OrderStatus.CANCELLED: types.ORDER_CANCELLED,
    OrderStatus.EXPIRED: types.ORDER_EXPIRED,
}
#: The column that holds when an order reached a status.
_STATUS_TIMES = {
    OrderStatus.PAID: "paid_at",
    OrderStatus.SHIPPED: "shipped_at",
    OrderStatus.DELIVERED: "delivered_at",
    OrderStatus.CANCELLED: "cancelled_at",
}


async def move_order(
    ctx: Context,
    tx: Transaction,
    order: Order,
    to: OrderStatus,
    note: str | None = None,
    **changes: Any,
) -> Order:
    """Move an order to a status: update the order, write its history, and emit its event.

    ``changes`` are other fields that change with the status. ``expires_at`` becomes None unless
    it is among them. The order was locked by `lock_order`.
    """
    if to in _STATUS_TIMES:
        changes[_STATUS_TIMES[to]] = ctx.now
    further = next_statuses(to, changes.get("payment_status", order.payment_status))
    changes = {"expires_at": None, "status": to, "next_statuses": further, **changes}
    then = changed_order(ctx, order, **changes)
    await tx.write(
        MOVE_ORDER,
        order_id=then.id,
        to_status=then.status,
        to_payment_status=then.payment_status,
        next_expires_at=then.expires_at,
        next_approved_at=then.approved_at,
        next_paid_at=then.paid_at,
        next_shipped_at=then.shipped_at,
        next_delivered_at=then.delivered_at,
        next_cancelled_at=then.cancelled_at,
        next_tracking_code=then.tracking_code,
    )
    record_changes(ctx, order, then)
    await write_history(ctx, tx, order.id, order.status, to, note)
    emit(ctx, _EVENTS[to], then, audience.of_order(then))
    return then


def changed_order(ctx: Context, order: Order, **changes: Any) -> Order:
    """A locked order as one UPDATE will leave it: with the next version and PostgreSQL's time."""
    assert ctx.row_time is not None
    return replace(order, version=order.version + 1, updated_at=ctx.row_time, **changes)


async def write_history(
    ctx: Context,
    tx: Transaction,
    order_id: str,
    before: OrderStatus | None,
    after: OrderStatus,
    note: str | None = None,
) -> None:
    """Write one status change into an order's history."""
    await tx.write(
        INSERT_EVENT,
        id=ctx.new_id(),
        order_id=order_id,
        from_status=before,
        to_status=after,
        actor_id=ctx.actor_id,
        note=note,
        created_at=ctx.now,
    )
