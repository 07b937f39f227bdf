"""Pages of lists: by cursor (keyset) or by number, the same on both faces.

The input of a list extends `Paged`. `page` reads one page of a
`persistence.database.listing.Listing` with the list's filters and sort.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
from pydantic import Field, model_validator

from persistence.database.listing import Listing, Window
from services.errors.base import FieldError, TandemError
from services.errors.common import Forbidden, ValidationFailed
from services.operation.context import Context
from services.operation.cursors import CursorKeys
from services.operation.inputs import Flag, Input, PageNumber, PageSize, wrong

Item = TypeVar("Item")
#: Means the caller where an id of a user is expected.
ME = "me"


class Paged(Input):
    """The input of every list: ``first``/``after``, ``last``/``before`` or ``page``/``perPage``."""

    first: PageSize | None = Field(
        None, description="How many from the start, or after the cursor."
    )
    after: str | None = Field(None, description="Cursor to continue after.")
    last: PageSize | None = Field(None, description="How many from the end, or before the cursor.")
    before: str | None = Field(None, description="Cursor to end before.")
    page: PageNumber | None = Field(None, description="Number of the page, from 1.")
    per_page: PageSize | None = Field(None, description="Page size of numbered pages.")
    total: Flag = Field(False, description="Count the whole list as well.")

    @model_validator(mode="after")
    def _one_way(self) -> "Paged":
        forward = self.first is not None or self.after is not None
        backward = self.last is not None or self.before is not None
        numbered = self.page is not None or self.per_page is not None
        if forward + backward + numbered > 1:
            raise wrong(
                "CONFLICT",
                "Page by first and after, by last and before, or by page and perPage.",
                "page" if numbered else "last",
            )
        return self


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list; ``total`` is None unless it was asked for."""

    items: Sequence[Item]
    has_next: bool
    has_previous: bool
    size: int
    number: int | None = None
    total: int | None = None
    #: Makes the cursor of an item; None for a list that has one page.
    cursor: Callable[[Item], str] | None = field(default=None, compare=False)

    @property
    def start_cursor(self) -> str | None:
        """The first item's cursor."""
        return self.cursor(self.items[0]) if self.items and self.cursor else None

    @property
    def end_cursor(self) -> str | None:
        """The last item's cursor."""
        return self.cursor(self.items[-1]) if self.items and self.cursor else None


@dataclass(frozen=True)
class _Plan:
    sort: str
    filters: dict[str, Any]
    window: Window
    size: int
    scope: bytes
    #: The number of the page, where it is known.
    number: int | None


class _Found(msgspec.Struct, Generic[Item]):
    """The rows of a page, and one row more when the list goes on."""

    rows: list[Item]
    total: int | None
    #: The values that the rows are sorted by, where they do not hold them themselves.
    places: list[int | str] | None = None


async def page(
    ctx: Context,
    listing: Listing[Item],
    input: Paged,
    sort: str,
    filters: Mapping[str, Any],
    **values: Any,
) -> Page[Item]:
    """One page of a list; raises `ValidationFailed` for a cursor of another list.

    ``values`` are made of the filters; the statement needs them beside these.
    """
    plan = _plan(ctx, listing, input, sort, filters)
    # A page that is cached has all fields, as the next caller may want others.
    wanted = None if ctx.cacheable else ctx.wanted

    async def load() -> _Found[Item]:
        given = {**ctx.viewer_values, **values}
        rows, places = await listing.page(
            ctx.reader, plan.sort, plan.filters, plan.window, wanted, **given
        )
        total = None
        if input.total:
            total = await listing.count(ctx.reader, plan.filters, **given)
        return _Found(rows, total, places)

    if ctx.operation.cached:
        found = await ctx.cached(_Found[ctx.operation.result], _name(plan, input), load)
    else:
        found = await load()
    return _shaped(ctx, listing, plan, [*found.rows], found.total, found.places)


