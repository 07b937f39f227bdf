"""Payments: each moves an order's total once, from the buyer's wallet to the shop."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.database.columns import (
    Money,
    checked,
    column,
    currency,
    identifier,
    instant,
    named,
    reference,
    scaled,
    table_of,
)
from persistence.database.listing import Listing, ascending, descending
from persistence.database.rows import row_plan
from persistence.database.statements import Query, given, insert, nothing
from persistence.database.views import view, viewer
from persistence.orders.tables import orders
from persistence.orders.views import ORDER


class PaymentState(StrEnum):
    """Whether a payment's money has moved, and whether all of it went back."""

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    REFUNDED = "REFUNDED"


class PaymentTable(SQLModel, table=True):
    """A captured payment. An order has one at most, so a second charge is impossible.

    Only its status changes.
    """

    __tablename__ = named("payments")
    __table_args__ = (
        checked("amount > 0", "amount"),
        scaled("amount"),
        checked("status IN ('PENDING', 'COMPLETED', 'FAILED', 'REFUNDED')", "status"),
        sa.Index("payments_created_at_idx", "created_at"),
    )

    id: str = identifier()
    order_id: str = reference("orders.id", index=False, unique=True)
    transfer_id: str = reference("transfers.id", index=False, unique=True)
    amount: Decimal = column(Money)
    currency: str = currency()
    status: str = column(sa.Text, "'COMPLETED'")
    created_at: datetime = instant()


class Payment(Struct, frozen=True, rename="camel"):
    """The payment of an order's total, from the buyer's wallet to the shop."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    order_id: Annotated[str, Meta(description="The order that was paid.")]
    amount: Annotated[Decimal, Meta(description="The amount paid.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amount.")]
    created_at: Annotated[datetime, Meta(description="When it was paid.")]
    # Outcomes that were stored under idempotency keys before there was a status have none.
    status: Annotated[
        PaymentState,
        Meta(
            description="COMPLETED, and REFUNDED once all of it went back. A payment from a wallet "
            "moves its money at once, so it is neither PENDING nor FAILED."
        ),
    ] = PaymentState.COMPLETED


class Captured(Struct, frozen=True):
    """An order's payment, and the transfer that moved the money."""

    payment_id: str
    transfer_id: str


payments = table_of(PaymentTable)

PAYMENT = view(
    Payment,
    PaymentTable,
    source=payments.join(orders, orders.c.id == payments.c.order_id),
    visible=ORDER.visible,
)
OWN_PAYMENTS = Listing(
    PAYMENT,
    always=orders.c.customer_id == viewer,
    sorts={
        "-createdAt": descending(PAYMENT, "created_at"),
        "createdAt": ascending(PAYMENT, "created_at"),
    },
    filters={
        "from": payments.c.created_at >= given("from", payments.c.created_at),
        "to": payments.c.created_at < given("to", payments.c.created_at),
        "orderId": payments.c.order_id == given("orderId", payments.c.order_id),
        "status": payments.c.status == given("status", payments.c.status),
    },
)
_captured = row_plan(Captured, PaymentTable, payment_id=payments.c.id)
CAPTURED = Query(
    sa.select(*_captured.selected).where(
        payments.c.order_id == given("order_id", payments.c.order_id)
    ),
    _captured.row,
)
INSERT_PAYMENT = insert(
    payments, "id", "order_id", "transfer_id", "amount", "currency", "created_at", "status"
)
MARK_REFUNDED = Query(
    sa.update(payments)
    .where(payments.c.order_id == given("refunded_order", payments.c.order_id))
    .values(status=sa.literal_column(f"'{PaymentState.REFUNDED}'")),
    nothing,
)
