"""REST routes of the audit log."""

from api.rest.calls import Answer, Call, route
from services import audit


@route("auditLog", "GET", "/admin/audit", audit.list_)
async def list_audit(call: Call) -> Answer:
    return await audit.list_(call.request, call.input)
