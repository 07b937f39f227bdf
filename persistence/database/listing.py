"""Pages of rows: keyset or numbered, of one list or nested under many parents.

A keyset page starts beyond a position (the sort's value and the id). It is stable under inserts,
and as fast at page 5,000 as at page 1. A numbered page skips rows by counting them.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa

from persistence.database.columns import Uuid, UuidArray
from persistence.database.rows import kinds_of
from persistence.database.statements import ListQuery, Query, value
from persistence.database.transactions import Reader
from persistence.database.views import Projection, View, Wanted, projection_of

Row = TypeVar("Row")
_BIG = sa.BigInteger()


class Sort(NamedTuple):
    """One declared order of a list; the id breaks ties, in the same direction."""

    column: sa.ColumnElement[Any]
    descending: bool
    #: Reads the sort's value off a row; None where the statement answers it beside the row.
    value: Callable[[Any], Any] | None
    kind: type = str
    #: The version of the rules that the value is made by. A cursor of another one is refused.
    version: int | None = None


def ascending(view: View[Any], field: str) -> Sort:
    """The order of a view's field, which is a column."""
    return Sort(view.columns[field], False, attrgetter(field), kinds_of(view.struct)[field])


def descending(view: View[Any], field: str) -> Sort:
    """The reverse order of a view's field, which is a column."""
    return ascending(view, field)._replace(descending=True)


class Window(NamedTuple):
    """The rows of a sorted list that a page holds."""

    limit: int
    #: The position, ``(value, id)``, beyond which the page starts in the direction read.
    beyond: tuple[Any, str] | None = None
    backward: bool = False
    offset: int = 0


#: The rows that an export reads at a time: some 4 ms of work, in which nobody else is answered, and
#: 150 kB. With 2,000 rows an export took as long, and others waited twice as long.
EXPORTED_AT_ONCE = 500
#: The sizes that most callers ask for, and one row beyond the page. PostgreSQL knows the cost of a
#: limit that is written into the statement, and plans it once for all callers. It takes a limit
#: that is a value for a tenth of the list, and plans anew each time (0.3 ms).
_COMMON_LIMITS = frozenset({11, 21, 51, 101, EXPORTED_AT_ONCE})


class Rows(NamedTuple, Generic[Row]):
    """The rows of a page; ``places`` are the values they are sorted by, where no row holds them."""

    rows: list[Row]
    places: list[Any] | None


class Shape(NamedTuple):
    """One of the statements that a list may need; the rest are its values."""

    sort: str
    filters: frozenset[str]
    beyond: bool
    backward: bool
    #: The limit, where it is a common one; other limits are values.
    limit: int | None
    offset: bool


