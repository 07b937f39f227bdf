"""REST routes of the caller's sessions."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, nested
from api.rest.operation_route import OperationRoute
from services import sessions
from services.operation.paging import ME

router = APIRouter(prefix="/me/sessions", route_class=OperationRoute)


@router.get("", name="sessions.list", operation_id="sessions")
async def list_sessions(call: Call) -> Answer:
    return await nested(call, sessions.list_, ME)


@router.delete("/{id}", name="sessions.revoke", operation_id="revokeSession", status_code=204)
async def revoke_session(call: Call) -> Answer:
    await sessions.revoke(call.request, call.input, key=call.key)
    return None
