"""Operations of buyers: quote, place, pay and cancel an order."""

from typing import Annotated, Self

from msgspec import structs
from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from persistence.database.transactions import Transaction
from persistence.orders.statements import LOCK_OFFERS
from persistence.orders.statuses import OrderStatus, PaymentStatus
from persistence.orders.views import Order, Quote, ShippingAddress
from persistence.payments import INSERT_PAYMENT, Payment
from persistence.products.statements import HOLD_STOCK, SELL_STOCK, STOCKED
from persistence.products.tables import MovementKind
from persistence.wallet import LOCK_WALLET, SHOP, TransferKind
from services.access.permissions import Permission
from services.countries import WITHOUT_POSTAL_CODES, country_fault
from services.coupons import steps as coupons_steps
from services.errors.common import Internal
from services.errors.coupons import CouponExhausted, CouponExpired, CouponInvalid
from services.errors.orders import OrderNotFound, OrderStatusInvalid
from services.errors.products import OutOfStock, ProductNotFound
from services.errors.wallet import InsufficientFunds
from services.events import audience, types
from services.events.emitting import emit
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import (
    REQUIRED,
    CouponCode,
    Input,
    Line,
    Lines,
    NameLine,
    Reference,
    formed,
    wrong,
)
from services.operation.operation import operation
from services.orders import steps
from services.orders.reading import OrderId
from services.products.steps import emit_low_stock
from services.refunds import steps as refunds_steps
from services.wallet import transfer

AddressLine = Annotated[NameLine, Field(min_length=1, max_length=100)]


COUPON_ERRORS = (CouponInvalid, CouponExpired, CouponExhausted)


def _country(code: str) -> str:
    fault = country_fault(code)
    if fault is not None:
        raise wrong("INVALID_CHOICE", fault)
    return code


Country = Annotated[
    Line,
    Field(
        pattern=formed("^[A-Z]{2}$", "Give two capital letters, such as DE."),
        json_schema_extra={"pattern": "[A-Z]{2}"},
    ),
    AfterValidator(_country),
]


class NewOrderLine(Input):
    """A product to buy, and how many pieces of it."""

    product_id: Reference = Field(description="Id of the product.")
    quantity: Annotated[int, Field(ge=1, le=10_000)] = Field(
        description="How many pieces.", examples=[2]
    )


class NewShippingAddress(Input):
    """The address that an order is sent to."""

    name: AddressLine = Field(description="Name of the recipient.", examples=["Ada Lovelace"])
    line1: AddressLine = Field(description="Street and number.", examples=["12 St James's Square"])
    line2: AddressLine | None = Field(None, description="Flat, floor or company.")
    city: AddressLine = Field(description="Town or city.", examples=["London"])
    country: Country = Field(description="ISO 3166-1 alpha-2 code.", examples=["GB"])
    postal_code: Annotated[NameLine, Field(min_length=1, max_length=20)] | None = Field(
        None,
        description="Postal code. Required except where the country has none.",
        examples=["SW1Y 4JH"],
        validate_default=True,
    )

    @field_validator("postal_code")
    @classmethod
    def _postal_code_where_there_is_one(
        cls, postal_code: str | None, info: ValidationInfo
    ) -> str | None:
        # A bad country is not among the data; it is reported by itself.
        if postal_code is None and info.data.get("country", "") not in WITHOUT_POSTAL_CODES:
            raise wrong(*REQUIRED)
        return postal_code


class QuoteOrder(Input):
    """The products to buy, and a coupon."""

    lines: Annotated[list[NewOrderLine], Field(min_length=1, max_length=100)] = Field(
        description="The products to buy. Name each product once.",
        json_schema_extra={"uniqueItems": True},
    )
    coupon_code: CouponCode | None = Field(
        None,
        description="Code of the coupon to redeem; case does not matter.",
        examples=["WELCOME10"],
    )

    @model_validator(mode="after")
    def _each_product_once(self) -> Self:
        seen: set[str] = set()
        for position, line in enumerate(self.lines):
            if line.product_id in seen:
                field = f"lines.{position}.productId"
                raise wrong("REPEATED", "Name each product once, with its quantity.", field)
            seen.add(line.product_id)
        return self


class CreateOrder(QuoteOrder):
    """The products to buy, a coupon, and the shipping address."""

    shipping_address: NewShippingAddress | None = Field(
        None, description="The address that the order is sent to."
    )


