"""REST routes of reports and of their files."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, exported
from api.rest.operation_route import OperationRoute
from services.reports import sales, transactions

router = APIRouter(prefix="/admin", route_class=OperationRoute)


@router.get("/transactions", name="reports.transactions", operation_id="transactions")
async def list_transactions(call: Call) -> Answer:
    return await transactions.list_(call.request, call.input)


@router.get(
    "/transactions/export", name="reports.exportTransactions", operation_id="exportTransactions"
)
async def export_transactions(call: Call) -> Answer:
    return await exported(call, transactions.export)


@router.get("/reports/sales", name="reports.sales", operation_id="salesReport")
async def get_sales(call: Call) -> Answer:
    return await sales.sales(call.request, call.input)