class Listing(Generic[Row]):
    """One declared list: its rows, sorts and filters.

    ``filters`` holds conditions, each over a value of the condition's name. ``always`` is the
    condition of every page (visibility). With ``parent``, one statement reads the pages of many
    parents. ``first`` names filters whose rows are all found before they are sorted: PostgreSQL
    cannot tell a rare word from a common one, and would walk a whole list in its order for it.
    ``counted`` is what rows are counted in, where all conditions need less than the view reads.
    """

    def __init__(
        self,
        view: View[Row],
        *,
        sorts: Mapping[str, Sort],
        filters: Mapping[str, sa.ColumnElement[bool]] | None = None,
        always: sa.ColumnElement[bool] | None = None,
        parent: sa.ColumnElement[Any] | None = None,
        first: frozenset[str] = frozenset(),
        counted: sa.FromClause | None = None,
    ) -> None:
        if parent is not None and any(sort.value is None for sort in sorts.values()):
            raise TypeError("A nested list is sorted by what its rows hold.")
        self.sorts = sorts
        self._always = () if always is None else (always,)
        self._view = view
        self._filters = filters or {}
        self._parent = parent
        self._first = first
        self._counted = counted
        # A list has at most sorts × directions × 2^filters shapes, of which few are in use.
        self._page = lru_cache(maxsize=256)(self._compile_page)
        self._page_of_projections = lru_cache(maxsize=256)(self._compile_page)
        self._count = lru_cache(maxsize=256)(self._compile_count)

    async def page(
        self,
        reader: Reader,
        sort: str,
        filters: Mapping[str, Any],
        window: Window,
        wanted: Wanted | None = None,
        **values: Any,
    ) -> "Rows[Row]":
        """At most ``window.limit`` rows, in the direction read; projections where they can be.

        ``values`` are those of the viewer, and further ones that the filters need.
        """
        shape = _shape(sort, filters, window)
        projection = self._projection(sort, wanted)
        query = (
            self._page(shape)
            if projection is None
            else self._page_of_projections(shape, projection)
        )
        found = await reader.all(query, **self._values(filters, window), **values)
        if self.sorts[sort].value is not None:
            return Rows(found, None)
        return Rows([row for _, row in found], [place for place, _ in found])

    async def pages(
        self,
        reader: Reader,
        parents: list[str],
        sort: str,
        filters: Mapping[str, Any],
        window: Window,
        **values: Any,
    ) -> dict[str, list[Row]]:
        """The page of each parent, in one statement."""
        query = self._page(_shape(sort, filters, window))
        found: dict[str, list[Row]] = {parent: [] for parent in parents}
        rows = await reader.all(query, parents=parents, **self._values(filters, window), **values)
        for parent, row in rows:
            found[parent].append(row)
        return found

    async def count(
        self,
        reader: Reader,
        filters: Mapping[str, Any],
        sort: str | None = None,
        beyond: tuple[Any, str] | None = None,
        **values: Any,
    ) -> int:
        """How many rows the list has, exactly; those beyond a position of ``sort``, if given."""
        query = self._count(frozenset(filters), None if beyond is None else sort)
        value, id = beyond or (None, None)
        places = {"beyond_value": value, "beyond_id": id}
        return (await reader.all(query, **filters, **places, **values))[0]

    async def counts(
        self, reader: Reader, parents: list[str], filters: Mapping[str, Any], **values: Any
    ) -> dict[str, int]:
        """How many rows each parent's list has, in one statement."""
        query = self._count(frozenset(filters))
        rows = await reader.all(query, parents=parents, **filters, **values)
        return dict.fromkeys(parents, 0) | dict(rows)

    @staticmethod
    def _values(filters: Mapping[str, Any], window: Window) -> dict[str, Any]:
        beyond = window.beyond or (None, None)
        return {
            **filters,
            "limit": window.limit,
            "offset": window.offset,
            "beyond_value": beyond[0],
            "beyond_id": beyond[1],
        }

    def _filtered(
        self, names: frozenset[str], projection: Projection | None = None
    ) -> sa.Select[Any]:
        return self._conditions((projection or self._view).select(), names)

    def _conditions(self, select: sa.Select[Any], names: frozenset[str]) -> sa.Select[Any]:
        return select.where(*self._always, *(self._filters[name] for name in sorted(names)))

    def _projection(self, sort: str, wanted: Wanted | None) -> Projection | None:
        """The projection of the wanted fields, and of the fields that cursors are written from."""
        if wanted is None:
            return None
        if self.sorts[sort].value is None:
            return projection_of(self._view, wanted)
        column = self.sorts[sort].column
        sorted_by = {name for name, each in self._view.columns.items() if each is column}
        if not sorted_by:
            # A cursor is written from fields that the expression does not tell.
            return None
        return projection_of(self._view, wanted._replace(fields=wanted.fields | sorted_by))

    def _compile_page(self, shape: Shape, projection: Projection | None = None) -> Query[Any]:
        sort = self.sorts[shape.sort]
        place = sort.column
        if self._first & shape.filters and self._parent is None:
            select, place = self._found_first(shape, projection)
        else:
            select = self._filtered(shape.filters, projection)
            select = _windowed(select, shape, sort, sort.column, self._view.id)
        if sort.value is None:
            row = self._view.row if projection is None else projection.row
            return ListQuery(select.add_columns(place.label("place")), partial(_placed, row))
        if projection is not None:
            return projection.query(select)
        if self._parent is None:
            return ListQuery(select, self._view.row)
        parents, under = self._parents()
        order = _order(shape, sort, sort.column, self._view.id)
        number = sa.func.row_number().over(order_by=order)
        page = select.add_columns(number.label("place")).where(under)
        lateral = page.correlate(parents).lateral("page")
        *columns, place = lateral.c
        return ListQuery(
            sa.select(parents.c.id, *columns)
            .select_from(parents.join(lateral, sa.true()))
            .order_by(place),
            self._nested_row,
        )

    def _found_first(
        self, shape: Shape, projection: Projection | None
    ) -> tuple[sa.Select[Any], sa.ColumnElement[Any]]:
        """The page of rows that are all found before they are sorted, and their place in it."""
        sort = self.sorts[shape.sort]
        found = self._filtered(shape.filters).with_only_columns(
            self._view.id.label("id"), sort.column.label("place")
        )
        # PostgreSQL plans what has an offset by itself.
        all_found = found.offset(sa.literal_column("0")).subquery("found")
        page = _windowed(sa.select(all_found), shape, sort, all_found.c.place, all_found.c.id)
        at = page.subquery("page")
        whole = self._view if projection is None else projection
        select = whole.select().join(at, at.c.id == self._view.id)
        return select.order_by(*_order(shape, sort, at.c.place, at.c.id)), at.c.place

    def _compile_count(self, names: frozenset[str], beyond: str | None = None) -> Query[Any]:
        counted = self._view.source if self._counted is None else self._counted
        select = self._conditions(sa.select(self._view.id).select_from(counted), names)
        if beyond is not None:
            sort = self.sorts[beyond]
            select = select.where(_beyond(sort, sort.column, self._view.id, sort.descending))
        if self._parent is None:
            return Query(select.with_only_columns(sa.func.count()), value)
        each = select.with_only_columns(self._parent, sa.func.count())
        among = self._parent == sa.any_(sa.bindparam("parents", type_=UuidArray))
        return Query(each.where(among).group_by(self._parent), _pair)

    def _parents(self) -> tuple[sa.TableValuedAlias, sa.ColumnElement[bool]]:
        array = sa.bindparam("parents", type_=UuidArray)
        unnested = sa.func.unnest(array).table_valued(sa.column("id", Uuid))
        parents = unnested.render_derived(name="parents")
        return parents, self._parent == parents.c.id

    def _nested_row(self, parent: str, *columns: Any) -> tuple[str, Row]:
        return parent, self._view.row(*columns)


