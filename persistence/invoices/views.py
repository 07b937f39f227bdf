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
    """Who sold."""

    name: Annotated[str, Meta(description="The seller's name.")]
    address: Annotated[list[str], Meta(description="The seller's address, line by line.")]
    tax_number: Annotated[str | None, Meta(description="The seller's tax number.")]
    email: Annotated[str | None, Meta(description="Where to ask about the invoice.")]


class Buyer(Struct, frozen=True, rename="camel"):
    """Who bought, as they were called then."""

    name: Annotated[str, Meta(description="The buyer's name.")]
    address: Annotated[ShippingAddress | None, Meta(description="Where the order went.")]


class Snapshot(Struct, frozen=True, rename="camel"):
    """What stands in an invoice, whatever becomes of the order, the buyer and the shop."""

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
    """An invoice, or a credit note over what was given back of one; it never changes."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    kind: Annotated[InvoiceKind, Meta(description="What it is.")]
    number: Annotated[str, Meta(description="Its number, without gaps within kind and year.")]
    order_id: Annotated[str, Meta(description="The order it is about.")]
    order_number: Annotated[str, Meta(description="The number of that order.")]
    corrects_id: Annotated[str | None, Meta(description="The invoice that a credit note corrects.")]
    corrects_number: Annotated[str | None, Meta(description="The number of that invoice.")]
    refund_id: Annotated[str | None, Meta(description="The refund that a credit note is about.")]
    seller: Annotated[Seller, Meta(description="Who sold.")]
    buyer: Annotated[Buyer, Meta(description="Who bought.")]
    lines: Annotated[list[OrderLine], Meta(description="What was bought, or given back.")]
    subtotal: Annotated[
        Decimal, Meta(description="Sum of the lines; without lines, the amount given back.")
    ]
    discount: Annotated[Decimal, Meta(description="What was taken off the subtotal.")]
    total: Annotated[Decimal, Meta(description="What was paid, or given back, tax included.")]
    tax: Annotated[Decimal, Meta(description="The tax within the total.")]
    tax_rate: Annotated[
        str | None, Meta(description="The rate of that tax (0.19 for 19 %); null where unknown.")
    ]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    paid_at: Annotated[datetime, Meta(description="When the order was paid.")]
    issued_at: Annotated[datetime, Meta(description="When it was written.")]


INVOICE = view(
    Invoice,
    InvoiceTable,
    **unpacked(invoices.c.snapshot, Snapshot),
    source=invoices.join(orders, orders.c.id == invoices.c.order_id),
    visible=ORDER.visible,
)
