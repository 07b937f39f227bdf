"""Invoices and credit notes as they are shown; they never change."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from persistence.database.rows import unpacked
from persistence.database.views import view
from persistence.invoices.tables import InvoiceKind, InvoiceTable, invoices
from persistence.orders.tables import orders
from persistence.orders.views import ORDER, OrderLine, ShippingAddress


class Seller(Struct, frozen=True, rename="camel"):
    """The seller, as the shop was called then."""

    name: Annotated[str, Meta(description="The seller's name.")]
    address: Annotated[list[str], Meta(description="The seller's address, line by line.")]
    tax_number: Annotated[str | None, Meta(description="The seller's tax number.")]
    email: Annotated[str | None, Meta(description="Where to ask about the invoice.")]


class Buyer(Struct, frozen=True, rename="camel"):
    """The buyer, as they were called then."""

    name: Annotated[str, Meta(description="The buyer's name.")]
    address: Annotated[ShippingAddress | None, Meta(description="Where the order went.")]


class Snapshot(Struct, frozen=True, rename="camel"):
    """The content of an invoice, which stays when the order, the buyer or the shop change."""

    order_number: str
    seller: Seller
    buyer: Buyer
    lines: list[OrderLine]
    subtotal: Decimal
    discount: Decimal
    total: Decimal
    tax: Decimal
    tax_rate: str | None
    currency: str
    paid_at: datetime
    corrects_number: str | None = None


class Invoice(Struct, frozen=True, rename="camel"):
    """An invoice, or a credit note for a refund; it never changes."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    kind: Annotated[InvoiceKind, Meta(description="Whether it is an invoice or a credit note.")]
    number: Annotated[str, Meta(description="Its number, without gaps within kind and year.")]
    order_id: Annotated[str, Meta(description="The order that it is for.")]
    order_number: Annotated[str, Meta(description="The number of that order.")]
    corrects_id: Annotated[str | None, Meta(description="The invoice that a credit note corrects.")]
    corrects_number: Annotated[str | None, Meta(description="The number of that invoice.")]
    refund_id: Annotated[str | None, Meta(description="The refund that a credit note is for.")]
    seller: Annotated[Seller, Meta(description="The seller.")]
    buyer: Annotated[Buyer, Meta(description="The buyer.")]
    lines: Annotated[list[OrderLine], Meta(description="The products bought, or returned.")]
    subtotal: Annotated[
        Decimal, Meta(description="Sum of the lines; without lines, the amount refunded.")
    ]
    discount: Annotated[Decimal, Meta(description="The amount taken off the subtotal.")]
    total: Annotated[Decimal, Meta(description="The amount paid, or refunded, tax included.")]
    tax: Annotated[Decimal, Meta(description="The tax within the total.")]
    tax_rate: Annotated[
        str | None, Meta(description="The rate of that tax (0.19 for 19 %); null when unknown.")
    ]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    paid_at: Annotated[datetime, Meta(description="When the order was paid.")]
    issued_at: Annotated[datetime, Meta(description="When it was issued.")]


INVOICE = view(
    Invoice,
    InvoiceTable,
    **unpacked(invoices.c.snapshot, Snapshot),
    source=invoices.join(orders, orders.c.id == invoices.c.order_id),
    visible=ORDER.visible,
)