def _order(
    shape: Shape, sort: Sort, place: sa.ColumnElement[Any], id: sa.ColumnElement[Any]
) -> list[sa.ColumnElement[Any]]:
    """The order in which a page is read."""
    descending = sort.descending != shape.backward
    return [column.desc() if descending else column.asc() for column in (place, id)]


def _beyond(
    sort: Sort, place: sa.ColumnElement[Any], id: sa.ColumnElement[Any], descending: bool
) -> sa.ColumnElement[bool]:
    """The condition of the rows beyond a position."""
    here = sa.tuple_(place, id)
    beyond = sa.bindparam("beyond_value", type_=sort.column.type)
    there = sa.tuple_(beyond, sa.bindparam("beyond_id", type_=Uuid))
    return here < there if descending else here > there


def _windowed(
    select: sa.Select[Any],
    shape: Shape,
    sort: Sort,
    place: sa.ColumnElement[Any],
    id: sa.ColumnElement[Any],
) -> sa.Select[Any]:
    """The rows of one page, in the order in which it is read."""
    if shape.beyond:
        select = select.where(_beyond(sort, place, id, sort.descending != shape.backward))
    limit = sa.bindparam("limit", type_=_BIG)
    if shape.limit is not None:
        limit = sa.literal_column(str(shape.limit))
    select = select.order_by(*_order(shape, sort, place, id)).limit(limit)
    return select.offset(sa.bindparam("offset", type_=_BIG)) if shape.offset else select


def _shape(sort: str, filters: Mapping[str, Any], window: Window) -> Shape:
    return Shape(
        sort,
        frozenset(filters),
        window.beyond is not None,
        window.backward,
        window.limit if window.limit in _COMMON_LIMITS else None,
        window.offset > 0,
    )


def _placed(row: Callable[..., Row], *columns: Any) -> tuple[Any, Row]:
    """The place of a row in its list, and the row."""
    return columns[-1], row(*columns[:-1])


def _pair(first: Any, second: Any) -> tuple[Any, Any]:
    return first, second
