"""Orders with their payments and refunds, which name each other."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, relation, write
from schema.building.types import enum, mirror
from schema.coupons import Coupon
from schema.node import Node
from schema.products import Product
from schema.users import PublicUser
from services import payments
from services.coupons import managing as coupons
from services.invoices import reading as invoices
from services.orders import buying, managing, reading
from services.products import reading as products
from services.refunds import refunding as refunds
from services.users import reading as users

if TYPE_CHECKING:
    from schema.invoices import Invoice

#: Types that are defined later: an order, its refunds and its invoices name each other.
LaterOrder = Annotated["Order", strawberry.lazy("schema.orders")]
LaterPayment = Annotated["Payment", strawberry.lazy("schema.orders")]
LaterInvoice = Annotated["Invoice", strawberry.lazy("schema.invoices")]

enum(
    reading.OrderStatus,
    PENDING="Placed; its stock is held until it is paid or expires.",
    AWAITING_APPROVAL="Placed; a manager has to approve it before it can be paid.",
    PAID="Paid; its stock is sold.",
    CONFIRMED="The shop has started to work on it.",
    SHIPPED="It is on its way.",
    DELIVERED="It has arrived.",
    CANCELLED="Cancelled; refunded if it was paid.",
    REJECTED="A manager did not approve it.",
    EXPIRED="Nobody paid or approved it in time.",
)
enum(
    reading.PaymentStatus,
    UNPAID="Nothing has been paid.",
    PAID="All has been paid.",
    PARTIALLY_REFUNDED="Some has been given back.",
    REFUNDED="All has been given back.",
)
enum(
    payments.PaymentState,
    PENDING="The money has not moved yet.",
    COMPLETED="The money has moved.",
    FAILED="The money did not move.",
    REFUNDED="All of the money went back.",
)


@mirror(reading.ShippingAddress)
class ShippingAddress:
    pass


@mirror(reading.OrderLine)
class OrderLine:
    product = relation(products.by_ids, "product_id", Product, "The product, while it is sold.")


@mirror(buying.Quote)
class Quote:
    pass


@mirror(reading.OrderEvent)
class OrderEvent(Node):
    actor = relation(users.public_by_ids, "actor_id", PublicUser, "Who moved it.")


@mirror(refunds.RefundLine)
class RefundLine:
    product = relation(products.by_ids, "product_id", Product, "The product, while it is sold.")


@mirror(refunds.Refund)
class Refund(Node):
    order = relation(reading.by_ids, "order_id", LaterOrder, "The order that was paid.")
    payment = relation(
        payments.by_ids,
        "payment_id",
        LaterPayment,
        "The payment that the money is taken back from.",
    )
    actor = relation(users.public_by_ids, "actor_id", PublicUser, "Who gave it back.")
    credit_note = relation(
        invoices.by_ids,
        "credit_note_id",
        LaterInvoice,
        "Its credit note; null until a moment later.",
    )


@mirror(reading.Order)
class Order(Node):
    customer = relation(users.public_by_ids, "customer_id", PublicUser, "The user who buys.")
    coupon = relation(coupons.by_ids, "coupon_id", Coupon, "The coupon, for managers.")

    invoice = relation(
        invoices.by_ids,
        "invoice_id",
        LaterInvoice,
        "Its invoice; null until a moment after the payment.",
    )

    history = read(reading.history, "Order.history", Connection[OrderEvent], key="id")
    refunds = read(refunds.list_, "Order.refunds", Connection[Refund], key="id")


@mirror(buying.Payment)
class Payment(Node):
    order = relation(reading.by_ids, "order_id", Order, "The order that was paid.")


@strawberry.type
class Query:
    order = read(reading.get, "order", Order)
    list_orders = read(reading.list_, "orders", Connection[Order])
    quote_order = read(buying.quote, "quoteOrder", Quote)
    list_all_orders = read(managing.list_all, "allOrders", Connection[Order])


@strawberry.type
class Mutation:
    create_order = write(buying.create, "createOrder", Order)
    pay_order = write(buying.pay, "payOrder", Payment)
    cancel_order = write(buying.cancel, "cancelOrder", Order)
    update_order_status = write(managing.update_status, "updateOrderStatus", Order)
