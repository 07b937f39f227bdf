"""Invoices and credit notes."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import strawberry

from schema.fields import Info, field, relation
from schema.node import Node
from schema.orders import Order
from schema.views import enum, mirror
from services import invoices, orders
from services.core.context import Request
from services.invoices import Buyer as BuyerView
from services.invoices import Invoice as InvoiceView
from services.invoices import InvoiceKind
from services.invoices import Seller as SellerView

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
    order: Order | None = relation(
        orders.by_ids, lambda invoice: invoice.order_id, Order, "The order it is about."
    )
    corrects: Annotated["Invoice", strawberry.lazy("schema.invoices")] | None = relation(
        invoices.by_ids,
        lambda invoice: invoice.corrects_id,
        Annotated["Invoice", strawberry.lazy("schema.invoices")],
        "The invoice that a credit note corrects.",
    )

    @field(invoices.pdf, "Invoice.pdfUrl", str)
    async def pdf_url(self, info: Info, raw: dict[str, Any]) -> object:
        found = await info.context.load(invoices.pdf.name, _pdfs, self.id)
        return found.url


async def _pdfs(request: Request, invoice_ids: Sequence[str]) -> Mapping[str, Any]:
    return await invoices.pdf.of(request, invoice_ids)


@strawberry.type
class Query:
    @field(invoices.get, "invoice", Invoice)
    async def invoice(self, info: Info, raw: dict[str, Any]) -> object:
        return await invoices.get(info.context.request, raw)
