"""Orders and their lines."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.database.columns import (
    Json,
    Money,
    Uuid,
    checked,
    column,
    currency,
    identifier,
    instant,
    named,
    reference,
    table_of,
)
from persistence.database.listing import Listing, Sort
from persistence.database.statements import Query, given, value
from persistence.database.views import View, sees_all, viewer
from persistence.orders.statuses import (
    OPEN_STATUSES,
    WAITING_STATUSES,
    OrderStatus,
    PaymentStatus,
    listed,
    next_statuses,
)


class OrderTable(SQLModel, table=True):
    """What somebody buys."""

    __tablename__ = named("orders")
    __table_args__ = (
        checked(f"status IN ({listed(OrderStatus)})", "status"),
        checked(f"payment_status IN ({listed(PaymentStatus)})", "payment_status"),
        checked("total > 0 AND total <= 999999999.99", "total"),
        checked("discount >= 0 AND total = subtotal - discount", "discount"),
        checked(
            "CASE payment_status WHEN 'REFUNDED' THEN refunded = total "
            "WHEN 'PARTIALLY_REFUNDED' THEN refunded > 0 AND refunded < total "
            "ELSE refunded = 0 END",
            "refunded",
        ),
        checked(
            f"(status IN ({listed(WAITING_STATUSES)})) = (expires_at IS NOT NULL)", "expires_at"
        ),
        checked("tax >= 0 AND tax < total", "tax"),
        sa.Index("orders_customer_id_created_at_id_idx", "customer_id", "created_at", "id"),
        sa.Index("orders_customer_id_status_idx", "customer_id", "status"),
        sa.Index("orders_created_at_id_idx", "created_at", "id"),
        sa.Index("orders_status_created_at_id_idx", "status", "created_at", "id"),
        sa.Index(
            "orders_expires_at_id_idx",
            "expires_at",
            "id",
            postgresql_where=sa.text("expires_at IS NOT NULL"),
        ),
        checked("(coupon_id IS NULL) = (coupon_code IS NULL)", "coupon"),
        # Most orders have none, and need not be in the index.
        sa.Index(
            "orders_coupon_id_idx", "coupon_id", postgresql_where=sa.text("coupon_id IS NOT NULL")
        ),
    )

    id: str = identifier()
    number: str = column(
        sa.Text, "'T' || lpad(nextval('order_numbers')::text, 6, '0')", unique=True
    )
    customer_id: str = reference("users.id", index=False)
    status: str = column(sa.Text)
    payment_status: str = column(sa.Text)
    subtotal: Decimal = column(Money)
    discount: Decimal = column(Money, "0")
    total: Decimal = column(Money)
    tax: Decimal = column(Money)
    refunded: Decimal = column(Money, "0")
    currency: str = currency()
    shipping_address: dict[str, Any] | None = column(Json, nullable=True)
    coupon_id: str | None = reference("coupons.id", nullable=True, index=False)
    coupon_code: str | None = column(sa.Text, nullable=True)
    tracking_code: str | None = column(sa.Text, nullable=True)
    version: int = column(sa.Integer, "1")
    created_at: datetime = instant()
    updated_at: datetime = instant()
    expires_at: datetime | None = instant(None, nullable=True)
    approved_at: datetime | None = instant(None, nullable=True)
    paid_at: datetime | None = instant(None, nullable=True)
    shipped_at: datetime | None = instant(None, nullable=True)
    delivered_at: datetime | None = instant(None, nullable=True)
    cancelled_at: datetime | None = instant(None, nullable=True)


ORDER_NUMBERS = sa.Sequence("order_numbers", metadata=SQLModel.metadata)


class OrderLineTable(SQLModel, table=True):
    """One product of an order, at the price of that moment."""

    __tablename__ = named("order_lines")
    __table_args__ = (
        checked("quantity BETWEEN 1 AND 10000", "quantity"),
        checked("unit_price > 0", "unit_price"),
    )

    order_id: str = reference("orders.id", primary_key=True, index=False)
    position: int = column(sa.Integer, primary_key=True)
    product_id: str = reference("products.id")
    name: str = column(sa.Text)
    quantity: int = column(sa.Integer)
    unit_price: Decimal = column(Money)
    total: Decimal = column(Money)


class ShippingAddress(Struct, frozen=True, rename="camel"):
    """Where an order goes."""

    name: Annotated[str, Meta(description="Who receives it.")]
    line1: Annotated[str, Meta(description="Street and number.")]
    line2: Annotated[str | None, Meta(description="Flat, floor or company.")]
    city: Annotated[str, Meta(description="Town or city.")]
    postal_code: Annotated[str, Meta(description="Postal code.")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 code.")]


class OrderLine(Struct, frozen=True, rename="camel"):
    """One product of an order, at the price of that moment."""

    product_id: Annotated[str, Meta(description="The product.")]
    name: Annotated[str, Meta(description="The product's name when it was ordered.")]
    quantity: Annotated[int, Meta(description="How many pieces.")]
    unit_price: Annotated[Decimal, Meta(description="Price of one piece when it was ordered.")]
    total: Annotated[Decimal, Meta(description="Unit price times quantity.")]


class Order(Struct, frozen=True, rename="camel"):
    """What somebody buys."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    number: Annotated[str, Meta(description="Number to speak about the order by.")]
    customer_id: Annotated[str, Meta(description="The user who buys.")]
    status: Annotated[OrderStatus, Meta(description="Where the order stands.")]
    payment_status: Annotated[PaymentStatus, Meta(description="What has been paid.")]
    next_statuses: Annotated[list[OrderStatus], Meta(description="Where it may go from here.")]
    lines: Annotated[list[OrderLine], Meta(description="What is bought, in the order given.")]
    subtotal: Annotated[Decimal, Meta(description="Sum of the lines.")]
    discount: Annotated[Decimal, Meta(description="What is taken off the subtotal.")]
    total: Annotated[Decimal, Meta(description="What is to be paid, tax included.")]
    tax: Annotated[Decimal, Meta(description="The tax within the total.")]
    refunded: Annotated[Decimal, Meta(description="What of the payment was given back.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    shipping_address: Annotated[ShippingAddress | None, Meta(description="Where it goes.")]
    coupon_id: Annotated[str | None, Meta(description="The coupon that it redeems.")]
    coupon_code: Annotated[str | None, Meta(description="The coupon's code, as the shop wrote it.")]
    tracking_code: Annotated[str | None, Meta(description="The carrier's code for the parcel.")]
    version: Annotated[int, Meta(description="Counts the changes of this order.")]
    created_at: Annotated[datetime, Meta(description="When it was placed.")]
    updated_at: Annotated[datetime, Meta(description="When it last changed.")]
    expires_at: Annotated[
        datetime | None,
        Meta(description="When it expires, unless it is paid or approved; null once it cannot."),
    ]
    approved_at: Annotated[datetime | None, Meta(description="When a manager approved it.")]
    paid_at: Annotated[datetime | None, Meta(description="When it was paid.")]
    shipped_at: Annotated[datetime | None, Meta(description="When it was sent.")]
    delivered_at: Annotated[datetime | None, Meta(description="When it arrived.")]
    cancelled_at: Annotated[datetime | None, Meta(description="When it was cancelled.")]
    invoice_id: Annotated[
        str | None, Meta(description="Its invoice; null until a moment after the payment.")
    ]


class Quote(Struct, frozen=True, rename="camel"):
    """What an order would cost now; nothing is held."""

    lines: Annotated[list[OrderLine], Meta(description="What would be bought, in the order given.")]
    subtotal: Annotated[Decimal, Meta(description="Sum of the lines.")]
    discount: Annotated[Decimal, Meta(description="What would be taken off the subtotal.")]
    total: Annotated[Decimal, Meta(description="What would be to pay, tax included.")]
    tax: Annotated[Decimal, Meta(description="The tax within the total.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    needs_approval: Annotated[
        bool, Meta(description="Whether a manager would have to approve it before it can be paid.")
    ]


orders = table_of(OrderTable)
order_lines = table_of(OrderLineTable)

# An order is read whole, lines included, in one statement: the lines come as one JSON column.
_line = sa.func.json_build_object(
    sa.literal_column("'productId'"),
    order_lines.c.product_id,
    sa.literal_column("'name'"),
    order_lines.c.name,
    sa.literal_column("'quantity'"),
    order_lines.c.quantity,
    sa.literal_column("'unitPrice'"),
    order_lines.c.unit_price,
    sa.literal_column("'total'"),
    order_lines.c.total,
)
_lines = (
    sa.select(sa.func.json_agg(sa.text("line.object ORDER BY line.position")))
    .select_from(
        sa.select(_line.label("object"), order_lines.c.position)
        .where(order_lines.c.order_id == orders.c.id)
        .correlate(orders)
        .subquery("line")
    )
    .scalar_subquery()
)
# The table is that of persistence/invoices.py, which needs this module.
_invoices = sa.table(
    "invoices", sa.column("id", Uuid), sa.column("order_id", Uuid), sa.column("kind", sa.Text)
)
_invoice_id = (
    sa.select(_invoices.c.id)
    .where(_invoices.c.order_id == orders.c.id, _invoices.c.kind == sa.text("'INVOICE'"))
    .correlate(orders)
    .scalar_subquery()
)
_decode_lines = msgspec.json.Decoder(list[OrderLine]).decode


def _order(*columns: Any) -> Order:
    # Columns come in the order of ORDER below; these of them need more than their own value.
    values = list(columns)
    status = OrderStatus(values[3])
    payment_status = PaymentStatus(values[4])
    values[3:5] = [status, payment_status]
    values[5:6] = [next_statuses(status, payment_status), _decode_lines(values[5])]
    values[13] = msgspec.convert(values[13], ShippingAddress | None)
    return Order(*values)


ORDER = View(
    "Order",
    orders.c.id,
    (
        orders.c.id,
        orders.c.number,
        orders.c.customer_id,
        orders.c.status,
        orders.c.payment_status,
        sa.type_coerce(_lines, sa.JSON).label("lines"),
        orders.c.subtotal,
        orders.c.discount,
        orders.c.total,
        orders.c.tax,
        orders.c.refunded,
        orders.c.currency,
        orders.c.shipping_address,
        orders.c.coupon_id,
        orders.c.coupon_code,
        orders.c.tracking_code,
        orders.c.version,
        orders.c.created_at,
        orders.c.updated_at,
        orders.c.expires_at,
        orders.c.approved_at,
        orders.c.paid_at,
        orders.c.shipped_at,
        orders.c.delivered_at,
        orders.c.cancelled_at,
        _invoice_id.label("invoice_id"),
    ),
    orders,
    _order,
    sa.or_(orders.c.customer_id == viewer, sees_all),
    made=Order,
)
_created = {
    "-createdAt": Sort(orders.c.created_at, True, lambda row: row.created_at, datetime),
    "createdAt": Sort(orders.c.created_at, False, lambda row: row.created_at, datetime),
}
_filters = {
    "status": orders.c.status == given("status", orders.c.status),
    "from": orders.c.created_at >= given("from", orders.c.created_at),
    "to": orders.c.created_at < given("to", orders.c.created_at),
    "number": orders.c.number == given("number", orders.c.number),
}
OWN_ORDERS = Listing(
    ORDER.select(),
    _order,
    id=orders.c.id,
    view=ORDER,
    always=orders.c.customer_id == viewer,
    sorts=_created,
    filters=_filters,
)
ALL_ORDERS = Listing(
    ORDER.select(),
    _order,
    id=orders.c.id,
    view=ORDER,
    sorts=_created,
    filters={
        **_filters,
        "customerId": orders.c.customer_id == given("customerId", orders.c.customer_id),
    },
)
#: What waits for a manager.
APPROVALS = Listing(
    ORDER.select(),
    _order,
    id=orders.c.id,
    view=ORDER,
    always=orders.c.status == sa.literal_column(f"'{OrderStatus.AWAITING_APPROVAL}'"),
    sorts=_created,
)

VISIBLE_IDS = Query(
    sa.select(orders.c.id).where(
        orders.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(orders.c.id.type))),
        ORDER.visible,
    ),
    value,
)
# An order is open as long as its invoice is to be written: that names the buyer, once and for all.
COUNT_OPEN_ORDERS = Query(
    sa.select(sa.func.count()).where(
        orders.c.customer_id == given("user_id", orders.c.customer_id),
        orders.c.status.in_([sa.literal_column(f"'{status}'") for status in OPEN_STATUSES])
        | (orders.c.paid_at.is_not(None) & _invoice_id.is_(None)),
    ),
    value,
)
DUE_ORDERS = Query(
    sa.select(orders.c.id)
    .where(orders.c.expires_at <= given("now", orders.c.expires_at))
    .order_by(orders.c.expires_at, orders.c.id)
    .limit(sa.bindparam("limit", type_=sa.Integer)),
    value,
)
# Not FOR UPDATE: whoever numbers invoices refers to the order, and must not wait for it meanwhile.
LOCK_ORDER = Query(
    ORDER.select()
    .where(orders.c.id == given("order_id", orders.c.id), ORDER.visible)
    .with_for_update(key_share=True, of=orders),
    _order,
)
