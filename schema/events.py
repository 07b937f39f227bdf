"""The log of events, and their types."""

import strawberry

from schema.building.connections import Connection
from schema.building.fields import read, subscribe
from schema.building.types import mirror
from services.events import reading, streaming
from services.events.types import EventType as EventTypeStruct


# No Node: the log is read by cursors, and an event is not looked up by its id.
@mirror(reading.Event)
class Event:
    pass


@mirror(EventTypeStruct)
class EventType:
    pass


@strawberry.type
class Query:
    event_log = read(reading.list_, "eventLog", Connection[Event])
    event_types = read(reading.list_types, "eventTypes", Connection[EventType])


@strawberry.type
class Subscription:
    events = subscribe(streaming.stream, "events", Event)
