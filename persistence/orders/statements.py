"""Statements that place, move and refund orders, and that lock what these need."""

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from persistence.database.rows import row_plan
from persistence.database.statements import Query, given, insert_many, nothing, value
from persistence.orders.statuses import OPEN_STATUSES
from persistence.orders.tables import NEXT_ORDER_NUMBER, order_lines, orders
from persistence.orders.views import ORDER, Order, invoice_id
from persistence.products.statements import LOCKED_PRODUCTS
from persistence.products.tables import ProductTable
from persistence.wallet import accounts


class Offer(Struct, frozen=True):
    """A product to buy, read under its lock and its stock's, and the money in the buyer's wallet.

    ``balance`` and ``held`` are None when there is no wallet. ``order_number`` is for the new
    order, and ``row_time`` is the time that PostgreSQL will give to its row.
    """

    product_id: str
    name: str
    price: Decimal
    currency: str
    available: int
    balance: Decimal | None
    held: Decimal | None
    order_number: str
    row_time: datetime


class LockedOrder(NamedTuple):
    """A locked order, and the time that PostgreSQL gives to the rows of this transaction."""

    order: Order
    row_time: datetime


def _locked_order(*columns: Any) -> LockedOrder:
    return LockedOrder(ORDER.row(*columns[:-1]), columns[-1])


VISIBLE_IDS = Query(
    sa.select(orders.c.id).where(
        orders.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(orders.c.id.type))),
        ORDER.visible,
    ),
    value,
)
# An order stays open until its invoice is written, because the invoice names the buyer for good.
COUNT_OPEN_ORDERS = Query(
    sa.select(sa.func.count()).where(
        orders.c.customer_id == given("user_id", orders.c.customer_id),
        orders.c.status.in_([sa.literal_column(f"'{status}'") for status in OPEN_STATUSES])
        | (orders.c.paid_at.is_not(None) & invoice_id.is_(None)),
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
# FOR NO KEY UPDATE: the job that numbers invoices refers to the order, and must not wait for it.
LOCK_ORDER = Query(
    ORDER.select()
    .add_columns(sa.func.now().label("row_time"))
    .where(orders.c.id == given("order_id", orders.c.id), ORDER.visible)
    .with_for_update(key_share=True, of=orders),
    _locked_order,
)

_offers = LOCKED_PRODUCTS.cte("offers").prefix_with("MATERIALIZED", dialect="postgresql")
# The wallet is locked after all products, and the products after their stock; the count makes it
# wait for them. The order will hold money of the wallet, so this lock excludes other orders of the
# buyer. After the wait PostgreSQL reads the locked row again, but no other row: what is held must
# be a column of the wallet, and not a sum over orders.
_wallet = (
    sa.select(accounts.c.balance, accounts.c.held)
    .where(
        accounts.c.user_id == given("buyer", accounts.c.user_id),
        sa.select(sa.func.count()).select_from(_offers).scalar_subquery() > sa.text("0"),
    )
    .with_for_update(key_share=True)
    .cte("wallet")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
# The number comes back before the order is written, so that the order's event can hold it.
_number = (
    sa.select(NEXT_ORDER_NUMBER.label("number"))
    .cte("new_order")
    .prefix_with("MATERIALIZED", dialect="postgresql")
)
_offer = row_plan(
    Offer,
    ProductTable,
    product_id=_offers.c.id,
    name=_offers.c.name,
    price=_offers.c.price,
    currency=_offers.c.currency,
    available=_offers.c.available,
    balance=_wallet.c.balance,
    held=_wallet.c.held,
    order_number=_number.c.number,
    row_time=sa.func.now(),
)
#: Values: ids of products, and the buyer's id. Reading the wallet here saves a round trip
#: (60–100 µs).
LOCK_OFFERS = Query(
    sa.select(*_offer.selected).select_from(
        _offers.join(_number, sa.true()).outerjoin(_wallet, sa.true())
    ),
    _offer.row,
)
INSERT_ORDER = Query(
    sa.insert(orders),
    nothing,
    (
        "id",
        "number",
        "customer_id",
        "status",
        "payment_status",
        "subtotal",
        "discount",
        "total",
        "tax",
        "currency",
        "shipping_address",
        "coupon_id",
        "coupon_code",
        "created_at",
        "expires_at",
    ),
)
INSERT_LINES = insert_many(
    order_lines,
    ["order_id"],
    ["position", "product_id", "name", "quantity", "unit_price", "total"],
)
MOVE_ORDER = Query(
    sa.update(orders)
    .where(orders.c.id == given("order_id", orders.c.id))
    .values(
        status=given("to_status", orders.c.status),
        payment_status=given("to_payment_status", orders.c.payment_status),
        expires_at=given("next_expires_at", orders.c.expires_at),
        approved_at=given("next_approved_at", orders.c.approved_at),
        paid_at=given("next_paid_at", orders.c.paid_at),
        shipped_at=given("next_shipped_at", orders.c.shipped_at),
        delivered_at=given("next_delivered_at", orders.c.delivered_at),
        cancelled_at=given("next_cancelled_at", orders.c.cancelled_at),
        tracking_code=given("next_tracking_code", orders.c.tracking_code),
        version=orders.c.version + 1,
    ),
    nothing,
)
REFUND_ORDER = Query(
    sa.update(orders)
    .where(orders.c.id == given("order_id", orders.c.id))
    .values(
        refunded=given("now_refunded", orders.c.refunded),
        payment_status=given("to_payment_status", orders.c.payment_status),
        version=orders.c.version + 1,
    ),
    nothing,
)
