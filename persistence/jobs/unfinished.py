"""Work that a job should have finished long ago: the job failed for good, or was discarded."""

from typing import Any

import sqlalchemy as sa

from persistence.database.columns import Instant, Json
from persistence.database.statements import Query, given, value
from persistence.deposits import DepositStatus, deposits
from persistence.invoices.tables import InvoiceKind, invoice_pdfs, invoices
from persistence.jobs.tables import jobs
from persistence.payments import payments
from persistence.refunds import refunds


def _older(
    column: sa.ColumnElement[Any], since: sa.ColumnElement[Any], *unfinished: sa.ColumnElement[bool]
) -> Query[str]:
    """Ids of unfinished rows older than ``:before``, the oldest first, at most ``:limit``.

    A row is left out while a job called ``:name`` is to do it; its data hold the id as ``:key``.
    """
    old = since < sa.bindparam("before", type_=Instant)
    wanted = sa.select(column).where(old, *unfinished, ~_under_way(column)).order_by(since)
    return Query(wanted.limit(sa.bindparam("limit", type_=sa.Integer)), value)


def _under_way(column: sa.ColumnElement[Any]) -> sa.Exists:
    written = sa.func.convert_from(jobs.c.payload, sa.literal_column("'UTF8'"))
    data = sa.cast(written, Json)[sa.literal_column("'data'")]
    return sa.exists().where(
        jobs.c.entrypoint == given("name", jobs.c.entrypoint),
        jobs.c.status != sa.literal_column("'failed'"),
        data.op("->>")(sa.bindparam("key", type_=sa.Text)) == sa.cast(column, sa.Text),
    )


PENDING_DEPOSITS = _older(
    deposits.c.id,
    deposits.c.created_at,
    deposits.c.status == sa.literal_column(f"'{DepositStatus.PENDING}'"),
)
PAYMENTS_WITHOUT_INVOICE = _older(
    payments.c.order_id,
    payments.c.created_at,
    ~sa.exists().where(
        invoices.c.order_id == payments.c.order_id,
        invoices.c.kind == sa.literal_column(f"'{InvoiceKind.INVOICE}'"),
    ),
)
REFUNDS_WITHOUT_NOTE = _older(
    refunds.c.id, refunds.c.created_at, ~sa.exists().where(invoices.c.refund_id == refunds.c.id)
)
INVOICES_WITHOUT_PDF = _older(
    invoices.c.id,
    invoices.c.issued_at,
    ~sa.exists().where(invoice_pdfs.c.invoice_id == invoices.c.id),
)
