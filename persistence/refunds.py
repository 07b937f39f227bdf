"""Refunds: amounts of a payment that were given back, and for which pieces."""

from datetime import datetime
from decimal import Decimal
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
from persistence.database.listing import Listing, descending
from persistence.database.statements import Query, given, insert, insert_many
from persistence.database.views import view
from persistence.invoices.tables import invoices
from persistence.orders.tables import orders
from persistence.orders.views import ORDER
from persistence.products.tables import MovementKind, movements


class RefundTable(SQLModel, table=True):
    """A part of a payment given back; append-only."""

    __tablename__ = named("refunds")
    __table_args__ = (
        checked("amount > 0", "amount"),
        scaled("amount"),
        sa.Index("refunds_order_id_created_at_id_idx", "order_id", "created_at", "id"),
        sa.Index("refunds_created_at_idx", "created_at"),
    )

    id: str = identifier()
    order_id: str = reference("orders.id", index=False)
    payment_id: str = reference("payments.id")
    transfer_id: str = reference("transfers.id", index=False, unique=True)
    amount: Decimal = column(Money)
    currency: str = currency()
    reason: str | None = column(sa.Text, nullable=True)
    restocked: bool = column(sa.Boolean)
    actor_id: str | None = reference("users.id", nullable=True)
    created_at: datetime = instant()


class RefundLineTable(SQLModel, table=True):
    """Pieces of an order's line that a refund is for; append-only."""

    __tablename__ = named("refund_lines")
    __table_args__ = (
        checked("quantity BETWEEN 1 AND 10000", "quantity"),
        checked("amount >= 0", "amount"),
        scaled("amount"),
    )

    refund_id: str = reference("refunds.id", primary_key=True, index=False)
    #: The position of the order's line.
    position: int = column(sa.Integer, primary_key=True)
    product_id: str = reference("products.id")
    quantity: int = column(sa.Integer)
    amount: Decimal = column(Money)


class RefundLine(Struct, frozen=True, rename="camel"):
    """Pieces that a refund is for."""

    product_id: Annotated[str, Meta(description="The product.")]
    quantity: Annotated[int, Meta(description="How many pieces.")]
    amount: Annotated[Decimal, Meta(description="The amount given back for them.")]


class Refund(Struct, frozen=True, rename="camel"):
    """A part of a payment, or all of it, given back to the buyer's wallet."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    order_id: Annotated[str, Meta(description="The order that was paid.")]
    payment_id: Annotated[str, Meta(description="The payment that was refunded.")]
    amount: Annotated[Decimal, Meta(description="The amount given back.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    lines: Annotated[
        list[RefundLine],
        Meta(description="The pieces that were refunded; none when just an amount was."),
    ]
    restocked: Annotated[bool, Meta(description="Whether these pieces came back into stock.")]
    reason: Annotated[str | None, Meta(description="The reason, in the actor's words.")]
    actor_id: Annotated[str | None, Meta(description="The user who refunded; null for the system.")]
    created_at: Annotated[datetime, Meta(description="When the refund was made.")]
    credit_note_id: Annotated[
        str | None, Meta(description="The credit note of the refund; null until a moment after it.")
    ]


refunds = table_of(RefundTable)
refund_lines = table_of(RefundLineTable)

_line = sa.func.json_build_object(
    sa.literal_column("'productId'"),
    refund_lines.c.product_id,
    sa.literal_column("'quantity'"),
    refund_lines.c.quantity,
    sa.literal_column("'amount'"),
    refund_lines.c.amount,
)
# A refund's lines come with it, in one statement, as an order's do.
_lines = (
    sa.select(sa.func.json_agg(sa.text("line.object ORDER BY line.position")))
    .select_from(
        sa.select(_line.label("object"), refund_lines.c.position)
        .where(refund_lines.c.refund_id == refunds.c.id)
        .correlate(refunds)
        .subquery("line")
    )
    .scalar_subquery()
)
_credit_note_id = (
    sa.select(invoices.c.id)
    .where(invoices.c.refund_id == refunds.c.id)
    .correlate(refunds)
    .scalar_subquery()
)
REFUND = view(
    Refund,
    RefundTable,
    lines=sa.func.coalesce(_lines, sa.literal_column("'[]'::json"), type_=sa.JSON),
    credit_note_id=_credit_note_id,
    source=refunds.join(orders, orders.c.id == refunds.c.order_id),
    visible=ORDER.visible,
)
REFUNDS = Listing(
    REFUND,
    always=REFUND.visible,
    parent=refunds.c.order_id,
    sorts={"-createdAt": descending(REFUND, "created_at")},
)


def _counted(product_id: str, pieces: int) -> tuple[str, int]:
    return product_id, pieces


#: The pieces of each product that were refunded so far. The caller has locked the order.
REFUNDED_PIECES = Query(
    sa.select(refund_lines.c.product_id, sa.func.sum(refund_lines.c.quantity))
    .select_from(refund_lines.join(refunds, refunds.c.id == refund_lines.c.refund_id))
    .where(refunds.c.order_id == given("order_id", refunds.c.order_id))
    .group_by(refund_lines.c.product_id),
    _counted,
)
#: The pieces of each product that came back into stock so far.
RETURNED_PIECES = Query(
    sa.select(movements.c.product_id, sa.func.sum(movements.c.quantity))
    .where(
        movements.c.order_id == given("order_id", movements.c.order_id),
        movements.c.kind == sa.literal_column(f"'{MovementKind.RETURNED}'"),
    )
    .group_by(movements.c.product_id),
    _counted,
)
INSERT_REFUND = insert(
    refunds,
    "id",
    "order_id",
    "payment_id",
    "transfer_id",
    "amount",
    "currency",
    "reason",
    "restocked",
    "actor_id",
    "created_at",
)
INSERT_REFUND_LINES = insert_many(
    refund_lines, ["refund_id"], ["position", "product_id", "quantity", "amount"]
)
