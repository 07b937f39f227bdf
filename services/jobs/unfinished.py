"""What no job does any more and somebody still waits for is queued again, once a day.

A job that failed too often is dead, and a discarded one is gone; the money, the invoice or the file
that it owed is owed still. Its handler does nothing twice, so one too many does no harm.
"""

from datetime import timedelta

from persistence.database.statements import Query
from persistence.database.transactions import QueryStats
from persistence.jobs.unfinished import (
    INVOICES_WITHOUT_PDF,
    PAYMENTS_WITHOUT_INVOICE,
    PENDING_DEPOSITS,
    REFUNDS_WITHOUT_NOTE,
)
from services.jobs.queue import Job, put
from services.operation.context import Process

#: The job itself is tried for hours; what is older than this is nobody's.
_AGE = timedelta(days=1)
#: Of each kind in one run: more of them are a fault that wants somebody's eyes first.
_MOST_AT_ONCE = 1_000
_UNFINISHED: tuple[tuple[Query[str], str, str], ...] = (
    (PENDING_DEPOSITS, "deposits.charge", "depositId"),
    (PAYMENTS_WITHOUT_INVOICE, "invoices.issue", "orderId"),
    (REFUNDS_WITHOUT_NOTE, "invoices.credit", "refundId"),
    (INVOICES_WITHOUT_PDF, "invoices.render", "invoiceId"),
)


async def queue_again(process: Process, job: Job) -> None:
    """Queue what is owed since yesterday or longer, and no job does."""
    now = process.clock()
    for query, name, key in _UNFINISHED:
        reader = process.database.reader(QueryStats())
        for id in await reader.all(
            query, before=now - _AGE, limit=_MOST_AT_ONCE, name=name, key=key
        ):
            async with process.database.transaction(QueryStats()) as tx:
                await put(tx, now, job.request_id, name, {key: id})
