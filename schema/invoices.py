"""Invoices and credit notes."""

from typing import Annotated

import strawberry

from schema.building.reads import read, relation
from schema.building.types import enum, mirror
from schema.node import Node
from schema.orders import Order
from services.invoices import reading as invoices
from services.invoices.reading import Buyer as BuyerView
from services.invoices.reading import Invoice as InvoiceView
from services.invoices.reading import InvoiceKind
from services.invoices.reading import Seller as SellerView
from services.orders import reading as orders

enum(
    InvoiceKind,
    INVOICE="What is owed for an order.",
    CREDIT_NOTE="What was given back of it.",
)


@mirror(SellerView)
class Seller:
    pass


@mirror(BuyerView)
class Buyer:
    pass


@mirror(InvoiceView)
class Invoice(Node):
    order: Order | None = relation(orders.by_ids, "order_id", Order, "The order it is about.")
    corrects: Annotated["Invoice", strawberry.lazy("schema.invoices")] | None = relation(
        invoices.by_ids,
        "corrects_id",
        Annotated["Invoice", strawberry.lazy("schema.invoices")],
        "The invoice that a credit note corrects.",
    )

    pdf_url = read(invoices.pdf, "Invoice.pdfUrl", str, under="id", then="url")


@strawberry.type
class Query:
    invoice = read(invoices.get, "invoice", Invoice)