async def pages(
    ctx: Context,
    listing: Listing[Item],
    parents: Sequence[str],
    input: Paged,
    sort: str,
) -> dict[str, Page[Item] | ValidationFailed]:
    """One page under each of many parents, in one statement (two when totals are asked for).

    A cursor belongs to one parent's list. Under another parent it is that parent's error.
    """
    plans: dict[str, _Plan] = {}
    results: dict[str, Page[Item] | ValidationFailed] = {}
    for parent in parents:
        try:
            plans[parent] = _plan(ctx, listing, input, sort, {}, under=parent)
        except ValidationFailed as error:
            results[parent] = error
    if not plans:
        return results
    window = next(iter(plans.values())).window
    found = await listing.pages(ctx.reader, list(plans), sort, {}, window, **ctx.viewer_values)
    totals: dict[str, int] = {}
    if input.total:
        totals = await listing.counts(ctx.reader, list(plans), {}, **ctx.viewer_values)
    for parent, plan in plans.items():
        results[parent] = _shaped(ctx, listing, plan, found[parent], totals.get(parent))
    return results


async def own_page(
    ctx: Context,
    listing: Listing[Item],
    user_ids: Sequence[str],
    input: Paged,
    sort: str,
    filters: Mapping[str, Any] | None = None,
    **values: Any,
) -> dict[str, Page[Item] | TandemError]:
    """A page of the caller's own things, under their id or `ME`; under any other id `Forbidden`."""
    mine = {ME, ctx.user_id}
    found: Page[Item] | Forbidden = Forbidden()
    if mine & {*user_ids}:
        found = await page(ctx, listing, input, sort, filters or {}, **values)
    return {id: found if id in mine else Forbidden() for id in user_ids}


def _plan(
    ctx: Context,
    listing: Listing[Any],
    input: Paged,
    sort: str,
    filters: Mapping[str, Any],
    under: str | None = None,
) -> _Plan:
    given = {name: value for name, value in filters.items() if value is not None}
    declared = listing.sorts[sort]
    version = [] if declared.version is None else [declared.version]
    scope = msgspec.json.encode([ctx.operation.name, under, sort, sorted(given.items()), *version])
    if input.page is not None or input.per_page is not None:
        size, number = input.per_page or ctx.settings.page_size, input.page or 1
        window = Window(size + 1, offset=(number - 1) * size)
        return _Plan(sort, given, window, size, scope, number)
    size = input.first or input.last or ctx.settings.page_size
    backward = input.last is not None or input.before is not None
    name, cursor = ("before", input.before) if backward else ("after", input.after)
    if cursor is None:
        number = None if backward else 1
        return _Plan(sort, given, Window(size + 1, backward=backward), size, scope, number)
    beyond = ctx.process.cursors.read(scope, cursor, declared.kind)
    if beyond is None:
        message = "This is not a cursor of this list with this order and these filters."
        raise ValidationFailed(fields=[FieldError(name, "INVALID_CURSOR", message)])
    return _Plan(sort, given, Window(size + 1, beyond, backward), size, scope, None)


def _name(plan: _Plan, input: Paged) -> str:
    """The name of a page in the cache, the same however a caller asks for it."""
    asked = (plan.scope, plan.window, plan.size, input.total)
    return blake2b(msgspec.json.encode(asked), digest_size=16).hexdigest()


def _shaped(
    ctx: Context,
    listing: Listing[Item],
    plan: _Plan,
    rows: list[Item],
    total: int | None,
    places: list[int | str] | None = None,
) -> Page[Item]:
    by_id: dict[str, int | str] = {}
    if places is not None:
        by_id = dict(zip([attrgetter("id")(row) for row in rows], places, strict=True))
    more = len(rows) > plan.size
    rows = rows[: plan.size]
    window = plan.window
    if window.backward:
        rows.reverse()
    return Page(
        items=rows,
        has_next=window.beyond is not None if window.backward else more,
        has_previous=more if window.backward else window.beyond is not None or window.offset > 0,
        size=plan.size,
        number=plan.number,
        total=total,
        cursor=_writer(ctx.process.cursors, listing, plan, by_id),
    )


def _writer(
    cursors: CursorKeys, listing: Listing[Any], plan: _Plan, places: Mapping[str, int | str]
) -> Callable[[Any], str]:
    read = listing.sorts[plan.sort].value or (lambda item: places[item.id])
    return lambda item: cursors.write(plan.scope, (read(item), item.id))
