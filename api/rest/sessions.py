"""REST routes of the caller's sessions."""

from api.rest.calls import Answer, Call, nested, route
from services import sessions
from services.operation.paging import ME


@route("sessions", "GET", "/me/sessions", sessions.list_)
async def list_sessions(call: Call) -> Answer:
    return await nested(call, sessions.list_, ME)


@route("revokeSession", "DELETE", "/me/sessions/{id}", sessions.revoke, status=204)
async def revoke_session(call: Call) -> Answer:
    await sessions.revoke(call.request, call.input, key=call.key)
    return None
