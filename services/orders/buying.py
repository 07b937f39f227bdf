"""Orders, as the buyer sees them: placed, read, paid and cancelled."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from msgspec import structs
from pydantic import Field, model_validator

from persistence.database.transactions import Transaction
from persistence.fast.batching import PendingResult
from persistence.orders.history import HISTORY, OrderEvent
from persistence.orders.statements import LOCK_OFFERS
from persistence.orders.statuses import MOVES as MOVES
from persistence.orders.statuses import NEXT_STATUSES as NEXT_STATUSES
from persistence.orders.statuses import OrderStatus, PaymentStatus
from persistence.orders.views import ORDER, OWN_ORDERS, VISIBLE_IDS, Order, Quote
from persistence.orders.views import OrderLine as OrderLine
from persistence.orders.views import ShippingAddress as ShippingAddress
from persistence.payments import INSERT_PAYMENT, Payment
from persistence.products import (
    HOLD_STOCK,
    SELL_STOCK,
    STOCKED,
    MovementKind,
)
from persistence.wallet import LOCK_WALLET, SHOP, TransferKind
from services import wallet as wallets
from services.access.callers import viewer_values_for_relation
from services.access.permissions import Permission
from services.coupons import steps as coupons
from services.errors.common import (
    InsufficientFunds,
    Internal,
    OrderNotFound,
    OrderStatusInvalid,
    OutOfStock,
    ProductNotFound,
    TandemError,
)
from services.errors.coupons import CouponExhausted, CouponExpired, CouponInvalid
from services.ids import NOWHERE, parsed
from services.jobs.queue import enqueue
from services.operation import paging
from services.operation.context import Context, Request, Wanted
from services.operation.inputs import (
    CouponCode,
    Input,
    Line,
    Lines,
    PathId,
    Period,
    Reference,
    wrong,
)
from services.operation.paging import Page, Paged
from services.operation.running import Key, operation
from services.orders import steps
from services.refunds import steps as refunds_steps

AddressLine = Annotated[Line, Field(min_length=1, max_length=100)]
COUPON_ERRORS = (CouponInvalid, CouponExpired, CouponExhausted)
Country = Annotated[Line, Field(pattern="^[A-Z]{2}$", json_schema_extra={"pattern": "[A-Z]{2}"})]


class OrderId(Input):
    """Which order."""

    id: PathId = Field(description="The order's id.")


class NewOrderLine(Input):
    """One product to buy."""

    product_id: Reference = Field(description="The product.")
    quantity: Annotated[int, Field(ge=1, le=10_000)] = Field(
        description="How many pieces.", examples=[2]
    )


class NewShippingAddress(Input):
    """Where to send an order."""

    name: AddressLine = Field(description="Who receives it.", examples=["Ada Lovelace"])
    line1: AddressLine = Field(description="Street and number.", examples=["12 St James's Square"])
    line2: AddressLine | None = Field(None, description="Flat, floor or company.")
    city: AddressLine = Field(description="Town or city.", examples=["London"])
    postal_code: Annotated[Line, Field(min_length=1, max_length=20)] = Field(
        description="Postal code.", examples=["SW1Y 4JH"]
    )
    country: Country = Field(description="ISO 3166-1 alpha-2 code.", examples=["GB"])


class QuoteOrder(Input):
    """What to buy."""

    lines: Annotated[list[NewOrderLine], Field(min_length=1, max_length=100)] = Field(
        description="What to buy; each product once.", json_schema_extra={"uniqueItems": True}
    )
    coupon_code: CouponCode | None = Field(
        None, description="A coupon to redeem, in whatever case.", examples=["WELCOME10"]
    )

    @model_validator(mode="after")
    def _each_product_once(self) -> Self:
        seen: set[str] = set()
        for place, line in enumerate(self.lines):
            if line.product_id in seen:
                field = f"lines.{place}.productId"
                raise wrong("REPEATED", "Name each product once, with its quantity.", field)
            seen.add(line.product_id)
        return self


class CreateOrder(QuoteOrder):
    """What to buy, and where to send it."""

    shipping_address: NewShippingAddress | None = Field(None, description="Where to send it.")


class ListOrders(Paged, Period):
    """Which orders, in which order."""

    status: OrderStatus | None = Field(None, description="Where the order stands.", strict=False)
    number: Annotated[Line, Field(min_length=1, max_length=30)] | None = Field(
        None, description="The order's number."
    )
    sort: Literal["-createdAt", "createdAt"] = Field("-createdAt", description="Order of the list.")


class ListHistory(Paged):
    """Which transitions, in which order."""

    sort: Literal["-createdAt"] = Field("-createdAt", description="Order of the list.")


class CancelOrder(OrderId):
    """Which order to cancel, and why."""

    reason: Annotated[Lines, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Why, for the order's history."
    )


@operation(
    "orders.quote",
    who=Permission.ORDERS_WRITE_OWN,
    input=QuoteOrder,
    result=Quote,
    errors=[ProductNotFound, *COUPON_ERRORS],
    body=True,
    cost=2,
)
async def quote(ctx: Context, input: QuoteOrder) -> Quote:
    """What an order would cost now.

    Nothing is held: prices and stock may change until the order is placed.
    """
    terms = None
    if input.coupon_code is not None:
        terms = await coupons.terms_of(ctx.reader, input.coupon_code)
    ids = [line.product_id for line in input.lines]
    products = {row.product_id: row for row in await ctx.reader.all(STOCKED, ids=ids)}
    steps.refuse_unknown(input.lines, products)
    return await steps.quoted(ctx, ctx.reader, input.lines, products, terms)


@operation(
    "orders.create",
    who=Permission.ORDERS_WRITE_OWN,
    input=CreateOrder,
    result=Order,
    errors=[ProductNotFound, *COUPON_ERRORS, OutOfStock, InsufficientFunds],
    writes=True,
    key=Key.OPTIONAL,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateOrder) -> PendingResult[Order]:
    """Place an order and hold its stock until it is paid, or until it expires.

    Prices and stock are read again under lock; the wallet must hold the total already. A large
    order waits for a manager's approval first. A coupon is held with the stock.
    """
    terms = None
    if input.coupon_code is not None:
        terms = await coupons.locked_terms(ctx, tx, input.coupon_code)
    ids = [line.product_id for line in input.lines]
    offers = {row.product_id: row for row in await tx.all(LOCK_OFFERS, ids=ids, buyer=ctx.user_id)}
    steps.refuse_unknown(input.lines, offers)
    steps.refuse_scarce(input.lines, offers)
    quote = await steps.quoted(ctx, tx, input.lines, offers, terms)
    steps.refuse_short(offers[ids[0]].balance, quote.total, quote.currency)
    address = input.shipping_address and ShippingAddress(**input.shipping_address.model_dump())
    order = steps.drafted(ctx, quote, terms, address)
    ctx.record("order", order.id, "status", "lines", "shippingAddress", "total")
    placed = await steps.place(tx, order)
    if terms is not None:
        await coupons.hold_coupon(ctx, tx, terms, order.id, order.discount)
    await tx.write(HOLD_STOCK, ids=ids, quantities=[line.quantity for line in order.lines])
    ctx.touch("product", *ids)
    await steps.write_history(ctx, tx, order.id, None, order.status)
    return placed


@operation(
    "orders.get",
    who=Permission.ORDERS_READ_OWN,
    input=OrderId,
    result=Order,
    errors=[OrderNotFound],
)
async def get(ctx: Context, input: OrderId) -> Order:
    """One order."""
    order = await ctx.reader.one(ORDER.of_ids(ctx.wanted), ids=[input.id], **ctx.viewer_values)
    if order is None:
        raise OrderNotFound
    return order


@operation(
    "orders.list", who=Permission.ORDERS_READ_OWN, input=ListOrders, result=Order, paged=True
)
async def list_(ctx: Context, input: ListOrders) -> Page[Order]:
    """The caller's own orders, newest first."""
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
    """How an order came to stand where it stands, newest first."""
    spelled = {id: parsed(id) or NOWHERE for id in order_ids}
    visible = await ctx.reader.all(VISIBLE_IDS, ids=list(spelled.values()), **ctx.viewer_values)
    pages = await paging.pages(ctx, HISTORY, visible, input, input.sort)
    return {id: pages.get(spelled[id]) or OrderNotFound() for id in order_ids}


