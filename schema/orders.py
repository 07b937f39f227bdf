"""Orders: placed, read, paid and cancelled."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.building.connections import Connection
from schema.building.fields import Info, field, write_options
from schema.building.reads import read, relation
from schema.building.types import enum, mirror
from schema.coupons import Coupon
from schema.node import Node
from schema.products import Product
from schema.users import PublicUser
from services import payments
from services.coupons import managing as coupons
from services.invoices import reading as invoices
from services.orders import buying, managing, reading
from services.orders.buying import Payment as PaymentView
from services.orders.buying import Quote as QuoteView
from services.orders.reading import Order as OrderView
from services.orders.reading import OrderEvent as OrderEventView
from services.orders.reading import OrderLine as OrderLineView
from services.orders.reading import OrderStatus, PaymentStatus
from services.orders.reading import ShippingAddress as ShippingAddressView
from services.products import reading as products
from services.refunds import refunding as refunds
from services.refunds.refunding import Refund as RefundView
from services.refunds.refunding import RefundLine as RefundLineView
from services.users import reading as users

if TYPE_CHECKING:
    from schema.invoices import Invoice

#: An invoice names its order, and has its lines: that module needs this one.
LazyInvoice = Annotated["Invoice", strawberry.lazy("schema.invoices")]

enum(
    OrderStatus,
    PENDING="Placed; its stock is held until it is paid or expires.",
    AWAITING_APPROVAL="Placed; a manager has to approve it before it can be paid.",
    PAID="Paid; its stock is sold.",
    CONFIRMED="The shop has begun with it.",
    SHIPPED="It is on its way.",
    DELIVERED="It has arrived.",
    CANCELLED="Cancelled; refunded if it was paid.",
    REJECTED="A manager did not approve it.",
    EXPIRED="Nobody paid or approved it in time.",
)
enum(
    PaymentStatus,
    UNPAID="Nothing has been paid.",
    PAID="All has been paid.",
    PARTIALLY_REFUNDED="Some has been given back.",
    REFUNDED="All has been given back.",
)


#: An order and its refunds hold each other.
_LATER = strawberry.lazy("schema.orders")


@mirror(ShippingAddressView)
class ShippingAddress:
    pass


@mirror(OrderLineView)
class OrderLine:
    product: Product | None = relation(
        products.by_ids,
        "product_id",
        Product,
        "The product, while it is sold.",
    )


@mirror(QuoteView)
class Quote:
    pass


@mirror(OrderEventView)
class OrderEvent(Node):
    actor: PublicUser | None = relation(
        users.public_by_ids, "actor_id", PublicUser, "Who moved it."
    )


@mirror(RefundLineView)
class RefundLine:
    product: Product | None = relation(
        products.by_ids, "product_id", Product, "The product, while it is sold."
    )


@mirror(RefundView)
class Refund(Node):
    order: Annotated["Order", _LATER] | None = relation(
        reading.by_ids,
        "order_id",
        Annotated["Order", _LATER],
        "The order that was paid.",
    )
    payment: Annotated["Payment", _LATER] | None = relation(
        payments.by_ids,
        "payment_id",
        Annotated["Payment", _LATER],
        "The payment that it is given back of.",
    )
    actor: PublicUser | None = relation(
        users.public_by_ids, "actor_id", PublicUser, "Who gave it back."
    )
    credit_note: LazyInvoice | None = relation(
        invoices.by_ids,
        "credit_note_id",
        LazyInvoice,
        "Its credit note; null until a moment later.",
    )


@mirror(OrderView)
class Order(Node):
    customer: PublicUser | None = relation(
        users.public_by_ids, "customer_id", PublicUser, "The user who buys."
    )
    coupon: Coupon | None = relation(
        coupons.by_ids, "coupon_id", Coupon, "The coupon, for managers."
    )

    invoice: LazyInvoice | None = relation(
        invoices.by_ids,
        "invoice_id",
        LazyInvoice,
        "Its invoice; null until a moment after the payment.",
    )

    history = read(reading.history, "Order.history", Connection[OrderEvent], under="id")
    refunds = read(refunds.list_, "Order.refunds", Connection[Refund], under="id")


@mirror(PaymentView)
class Payment(Node):
    order: Order | None = relation(reading.by_ids, "order_id", Order, "The order that was paid.")


@strawberry.type
class Query:
    order = read(reading.get, "order", Order)
    list_orders = read(reading.list_, "orders", Connection[Order])
    quote_order = read(buying.quote, "quoteOrder", Quote)
    list_all_orders = read(managing.list_all, "allOrders", Connection[Order])


@strawberry.type
class Mutation:
    @field(buying.create, "createOrder", Order)
    async def create_order(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await buying.create(info.context.request, raw, **options)

    @field(buying.pay, "payOrder", Payment)
    async def pay_order(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await buying.pay(info.context.request, raw, **options)

    @field(buying.cancel, "cancelOrder", Order)
    async def cancel_order(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await buying.cancel(info.context.request, raw, **options)

    @field(managing.update_status, "updateOrderStatus", Order)
    async def update_order_status(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await managing.update_status(info.context.request, raw, **options)