class CancelOrder(OrderId):
    """Why the order is cancelled."""

    reason: Annotated[Lines, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Reason, shown in the order's history."
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
    """Calculate what an order would cost now.

    A quote holds no stock and no coupon: prices and stock may change until the order is placed.
    """
    terms = None
    if input.coupon_code is not None:
        terms = await coupons_steps.load_terms(ctx.reader, input.coupon_code)
    ids = [line.product_id for line in input.lines]
    products = {row.product_id: row for row in await ctx.reader.all(STOCKED, ids=ids)}
    steps.refuse_unknown(input.lines, products)
    return await steps.quote_lines(ctx, ctx.reader, input.lines, products, terms)


@operation(
    "orders.create",
    who=Permission.ORDERS_WRITE_OWN,
    input=CreateOrder,
    result=Order,
    errors=[ProductNotFound, *COUPON_ERRORS, OutOfStock, InsufficientFunds],
    writes=True,
    emits=(types.ORDER_CREATED, types.PRODUCT_STOCK_LOW),
    key=Key.OPTIONAL,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateOrder) -> Order:
    """Place an order; it holds its stock, its coupon and its total until it is paid or ends.

    Prices and stock are read again under lock. The wallet must have the total beside what other
    unpaid orders hold of its balance. A large order must be approved by a manager before it can be
    paid.
    """
    terms = None
    if input.coupon_code is not None:
        terms = await coupons_steps.lock_terms(ctx, tx, input.coupon_code)
    ids = [line.product_id for line in input.lines]
    offers = {row.product_id: row for row in await tx.all(LOCK_OFFERS, ids=ids, buyer=ctx.user_id)}
    steps.refuse_unknown(input.lines, offers)
    steps.refuse_scarce(input.lines, offers)
    quote = await steps.quote_lines(ctx, tx, input.lines, offers, terms)
    first = offers[ids[0]]
    if first.balance is None:
        raise Internal
    steps.refuse_insufficient_funds(first.balance, quote.total, quote.currency, held=first.held)
    address = input.shipping_address and ShippingAddress(**input.shipping_address.model_dump())
    order = steps.new_order(ctx, quote, first, terms, address)
    ctx.record("order", order.id, "status", "lines", "shippingAddress", "total")
    pieces = {line.product_id: line.quantity for line in order.lines}
    stocks = {id: (offers[id].available, offers[id].available - pieces[id]) for id in ids}
    await emit_low_stock(ctx, tx, stocks)
    await steps.insert_order(tx, order)
    if terms is not None:
        await coupons_steps.hold_coupon(ctx, tx, terms, order.id, order.discount)
    await tx.write(HOLD_STOCK, ids=ids, quantities=[line.quantity for line in order.lines])
    ctx.invalidate("product", *ids)
    await steps.write_history(ctx, tx, order.id, None, order.status)
    await enqueue(ctx, tx, "mail.orderPlaced", {"orderId": order.id})
    emit(ctx, types.ORDER_CREATED, order, audience.of_order(order))
    return order


@operation(
    "orders.pay",
    who=Permission.ORDERS_PAY_OWN,
    input=OrderId,
    result=Payment,
    errors=[OrderNotFound, OrderStatusInvalid, InsufficientFunds],
    writes=True,
    emits=(types.WALLET_DEBITED, types.ORDER_PAID),
    key=Key.REQUIRED,
    cost=5,
)
async def pay(ctx: Context, tx: Transaction, input: OrderId) -> Payment:
    """Pay an order from the caller's wallet, exactly once.

    The payment turns the stock that the order holds into sold stock, and spends the money that it
    holds.
    """
    order = await steps.lock_order(ctx, tx, input.id)
    steps.refuse_move(ctx, order, OrderStatus.PAID)
    await steps.move_stock(ctx, tx, order, SELL_STOCK, MovementKind.SOLD)
    wallet = await tx.one(LOCK_WALLET, user_id=ctx.user_id)
    ctx.refresh_now()
    if wallet is None:
        raise Internal
    # The order's own hold pays it. Orders from before wallets held money may hold too much
    # together; the first one that is paid gets the money.
    steps.refuse_insufficient_funds(wallet.balance, order.total, wallet.currency)
    transfer_id = await transfer(
        ctx,
        tx,
        TransferKind.PAYMENT,
        order.total,
        wallet=wallet,
        owner_id=ctx.user_id,
        source=wallet.id,
        target=SHOP,
        order_id=order.id,
    )
    payment = Payment(ctx.new_id(), order.id, order.total, order.currency, ctx.now)
    await tx.write(INSERT_PAYMENT, transfer_id=transfer_id, **structs.asdict(payment))
    await coupons_steps.use_coupon(tx, order)
    await steps.move_order(ctx, tx, order, OrderStatus.PAID, payment_status=PaymentStatus.PAID)
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
    emits=(types.WALLET_CREDITED, types.ORDER_REFUNDED, types.ORDER_CANCELLED),
    key=Key.OPTIONAL,
    conditional=True,
    cost=5,
)
async def cancel(ctx: Context, tx: Transaction, input: CancelOrder) -> Order:
    """Cancel an order.

    The order releases the stock and the coupon that it holds. A paid order is refunded, and its
    pieces return to stock. Its coupon stays used when the buyer cancels; when the shop does, it can
    be redeemed again.
    """
    order = await steps.lock_order(ctx, tx, input.id)
    ctx.match(order)
    steps.refuse_move(ctx, order, OrderStatus.CANCELLED)
    return await refunds_steps.cancel_order(ctx, tx, order, input.reason)
