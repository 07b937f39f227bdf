"""Reports: transactions of the ledger, and sales."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, relation
from schema.building.types import enum, mirror
from schema.exports import Export
from schema.node import Node
from schema.orders import Order
from schema.users import PublicUser
from schema.wallet import WalletEntry as WalletEntry  # its module has the enum TransferKind
from services.orders import reading as orders
from services.reports import periods, sales, transactions
from services.users import reading as users

enum(
    periods.PeriodLength,
    DAY="From one midnight to the next.",
    WEEK="From Monday to Sunday.",
    MONTH="From the first day of a month to the last.",
)
enum(
    sales.SalesGrouping,
    CATEGORY="The categories of the products, as they are today.",
    PRODUCT="The products.",
)


@mirror(transactions.Transaction)
class Transaction(Node):
    customer = relation(
        users.public_by_ids, "customer_id", PublicUser, "The user whose wallet it is."
    )
    order = relation(orders.by_ids, "order_id", Order, "The order that was paid or refunded.")


@mirror(sales.SalesGroup)
class SalesGroup:
    pass


@mirror(sales.SalesPeriod)
class SalesPeriod:
    pass


@mirror(sales.SalesReport)
class SalesReport:
    pass


@strawberry.type
class Query:
    list_transactions = read(transactions.list_, "transactions", Connection[Transaction])
    export_transactions = read(transactions.export, "exportTransactions", Export)
    sales_report = read(sales.sales, "salesReport", SalesReport)
