"""The envelope: an event as a reader of the log or of a stream is shown it."""

from collections.abc import Hashable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from persistence.events.views import LoggedEvent, NewEvent
from services.events.cursors import LogCursors

_encode = msgspec.json.Encoder().encode


class Event(Struct, frozen=True, rename="camel"):
    """Something that happened in the shop: the same envelope on every door."""

    id: Annotated[str, Meta(description="UUIDv7 of the event.")]
    type: Annotated[str, Meta(description="What happened; `eventTypes` lists the types.")]
    cursor: Annotated[
        str, Meta(description="Where it stands in the log; give it as `after` to go on from here.")
    ]
    position: Annotated[
        int | None, Meta(description="Its number in the log, without gaps; for managers.")
    ]
    at: Annotated[datetime, Meta(description="When it happened.")]
    subject: Annotated[str, Meta(description="Id of the thing that it is about.")]
    data: Annotated[
        dict[str, Any] | None,
        Meta(
            description="The thing as v2 of REST wrote it at that moment; null when the thing may"
            " no longer be seen, or its person has deleted their account."
        ),
    ]
    request_id: Annotated[
        str | None,
        Meta(description="Id of the request that did it; for those whom the thing concerns."),
    ]


#: The type of an event that no operation emits: a stream had to leave out what was lost with an
#: older log.
GAP = "gap"


def shown(
    cursors: LogCursors,
    epoch: str,
    row: LoggedEvent | NewEvent,
    *,
    is_insider: bool,
    sees_positions: bool,
) -> Event:
    """An event of the log as it is shown; an insider hears it for more than being public."""
    return Event(
        id=row.id,
        type=row.type,
        cursor=cursors.write(epoch, row.position),
        position=row.position if sees_positions else None,
        at=row.at,
        subject=row.subject,
        data=None if row.is_withheld and not is_insider else row.data,
        request_id=row.request_id if is_insider else None,
    )


class Frame:
    """An event on its way to streams. All streams that are shown it alike share one frame."""

    __slots__ = ("_json", "event", "made")

    def __init__(self, event: Event) -> None:
        self.event = event
        self._json: bytes | None = None
        #: The texts that faces have made of it, by their own keys: each is made once.
        self.made: dict[Hashable, bytes] = {}

    @property
    def json(self) -> bytes:
        """The envelope as JSON, without line breaks."""
        if self._json is None:
            self._json = _encode(self.event)
        return self._json
