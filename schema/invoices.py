"""Invoices and credit notes."""

from typing import Annotated

import strawberry

from schema.building.fields import read, relation
from schema.building.types import enum, mirror
from schema.node import Node
from schema.orders import Order
from services.invoices import reading
from services.orders import reading as orders

enum(
    reading.InvoiceKind,
    INVOICE="An amount that is owed for an order.",
    CREDIT_NOTE="An amount that was given back.",
)

#: A credit note names the invoice that it corrects.
LaterInvoice = Annotated["Invoice", strawberry.lazy("schema.invoices")]


@mirror(reading.Seller)
class Seller:
    pass


@mirror(reading.Buyer)
class Buyer:
    pass


@mirror(reading.Invoice)
class Invoice(Node):
    order = relation(orders.by_ids, "order_id", Order, "The order that it is for.")
    corrects = relation(
        reading.by_ids, "corrects_id", LaterInvoice, "The invoice that a credit note corrects."
    )

    pdf_url = read(reading.pdf, "Invoice.pdfUrl", str, key="id", attribute="url")


@strawberry.type
class Query:
    invoice = read(reading.get, "invoice", Invoice)
