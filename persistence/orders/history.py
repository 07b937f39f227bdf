"""What orders went through: one row for each step."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.database.columns import column, identifier, instant, named, reference, table_of
from persistence.database.listing import Listing, Sort
from persistence.database.statements import insert
from persistence.database.views import View
from persistence.orders.statuses import OrderStatus
from persistence.orders.views import ORDER, orders


class OrderHistoryTable(SQLModel, table=True):
    """One transition of an order; append-only."""

    __tablename__ = named("order_history")
    __table_args__ = (
        sa.Index("order_history_order_id_created_at_id_idx", "order_id", "created_at", "id"),
    )

    id: str = identifier()
    order_id: str = reference("orders.id", index=False)
    from_status: str | None = column(sa.Text, nullable=True)
    to_status: str = column(sa.Text)
    actor_id: str | None = reference("users.id", nullable=True)
    note: str | None = column(sa.Text, nullable=True)
    created_at: datetime = instant()


class OrderEvent(Struct, frozen=True, rename="camel"):
    """One transition of an order."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    from_status: Annotated[OrderStatus | None, Meta(description="Where it stood; null at first.")]
    to_status: Annotated[OrderStatus, Meta(description="Where it went.")]
    actor_id: Annotated[str | None, Meta(description="Who moved it; null for the system.")]
    note: Annotated[str | None, Meta(description="Why, in the actor's words.")]
    created_at: Annotated[datetime, Meta(description="When it happened.")]


order_history = table_of(OrderHistoryTable)

ORDER_EVENT = View(
    "OrderEvent",
    order_history.c.id,
    (
        order_history.c.id,
        order_history.c.from_status,
        order_history.c.to_status,
        order_history.c.actor_id,
        order_history.c.note,
        order_history.c.created_at,
    ),
    order_history.join(orders, orders.c.id == order_history.c.order_id),
    OrderEvent,
    ORDER.visible,
)
HISTORY = Listing(
    ORDER_EVENT.select(),
    OrderEvent,
    id=order_history.c.id,
    always=ORDER_EVENT.visible,
    parent=order_history.c.order_id,
    sorts={
        "-createdAt": Sort(order_history.c.created_at, True, lambda row: row.created_at, datetime)
    },
)
INSERT_EVENT = insert(
    order_history, "id", "order_id", "from_status", "to_status", "actor_id", "note", "created_at"
)
