"""The history of orders: one event for each step."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from persistence.database.listing import Listing, descending
from persistence.database.statements import insert
from persistence.database.views import view
from persistence.orders.statuses import OrderStatus
from persistence.orders.tables import OrderHistoryTable, order_history, orders
from persistence.orders.views import ORDER


class OrderEvent(Struct, frozen=True, rename="camel"):
    """One transition of an order."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    from_status: Annotated[
        OrderStatus | None, Meta(description="The status before; null for the first step.")
    ]
    to_status: Annotated[OrderStatus, Meta(description="The status after.")]
    actor_id: Annotated[
        str | None, Meta(description="The user who took the step; null for the system.")
    ]
    note: Annotated[str | None, Meta(description="The reason, in that user's words.")]
    created_at: Annotated[datetime, Meta(description="When the step was taken.")]


ORDER_EVENT = view(
    OrderEvent,
    OrderHistoryTable,
    source=order_history.join(orders, orders.c.id == order_history.c.order_id),
    visible=ORDER.visible,
)
HISTORY = Listing(
    ORDER_EVENT,
    always=ORDER_EVENT.visible,
    parent=order_history.c.order_id,
    sorts={"-createdAt": descending(ORDER_EVENT, "created_at")},
)
INSERT_EVENT = insert(
    order_history, "id", "order_id", "from_status", "to_status", "actor_id", "note", "created_at"
)