@operation(
    "orders.pay",
    who=Permission.ORDERS_PAY_OWN,
    input=OrderId,
    result=Payment,
    errors=[OrderNotFound, OrderStatusInvalid, InsufficientFunds],
    writes=True,
    key=Key.REQUIRED,
    cost=5,
)
async def pay(ctx: Context, tx: Transaction, input: OrderId) -> Payment:
    """Pay an order from the caller's wallet, exactly once.

    The held stock is sold with it.
    """
    order = await steps.locked(ctx, tx, input.id)
    steps.refuse_move(ctx, order, OrderStatus.PAID)
    await steps.move_stock(ctx, tx, order, SELL_STOCK, MovementKind.SOLD)
    wallet = await tx.one(LOCK_WALLET, user_id=ctx.user_id)
    ctx.refresh_now()
    if wallet is None:
        raise Internal
    steps.refuse_short(wallet.balance, order.total, wallet.currency)
    transfer_id = await wallets.transfer(
        ctx,
        tx,
        TransferKind.PAYMENT,
        order.total,
        source=wallet.id,
        target=SHOP,
        order_id=order.id,
    )
    payment = Payment(ctx.new_id(), order.id, order.total, order.currency, ctx.now)
    await tx.write(INSERT_PAYMENT, transfer_id=transfer_id, **structs.asdict(payment))
    await coupons.use_coupon(tx, order)
    await steps.move(ctx, tx, order, OrderStatus.PAID, payment_status=PaymentStatus.PAID)
    await enqueue(ctx, tx, "invoices.issue", {"orderId": order.id})
    await enqueue(ctx, tx, "mail.orderPaid", {"orderId": order.id})
    return payment


@operation(
    "orders.cancel",
    who=Permission.ORDERS_WRITE_OWN,
    input=CancelOrder,
    result=Order,
    errors=[OrderNotFound, OrderStatusInvalid],
    writes=True,
    key=Key.OPTIONAL,
    conditional=True,
    cost=5,
)
async def cancel(ctx: Context, tx: Transaction, input: CancelOrder) -> PendingResult[Order]:
    """Cancel an order; a paid one is refunded and its stock put back."""
    order = await steps.locked(ctx, tx, input.id)
    ctx.match(order)
    steps.refuse_move(ctx, order, OrderStatus.CANCELLED)
    return await refunds_steps.cancel(ctx, tx, order, input.reason)


async def by_ids(
    request: Request, ids: Sequence[str], wanted: Wanted | None = None
) -> dict[str, Order]:
    """Orders by id, as far as the caller may see them; relation of payments and entries."""
    rows = await request.reader.all(
        ORDER.of_ids(wanted), ids=list(ids), **viewer_values_for_relation(request, "orders")
    )
    return {row.id: row for row in rows}
