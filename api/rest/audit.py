"""REST routes of the audit log."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call
from api.rest.operation_route import OperationRoute
from services.audit import reading as audit

router = APIRouter(prefix="/admin/audit", route_class=OperationRoute)


@router.get("", name="audit.list", operation_id="auditLog")
async def list_audit(call: Call) -> Answer:
    return await audit.list_(call.request, call.input)


@router.get("/head", name="audit.head", operation_id="auditHead")
async def get_head(call: Call) -> Answer:
    return await audit.head(call.request, call.input)


@router.get("/verify", name="audit.verify", operation_id="verifyAuditLog")
async def verify_audit(call: Call) -> Answer:
    return await audit.verify(call.request, call.input)
