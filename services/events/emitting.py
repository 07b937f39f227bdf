"""Emit events: an operation notes them, and the wrapper writes them in its transaction.

They are written at the end, together with the audit row. So they cost no round trip, and their
order is drawn after the operation has locked what they are about.
"""

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from services.events.audience import Audience
from services.events.types import EventType, Silent
from services.operation.context import Context

_encode = msgspec.json.Encoder().encode


class Emitted(NamedTuple):
    """An event of the operation under way."""

    type: str
    subject: str
    data: str | None
    audience: Audience


def emit(
    ctx: Context,
    event_type: EventType,
    thing: Struct | None,
    audience: Audience,
    *,
    subject: str | None = None,
) -> None:
    """Note an event; ``thing`` is its data, as it will be stored when the transaction commits.

    ``subject`` is the id of what it is about, by default the thing's. Raises TypeError for a type
    that the operation does not declare, and for a thing that the type does not carry.
    """
    declared = ctx.operation.emits
    if declared is None or isinstance(declared, Silent) or event_type not in declared:
        raise TypeError(f"{ctx.operation.name} does not declare that it emits {event_type.name}.")
    if thing is not None and type(thing).__name__ != event_type.payload:
        raise TypeError(f"{event_type.name} carries no {type(thing).__name__}.")
    data = None if thing is None else _encode(thing).decode()
    about = subject or thing.id  # type: ignore[union-attr]
    ctx.events.append(Emitted(event_type.name, about, data, audience))


def values_of(ctx: Context) -> dict[str, Any]:
    """The values of `INSERT_EVENTS` for the events that the operation has emitted."""
    emitted: list[Emitted] = ctx.events
    names, subjects, data, audiences = zip(*emitted, strict=True)
    audience, owner_ids, public, withheld, person_ids = zip(*audiences, strict=True)
    return {
        "at": ctx.now,
        "request_id": ctx.request.id,
        "tags": sorted(ctx.outdated_tags),
        "id": [ctx.new_id() for _ in emitted],
        "type": names,
        "subject": subjects,
        "data": data,
        "audience": audience,
        "is_public": public,
        "is_withheld": withheld,
        "owner_id": owner_ids,
        "person_id": person_ids,
    }
