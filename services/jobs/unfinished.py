"""A daily job that queues lost jobs again: work that is still undone and has no job any more.

A job is lost when it fails too often or is discarded, but the deposit, invoice or PDF is still
missing. The handlers do their work once, so a superfluous job does no harm.
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
from services.process import Process

#: Attempts of a job end within hours, so older undone work has no job any more.
_AGE = timedelta(days=1)
#: Most jobs of one name per run. More of them point to a fault that staff must see first.
_MOST_AT_ONCE = 1_000
_UNFINISHED: tuple[tuple[Query[str], str, str], ...] = (
    (PENDING_DEPOSITS, "deposits.charge", "depositId"),
    (PAYMENTS_WITHOUT_INVOICE, "invoices.issue", "orderId"),
    (REFUNDS_WITHOUT_NOTE, "invoices.credit", "refundId"),
    (INVOICES_WITHOUT_PDF, "invoices.render", "invoiceId"),
)


async def queue_again(process: Process, job: Job) -> None:
    """Queue a job for all work that is undone for a day or longer and has no job."""
    now = process.clock()
    for query, name, key in _UNFINISHED:
        reader = process.database.reader(QueryStats())
        for id in await reader.all(
            query, before=now - _AGE, limit=_MOST_AT_ONCE, name=name, key=key
        ):
            async with process.database.transaction(QueryStats()) as tx:
                await put(tx, now, job.request_id, name, {key: id})
