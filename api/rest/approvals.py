"""REST routes of approvals."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call
from api.rest.operation_route import OperationRoute
from services import approvals

router = APIRouter(prefix="/admin", route_class=OperationRoute)


@router.get("/approvals", name="approvals.list", operation_id="approvals")
async def list_approvals(call: Call) -> Answer:
    return await approvals.list_(call.request, call.input)


@router.post("/orders/{id}/approve", name="approvals.approve", operation_id="approveOrder")
async def approve_order(call: Call) -> Answer:
    return await approvals.approve(call.request, call.input, key=call.key)


@router.post("/orders/{id}/reject", name="approvals.reject", operation_id="rejectOrder")
async def reject_order(call: Call) -> Answer:
    return await approvals.reject(call.request, call.input, key=call.key)
