"""The tables of orders, their lines, and their history."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence.database.columns import (
    Json,
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
from persistence.orders.statuses import WAITING_STATUSES, OrderStatus, PaymentStatus, listed

_NEXT_NUMBER = "'T' || lpad(nextval('order_numbers')::text, 6, '0')"
#: The number of a new order, a text; each use of it takes one.
NEXT_ORDER_NUMBER: sa.ColumnElement[str] = sa.literal_column(_NEXT_NUMBER, sa.Text)


class OrderTable(SQLModel, table=True):
    """An order: the products that a user buys together."""

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
        scaled("subtotal", "discount", "total", "tax", "refunded"),
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
        # Most orders have no coupon, and need not be in the index.
        sa.Index(
            "orders_coupon_id_idx", "coupon_id", postgresql_where=sa.text("coupon_id IS NOT NULL")
        ),
    )

    id: str = identifier()
    number: str = column(sa.Text, _NEXT_NUMBER, unique=True)
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
        scaled("unit_price", "total"),
    )

    order_id: str = reference("orders.id", primary_key=True, index=False)
    position: int = column(sa.Integer, primary_key=True)
    product_id: str = reference("products.id")
    name: str = column(sa.Text)
    quantity: int = column(sa.Integer)
    unit_price: Decimal = column(Money)
    total: Decimal = column(Money)


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


orders = table_of(OrderTable)
order_lines = table_of(OrderLineTable)
order_history = table_of(OrderHistoryTable)
