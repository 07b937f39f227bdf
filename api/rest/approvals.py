"""REST routes of approvals."""

from api.rest.calls import Answer, Call, route
from services import approvals


@route("approvals", "GET", "/admin/approvals", approvals.list_)
async def list_approvals(call: Call) -> Answer:
    return await approvals.list_(call.request, call.input)


@route("approveOrder", "POST", "/admin/orders/{id}/approve", approvals.approve)
async def approve_order(call: Call) -> Answer:
    return await approvals.approve(call.request, call.input, key=call.key)


@route("rejectOrder", "POST", "/admin/orders/{id}/reject", approvals.reject)
async def reject_order(call: Call) -> Answer:
    return await approvals.reject(call.request, call.input, key=call.key)
