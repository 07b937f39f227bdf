"""The operation of event streams."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from pydantic import Field

from persistence.database.listing import Window
from persistence.database.transactions import QueryStats
from persistence.events.views import EVENTS, ROLE_SINCE
from services.access.authentication import authenticate
from services.access.permissions import Permission
from services.errors.common import TokenRevoked
from services.errors.events import EventsGone, StreamTooSlow
from services.events.audience import Listener, hearing
from services.events.envelope import Event, Frame
from services.events.reading import (
    LAST_ID,
    Types,
    heard_values,
    read_cursor,
    read_head,
    refuse_gone,
    shower,
)
from services.events.streams import EventStream
from services.operation.context import Context
from services.operation.error_translation import translate_errors
from services.operation.inputs import Input, Reference
from services.operation.operation import operation
from services.quota.quota import subject

#: Events of one page of those that are older than the stream.
_PAGE = 100


class StreamEvents(Input):
    """Filters of a stream, and where it begins."""

    types: Types | None = Field(
        None,
        description="The types to hear, all if absent; REST takes them separated by commas.",
        json_schema_extra={"uniqueItems": True},
    )
    subject: Reference | None = Field(
        None, description="Id of the thing that the events are about."
    )
    after: str | None = Field(
        None,
        description="Cursor of the log to go on after; without it the stream begins with what"
        " happens from now on.",
    )


@operation(
    "events.stream",
    who=Permission.EVENTS_READ_OWN,
    input=StreamEvents,
    result=Event,
    errors=[EventsGone, StreamTooSlow],
    streams=True,
)
async def stream(ctx: Context, input: StreamEvents) -> EventStream:
    """Hear events as they happen: those that the caller may hear, oldest first.

    A stream that ends can be taken up again, on any door, with the last cursor: nothing is lost
    between. It ends when the session or key does, when its token expires, when the server stops,
    and when its reader is too slow. An event of the type `gap` says that events are missing.
    """
    caller = ctx.caller
    assert caller is not None
    hub, cursors = ctx.process.event_hub, ctx.process.log_cursors
    begins = None if input.after is None else read_cursor(cursors, "after", input.after)
    since: datetime | None = await ctx.reader.one(ROLE_SINCE, user_id=caller.user_id)
    assert since is not None
    made = EventStream(
        hub,
        Listener(caller.user_id, hearing(caller), since),
        payer=subject(caller),
        credential=caller.session_id or caller.key_id or "",
        expires_at=caller.expires_at,
        face=ctx.request.face,
        types=None if input.types is None else frozenset(map(str, input.types)),
        subject=input.subject,
        sees_positions=caller.may(Permission.EVENTS_READ_ALL),
    )
    head = await read_head(ctx.reader)
    hub.join(made, head)
    try:
        # The session or key may have ended, or its role changed, before the hub knew of the stream.
        ctx.request.authenticated = False
        if await authenticate(ctx.request) != caller:
            raise TokenRevoked
        epoch, place = begins or (head.epoch, head.position)
        refuse_gone(cursors, head, epoch, place)
        if begins is None and hub.position <= place:
            made.position, made.live = place, True
        else:
            made.past = _past(ctx, input, made, epoch, place)
    except BaseException:
        made.close()
        raise
    return made


def _past(
    ctx: Context, input: StreamEvents, made: EventStream, epoch: str, place: int
) -> Callable[[], Awaitable[list[Frame]]]:
    """Reads the log behind ``place`` page by page, until the hub offers what comes next."""
    given = {"types": input.types, "subject": input.subject}
    filters = {name: value for name, value in given.items() if value is not None}
    process, caller = ctx.process, ctx.caller
    assert caller is not None
    values = {**ctx.viewer_values, **heard_values(caller)}
    show = shower(process.log_cursors, epoch, caller)
    #: The hub's position when the stream went live. The hub offers what comes after it.
    until: int | None = None

    async def read() -> list[Frame]:
        nonlocal place, until
        if not process.revocations.fresh:
            # PostgreSQL was away: the session may have ended. If so, the poll ends the stream.
            await process.revocations.poll()
        # The stream lasts; its statements are no part of the request's.
        reader = process.database.reader(QueryStats())
        window = Window(_PAGE, (place, LAST_ID))
        found, _ = await EVENTS.page(reader, "position", filters, window, **values)
        # Read after the page: whatever is gone by now may have been missing in it.
        refuse_gone(process.log_cursors, await read_head(reader), epoch, place)
        rows = [row for row in found if until is None or row.position <= until]
        if rows:
            place = rows[-1].position
        last_page = len(found) < _PAGE or len(rows) < len(found)
        if until is not None:
            if last_page:
                made.past = None
        elif last_page:
            # Nearly at the end: from here on the hub offers new events, and the next page holds
            # what was logged since this one was read.
            until = process.event_hub.position
            made.position, made.live = max(place, until), True
            if until <= place:
                made.past = None
        return [Frame(show(row)) for row in rows]

    return partial(translate_errors, read)
