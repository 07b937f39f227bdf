"""The transactions report: a list with pages, and the same rows as a file."""

from typing import Any, Literal

from pydantic import Field

from persistence.reports.transactions import TRANSACTION, TRANSACTIONS, Transaction
from persistence.wallet import TransferKind
from services.access.permissions import Permission
from services.exports.offering import Export, ExportInput, offered
from services.exports.row_files import RowFile
from services.operation import paging
from services.operation.context import Context
from services.operation.inputs import Period
from services.operation.operation import operation
from services.operation.paging import Page, Paged


class TransactionsIn(Period):
    """Filters of transactions."""

    kind: TransferKind | None = Field(
        None, description="Deposits, payments or refunds only.", strict=False
    )

    def filters(self) -> dict[str, Any]:
        """The filters by the names that the listing uses."""
        return {"from": self.from_, "to": self.to, "kind": self.kind}


class ListTransactions(TransactionsIn, Paged):
    """Filters and sort of the list of transactions."""

    sort: Literal["-createdAt", "createdAt"] = Field(
        "-createdAt", description="How the list is sorted."
    )


class ExportTransactions(TransactionsIn, ExportInput):
    """Filters and format of the file of transactions."""


@operation(
    "reports.transactions",
    who=Permission.REPORTS_READ_ALL,
    input=ListTransactions,
    result=Transaction,
    paged=True,
)
async def list_(ctx: Context, input: ListTransactions) -> Page[Transaction]:
    """List the transactions of all customers, newest first.

    A transaction is a transfer of the ledger: a deposit, a payment or a refund.
    """
    return await paging.page(ctx, TRANSACTIONS, input, input.sort, input.filters())


@operation(
    "reports.exportTransactions",
    who=Permission.REPORTS_READ_ALL,
    input=ExportTransactions,
    result=Export,
    cost=50,
    file=RowFile(
        "transactions",
        "/admin/transactions/export",
        TRANSACTION,
        TRANSACTIONS,
        filters=ExportTransactions.filters,
    ),
)
async def export(ctx: Context, input: ExportTransactions) -> Export:
    """Export transactions, the oldest first: REST sends the file, GraphQL its URL.

    The header `X-Row-Count` has the number of rows when the export began. A file without its end
    was cut off: ask for the rest with `afterId`.
    """
    return await offered(ctx, input)
