"""REST routes of the audit log."""

from api.rest.calls import Answer, Call, route
from services.audit import reading as audit


@route("auditLog", "GET", "/admin/audit", audit.list_)
async def list_audit(call: Call) -> Answer:
    return await audit.list_(call.request, call.input)


@route("auditHead", "GET", "/admin/audit/head", audit.head)
async def get_head(call: Call) -> Answer:
    return await audit.head(call.request, call.input)


@route("verifyAuditLog", "GET", "/admin/audit/verify", audit.verify)
async def verify_audit(call: Call) -> Answer:
    return await audit.verify(call.request, call.input)
