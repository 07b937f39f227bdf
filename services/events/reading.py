"""Operations of events: read the log, and list the types."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from persistence.database.listing import Window
from persistence.database.transactions import Reader
from persistence.events.statements import HEAD, Head
from persistence.events.views import EVENTS, LoggedEvent
from services.access.callers import Caller
from services.access.permissions import PUBLIC, Permission
from services.errors.base import FieldError
from services.errors.common import Internal, ValidationFailed
from services.errors.events import EventsGone
from services.events.audience import hearing
from services.events.cursors import LogCursors
from services.events.envelope import Event, shown
from services.events.types import EVENT_TYPES, TYPE_NAMES, EventType
from services.ids import NOWHERE
from services.operation.context import Context
from services.operation.inputs import Flag, Input, PageSize, Reference, wrong
from services.operation.operation import operation
from services.operation.paging import Page, Paged

#: Positions are unique: no event has the cursor's own position and a smaller or larger id.
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def _names(value: object) -> object:
    """A query string carries the names in one text, separated by commas."""
    return value.split(",") if isinstance(value, str) else value


def _each_once(names: list[str]) -> list[str]:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise wrong("REPEATED", "Name each type once.", f"types.{place}")
    return names


TypeName = Literal[TYPE_NAMES]
Types = Annotated[
    list[TypeName],
    Field(min_length=1, max_length=100),
    BeforeValidator(_names),
    AfterValidator(_each_once),
]


class ListEvents(Paged):
    """Filters of the log."""

    types: Types | None = Field(
        None,
        description="The types to read, all if absent; REST takes them separated by commas.",
        json_schema_extra={"uniqueItems": True},
    )
    subject: Reference | None = Field(
        None, description="Id of the thing that the events are about."
    )


class ListEventTypes(Input):
    """How many types."""

    first: PageSize = Field(100, description="How many, from the first one on.")
    total: Flag = Field(False, description="Count the types as well.")


@operation(
    "events.list",
    who=Permission.EVENTS_READ_OWN,
    input=ListEvents,
    result=Event,
    errors=[EventsGone],
    paged=True,
)
async def list_(ctx: Context, input: ListEvents) -> Page[Event]:
    """Read the log of events, oldest first: those that the caller may hear.

    Cursors belong to the log and not to a list: any of them goes on with other filters, and on
    every door. The log keeps events for some days. EVENTS_GONE says that a cursor is older.
    """
    assert ctx.caller is not None
    cursors = ctx.process.log_cursors
    window, number = _window(cursors, input, ctx.settings.page_size)
    size = window.limit - 1
    given = {"types": input.types, "subject": input.subject}
    filters = {name: value for name, value in given.items() if value is not None}
    values = {**ctx.viewer_values, **heard_values(ctx.caller)}
    found, _ = await EVENTS.page(ctx.reader, "position", filters, window, **values)
    total = await EVENTS.count(ctx.reader, filters, **values) if input.total else None
    # Read after the page: whatever is gone by now may have been missing in it.
    head = await read_head(ctx.reader)
    _refuse_gone(cursors, input, head)
    show = shower(cursors, head.epoch, ctx.caller)
    rows = found[:size]
    if window.backward:
        rows.reverse()
    more = len(found) > size
    return Page(
        items=[show(row) for row in rows],
        has_next=window.beyond is not None if window.backward else more,
        has_previous=more if window.backward else window.beyond is not None or window.offset > 0,
        size=size,
        number=number,
        total=total,
        cursor=_cursor,
    )


@operation("eventTypes.list", who=PUBLIC, input=ListEventTypes, result=EventType, paged=True)
async def list_types(_: Context, input: ListEventTypes) -> Page[EventType]:
    """List the types of events: what each one tells of, what it carries, and who hears it.

    New types may be added at any time; skip those that you do not know.
    """
    total = len(EVENT_TYPES) if input.total else None
    shown = EVENT_TYPES[: input.first]
    return Page(shown, has_next=False, has_previous=False, size=input.first, number=1, total=total)


async def read_head(reader: Reader) -> Head:
    """The end of the log; raises `Internal` when there is none."""
    head = await reader.one(HEAD)
    if head is None:
        raise Internal
    return head


def read_cursor(cursors: LogCursors, field: str, cursor: str) -> tuple[str, int]:
    """The epoch and position of a cursor; raises `ValidationFailed` for what is none."""
    place = cursors.read(cursor)
    if place is None:
        message = "This is no cursor of the log."
        raise ValidationFailed(fields=[FieldError(field, "INVALID_CURSOR", message)])
    return place


def refuse_gone(cursors: LogCursors, head: Head, epoch: str, position: int) -> None:
    """Raise `EventsGone` for a place that the log cannot be read on from without a gap.

    It is older than the log, or of a log from before a restore.
    """
    if epoch != head.epoch or not head.gone <= position <= head.position:
        raise EventsGone(details={"oldest": cursors.write(head.epoch, head.gone)})


def heard_values(caller: Caller) -> dict[str, list[str]]:
    """The values of `EVENTS` that say what a caller may hear."""
    heard = hearing(caller)
    return {"own_audiences": heard.as_owner, "other_audiences": heard.as_other}


def shower(cursors: LogCursors, epoch: str, caller: Caller) -> Callable[[LoggedEvent], Event]:
    """How events of the log are shown to a caller."""
    sees_positions = caller.may(Permission.EVENTS_READ_ALL)

    def show(row: LoggedEvent) -> Event:
        return shown(cursors, epoch, row, is_insider=row.is_insider, sees_positions=sees_positions)

    return show


def _cursor(event: Event) -> str:
    return event.cursor


def _window(cursors: LogCursors, input: ListEvents, usual: int) -> tuple[Window, int | None]:
    """The part of the list that is asked for, with one row more, and the page's number if known."""
    if input.page is not None or input.per_page is not None:
        size, number = input.per_page or usual, input.page or 1
        return Window(size + 1, offset=(number - 1) * size), number
    size = input.first or input.last or usual
    backward = input.last is not None or input.before is not None
    field, cursor = ("before", input.before) if backward else ("after", input.after)
    if cursor is None:
        return Window(size + 1, backward=backward), None if backward else 1
    _, position = read_cursor(cursors, field, cursor)
    return Window(size + 1, (position, NOWHERE if backward else LAST_ID), backward), None


def _refuse_gone(cursors: LogCursors, input: ListEvents, head: Head) -> None:
    cursor = input.before if input.after is None else input.after
    if cursor is not None and (place := cursors.read(cursor)) is not None:
        refuse_gone(cursors, head, *place)
