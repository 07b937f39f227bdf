"""REST routes of events."""

from fastapi import APIRouter

from api.http.requests import fields_of
from api.rest.calls import Answer, Call
from api.rest.operation_route import OperationRoute
from services.events import reading, streaming

router = APIRouter(route_class=OperationRoute)


@router.get("/events/log", name="events.list", operation_id="eventLog")
async def list_events(call: Call) -> Answer:
    return await reading.list_(call.request, call.input)


@router.get("/events", name="events.stream", operation_id="events")
async def stream_events(call: Call) -> Answer:
    # A client that connects again sends the address of its first call.
    if last := fields_of(call.scope).get(b"last-event-id"):
        call.input["after"] = last
    return await streaming.stream(call.request, call.input)


@router.get("/event-types", name="eventTypes.list", operation_id="eventTypes")
async def list_event_types(call: Call) -> Answer:
    return await reading.list_types(call.request, call.input)
