"""The tables of invoices, their files, and the counters of their numbers."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence.database.columns import (
    Json,
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)


class InvoiceKind(StrEnum):
    """The kind of a document: an invoice, or a credit note, which corrects one."""

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
    #: The document's content (`Snapshot` of views.py), money as text.
    snapshot: dict[str, Any] = column(Json)
    issued_at: datetime = instant(None)


class InvoicePdfTable(SQLModel, table=True):
    """The file of an invoice, made once; append-only."""

    __tablename__ = named("invoice_pdfs")

    invoice_id: str = reference("invoices.id", primary_key=True, index=False)
    content: bytes = column(sa.LargeBinary)
    created_at: datetime = instant()


class InvoiceCounterTable(SQLModel, table=True):
    """The last number of each kind. The transaction that locks the row gives the next number."""

    __tablename__ = named("invoice_counters")
    __table_args__ = (checked(_KINDS, "kind"),)

    kind: str = column(sa.Text, primary_key=True)
    year: int = column(sa.Integer)
    last: int = column(sa.Integer)
    issued_at: datetime | None = instant(None, nullable=True)


invoices = table_of(InvoiceTable)
invoice_pdfs = table_of(InvoicePdfTable)
invoice_counters = table_of(InvoiceCounterTable)
