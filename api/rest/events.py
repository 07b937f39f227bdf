"""REST routes of events."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call
from api.rest.operation_route import OperationRoute
from services.events import reading

router = APIRouter(route_class=OperationRoute)


@router.get("/events/log", name="events.list", operation_id="eventLog")
async def list_events(call: Call) -> Answer:
    return await reading.list_(call.request, call.input)


@router.get("/event-types", name="eventTypes.list", operation_id="eventTypes")
async def list_event_types(call: Call) -> Answer:
    return await reading.list_types(call.request, call.input)
