"""Statements that find, number and write invoices."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects.postgresql import insert as upsert

from persistence.database.columns import (
    Money,
)
from persistence.database.rows import row_plan
from persistence.database.statements import Query, among, given, insert, nothing, value
from persistence.invoices.tables import (
    InvoiceCounterTable,
    invoice_counters,
    invoice_pdfs,
    invoices,
)
from persistence.invoices.views import INVOICE
from persistence.users.tables import users


class Counter(Struct, frozen=True):
    """The last number given to a kind of document, and when."""

    year: int
    last: int
    issued_at: datetime | None


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
#: The sum of an invoice's credit notes so far.
CREDITED = Query(
    sa.select(
        sa.func.coalesce(sa.func.sum(sa.cast(invoices.c.snapshot["total"].astext, Money)), 0)
    ).where(invoices.c.corrects_id == given("invoice_id", invoices.c.id)),
    value,
)
_pdf_of = sa.select(invoice_pdfs.c.invoice_id).where(invoice_pdfs.c.invoice_id == invoices.c.id)
#: ``(id, whether the PDF exists)`` of the visible invoices.
VISIBLE_PDFS = Query(
    sa.select(invoices.c.id, sa.exists(_pdf_of))
    .select_from(INVOICE.source)
    .where(among(invoices.c.id), INVOICE.visible),
    lambda id, ready: (id, ready),
)
#: ``(number, content)`` of an invoice's PDF.
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
#: The buyer's name, as the account has it now.
BUYER_NAME = Query(
    sa.select(users.c.full_name).where(users.c.id == given("user_id", users.c.id)), value
)
_counter = row_plan(Counter, InvoiceCounterTable)
_first = upsert(invoice_counters).values(
    kind=given("kind", invoice_counters.c.kind),
    year=sa.literal_column("0"),
    last=sa.literal_column("0"),
)
# Locks a row that may not exist yet.
LOCK_COUNTER = Query(
    _first.on_conflict_do_update(
        index_elements=["kind"], set_={"kind": _first.excluded.kind}
    ).returning(*_counter.selected),
    _counter.row,
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
