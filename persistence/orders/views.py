"""Orders and quotes as they are shown, and the lists of orders."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.database.listing import Listing, ascending, descending
from persistence.database.rows import made
from persistence.database.statements import given
from persistence.database.views import sees_all, view, viewer
from persistence.invoices.tables import invoices
from persistence.orders.statuses import (
    OrderStatus,
    PaymentStatus,
    next_statuses,
)
from persistence.orders.tables import OrderTable, order_lines, orders


class ShippingAddress(Struct, frozen=True, rename="camel"):
    """The address that an order is sent to."""

    name: Annotated[str, Meta(description="The person who receives it.")]
    line1: Annotated[str, Meta(description="Street and number.")]
    line2: Annotated[str | None, Meta(description="Flat, floor or company.")]
    city: Annotated[str, Meta(description="Town or city.")]
    postal_code: Annotated[
        str | None, Meta(description="Postal code; null where the country has none.")
    ]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 code.")]


class OrderLine(Struct, frozen=True, rename="camel"):
    """One product of an order, at the price of that moment."""

    product_id: Annotated[str, Meta(description="The product.")]
    name: Annotated[str, Meta(description="The product's name when it was ordered.")]
    quantity: Annotated[int, Meta(description="How many pieces.")]
    unit_price: Annotated[Decimal, Meta(description="Price of one piece when it was ordered.")]
    total: Annotated[Decimal, Meta(description="Unit price times quantity.")]


class Order(Struct, frozen=True, rename="camel"):
    """An order: the products that a user buys together."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    number: Annotated[str, Meta(description="The order's number for people.")]
    customer_id: Annotated[str, Meta(description="The user who buys.")]
    status: Annotated[OrderStatus, Meta(description="The order's status.")]
    payment_status: Annotated[
        PaymentStatus, Meta(description="Whether it is paid, and whether the payment was refunded.")
    ]
    next_statuses: Annotated[list[OrderStatus], Meta(description="The statuses that may follow.")]
    lines: Annotated[list[OrderLine], Meta(description="The products bought, in the order given.")]
    subtotal: Annotated[Decimal, Meta(description="Sum of the lines.")]
    discount: Annotated[Decimal, Meta(description="The amount taken off the subtotal.")]
    total: Annotated[Decimal, Meta(description="The amount to be paid, tax included.")]
    tax: Annotated[Decimal, Meta(description="The tax within the total.")]
    refunded: Annotated[Decimal, Meta(description="The part of the payment that was refunded.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    shipping_address: Annotated[
        ShippingAddress | None, Meta(description="The address that it is sent to.")
    ]
    coupon_id: Annotated[str | None, Meta(description="The coupon that it redeems.")]
    coupon_code: Annotated[str | None, Meta(description="The coupon's code, as the shop wrote it.")]
    tracking_code: Annotated[str | None, Meta(description="The carrier's code for the parcel.")]
    version: Annotated[int, Meta(description="Counts the changes of this order.")]
    created_at: Annotated[datetime, Meta(description="When it was placed.")]
    updated_at: Annotated[datetime, Meta(description="When it last changed.")]
    expires_at: Annotated[
        datetime | None,
        Meta(
            description="When it expires unless it is paid or approved; null when it cannot expire."
        ),
    ]
    approved_at: Annotated[datetime | None, Meta(description="When a manager approved it.")]
    paid_at: Annotated[datetime | None, Meta(description="When it was paid.")]
    shipped_at: Annotated[datetime | None, Meta(description="When it was sent.")]
    delivered_at: Annotated[datetime | None, Meta(description="When it arrived.")]
    cancelled_at: Annotated[datetime | None, Meta(description="When it was cancelled.")]
    invoice_id: Annotated[
        str | None, Meta(description="The invoice; null until a moment after the payment.")
    ]


class Quote(Struct, frozen=True, rename="camel"):
    """The price of an order if it were placed now; no stock is held."""

    lines: Annotated[list[OrderLine], Meta(description="The products, in the order given.")]
    subtotal: Annotated[Decimal, Meta(description="Sum of the lines.")]
    discount: Annotated[Decimal, Meta(description="The amount taken off the subtotal.")]
    total: Annotated[Decimal, Meta(description="The amount to pay, tax included.")]
    tax: Annotated[Decimal, Meta(description="The tax within the total.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    needs_approval: Annotated[
        bool, Meta(description="Whether a manager must approve the order before it can be paid.")
    ]


# One statement reads an order with its lines, which come as one JSON column.
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
invoice_id = (
    sa.select(invoices.c.id)
    .where(invoices.c.order_id == orders.c.id, invoices.c.kind == sa.text("'INVOICE'"))
    .correlate(orders)
    .scalar_subquery()
)
ORDER = view(
    Order,
    OrderTable,
    next_statuses=made(next_statuses, "status", "payment_status"),
    lines=sa.type_coerce(_lines, sa.JSON),
    invoice_id=invoice_id,
    visible=sa.or_(orders.c.customer_id == viewer, sees_all),
)
_created = {
    "-createdAt": descending(ORDER, "created_at"),
    "createdAt": ascending(ORDER, "created_at"),
}
_filters = {
    "status": orders.c.status == given("status", orders.c.status),
    "from": orders.c.created_at >= given("from", orders.c.created_at),
    "to": orders.c.created_at < given("to", orders.c.created_at),
    "number": orders.c.number == given("number", orders.c.number),
}
OWN_ORDERS = Listing(
    ORDER,
    always=orders.c.customer_id == viewer,
    sorts=_created,
    filters=_filters,
)
ALL_ORDERS = Listing(
    ORDER,
    sorts=_created,
    filters={
        **_filters,
        "customerId": orders.c.customer_id == given("customerId", orders.c.customer_id),
    },
)
#: Orders that wait for a manager's approval.
APPROVALS = Listing(
    ORDER,
    always=orders.c.status == sa.literal_column(f"'{OrderStatus.AWAITING_APPROVAL}'"),
    sorts=_created,
)
