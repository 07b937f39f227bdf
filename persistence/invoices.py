"""Invoices and credit notes: what was written once and never changes."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import SQLModel

from persistence.database.columns import (
    Json,
    Money,
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)
from persistence.database.rows import unpacked
from persistence.database.statements import Query, among, given, insert, nothing, value
from persistence.database.views import view
from persistence.orders.tables import orders
from persistence.orders.views import ORDER, OrderLine, ShippingAddress
from persistence.users import users


class InvoiceKind(StrEnum):
    """What a document is: an invoice, or the correction of one."""

    INVOICE = "INVOICE"
    CREDIT_NOTE = "CREDIT_NOTE"


_KINDS = "kind IN ('INVOICE', 'CREDIT_NOTE')"


class InvoiceTable(SQLModel, table=True):
    """An invoice or a credit note, as it was written; append-only."""

    __tablename__ = named("invoices")
    __table_args__ = (
        checked(_KINDS, "kind"),
        checked("year BETWEEN 2000 AND 9999 AND sequence > 0", "number"),
        checked("(kind = 'CREDIT_NOTE') = (corrects_id IS NOT NULL)", "corrects"),
        checked("(kind = 'CREDIT_NOTE') = (refund_id IS NOT NULL)", "refund"),
        sa.UniqueConstraint("kind", "year", "sequence"),
        sa.Index(
            "invoices_one_of_order_idx",
            "order_id",
            unique=True,
            postgresql_where=sa.text("kind = 'INVOICE'"),
        ),
    )

    id: str = identifier()
    kind: str = column(sa.Text)
    year: int = column(sa.Integer)
    sequence: int = column(sa.Integer)
    number: str = column(sa.Text, unique=True)
    order_id: str = reference("orders.id")
    corrects_id: str | None = reference("invoices.id", nullable=True)
    refund_id: str | None = reference("refunds.id", index=False, unique=True, nullable=True)
    #: Everything that stands in it (`Snapshot`), money as text.
    snapshot: dict[str, Any] = column(Json)
    issued_at: datetime = instant(None)


class InvoicePdfTable(SQLModel, table=True):
    """The file of an invoice, made once; append-only."""

    __tablename__ = named("invoice_pdfs")

    invoice_id: str = reference("invoices.id", primary_key=True, index=False)
    content: bytes = column(sa.LargeBinary)
    created_at: datetime = instant()


class InvoiceCounterTable(SQLModel, table=True):
    """The last number of each kind: whoever holds this row's lock gives the next one."""

    __tablename__ = named("invoice_counters")
    __table_args__ = (checked(_KINDS, "kind"),)

    kind: str = column(sa.Text, primary_key=True)
    year: int = column(sa.Integer)
    last: int = column(sa.Integer)
    issued_at: datetime | None = instant(None, nullable=True)


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


class Counter(Struct, frozen=True):
    """The last number of a kind, and when it was given."""

    year: int
    last: int
    issued_at: datetime | None


invoices = table_of(InvoiceTable)
invoice_pdfs = table_of(InvoicePdfTable)
invoice_counters = table_of(InvoiceCounterTable)


INVOICE = view(
    Invoice,
    InvoiceTable,
    **unpacked(invoices.c.snapshot, Snapshot),
    source=invoices.join(orders, orders.c.id == invoices.c.order_id),
    visible=ORDER.visible,
)
_is_invoice = invoices.c.kind == sa.literal_column("'INVOICE'")
#: The one invoice of an order.
INVOICE_OF_ORDER = Query(
    INVOICE.select().where(
        invoices.c.order_id == given("order_id", invoices.c.order_id), _is_invoice
    ),
    INVOICE.row,
)
CREDIT_NOTE_OF_REFUND = Query(
    INVOICE.select().where(invoices.c.refund_id == given("refund_id", invoices.c.refund_id)),
    INVOICE.row,
)
#: What the credit notes of an invoice come to so far.
CREDITED = Query(
    sa.select(
        sa.func.coalesce(sa.func.sum(sa.cast(invoices.c.snapshot["total"].astext, Money)), 0)
    ).where(invoices.c.corrects_id == given("invoice_id", invoices.c.id)),
    value,
)
_pdf_of = sa.select(invoice_pdfs.c.invoice_id).where(invoice_pdfs.c.invoice_id == invoices.c.id)
#: ``(id, number, whether its PDF is there)`` of the visible ones.
VISIBLE_PDFS = Query(
    sa.select(invoices.c.id, sa.exists(_pdf_of))
    .select_from(INVOICE.source)
    .where(among(invoices.c.id), INVOICE.visible),
    lambda id, ready: (id, ready),
)
#: ``(number, content)``
PDF = Query(
    sa.select(invoices.c.number, invoice_pdfs.c.content)
    .join_from(invoices, invoice_pdfs)
    .where(invoices.c.id == given("invoice_id", invoices.c.id)),
    lambda number, content: (number, content),
)
HAS_PDF = Query(
    sa.select(invoice_pdfs.c.invoice_id).where(
        invoice_pdfs.c.invoice_id == given("invoice_id", invoice_pdfs.c.invoice_id)
    ),
    value,
)
KEEP_PDF = Query(
    upsert(invoice_pdfs).on_conflict_do_nothing(),
    nothing,
    ["invoice_id", "content", "created_at"],
)
#: Who buys, as their account says it now.
BUYER_NAME = Query(
    sa.select(users.c.full_name).where(users.c.id == given("user_id", users.c.id)), value
)
_first = upsert(invoice_counters).values(
    kind=given("kind", invoice_counters.c.kind),
    year=sa.literal_column("0"),
    last=sa.literal_column("0"),
)
# The lock of a row that need not be there yet.
LOCK_COUNTER = Query(
    _first.on_conflict_do_update(
        index_elements=["kind"], set_={"kind": _first.excluded.kind}
    ).returning(
        invoice_counters.c.year,
        invoice_counters.c.last,
        invoice_counters.c.issued_at,
    ),
    Counter,
)
COUNT = Query(
    sa.update(invoice_counters)
    .where(invoice_counters.c.kind == given("of_kind", invoice_counters.c.kind))
    .values(
        year=given("to_year", invoice_counters.c.year),
        last=given("to_last", invoice_counters.c.last),
        issued_at=given("at_issued", invoice_counters.c.issued_at),
    ),
    nothing,
)
INSERT_INVOICE = insert(
    invoices,
    "id",
    "kind",
    "year",
    "sequence",
    "number",
    "order_id",
    "corrects_id",
    "refund_id",
    "snapshot",
    "issued_at",
)
