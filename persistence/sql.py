"""Statements compiled once from the SQLModel tables, run on prepared statements."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql import ClauseElement

from persistence.columns import Instant, UuidArray

Row = TypeVar("Row")
_DIALECT = dialect.dialect()


class Query(Generic[Row]):
    """One SQL statement and how a row of its answer is made.

    ``row`` gets the columns as positional arguments; a statement without an answer has none.
    Compiling costs 200–800 µs, so a query is made at import or once per shape, never per call.
    """

    __slots__ = ("_defaults", "_names", "row", "sql")

    def __init__(
        self,
        statement: ClauseElement,
        row: Callable[..., Row],
        columns: Iterable[str] | None = None,
    ) -> None:
        keys = None if columns is None else list(columns)
        compiled: Any = statement.compile(dialect=_DIALECT, column_keys=keys)
        self.sql: str = str(compiled)
        self.row = row
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._defaults: Mapping[str, Any] = {
            name: bind.value for name, bind in compiled.binds.items() if not bind.required
        }

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the statement's placeholders; KeyError if one is missing."""
        defaults = self._defaults
        return [values[name] if name in values else defaults[name] for name in self._names]


def nothing(*_: Any) -> None:
    """The row of a statement whose answer nobody reads."""


def value(first: Any, *_: Any) -> Any:
    """The row of a statement that answers one column."""
    return first


def insert(table: sa.Table, *columns: str) -> Query[None]:
    """``INSERT`` of one row; its values are named like the columns."""
    return Query(sa.insert(table), nothing, columns)


def insert_many(table: sa.Table, shared: Iterable[str], each: Iterable[str]) -> Query[None]:
    """``INSERT`` of many rows in one statement.

    ``shared`` columns take one value for all rows, ``each`` columns an array with one value a row.
    """
    shared, each = list(shared), list(each)
    arrays = [sa.bindparam(name, type_=sa.ARRAY(table.c[name].type)) for name in each]
    columns = [sa.column(name, table.c[name].type) for name in each]
    rows = sa.func.unnest(*arrays).table_valued(*columns).render_derived(name="rows")
    picked = [sa.bindparam(name, type_=table.c[name].type) for name in shared]
    source = sa.select(*picked, *(rows.c[name] for name in each)).select_from(rows)
    return Query(sa.insert(table).from_select([*shared, *each], source), nothing)


def among(column: sa.ColumnElement[Any], name: str = "ids") -> sa.ColumnElement[bool]:
    """``column = ANY(:ids)`` over an array of ids."""
    return column == sa.any_(sa.bindparam(name, type_=UuidArray))


def given(name: str, like: sa.ColumnElement[Any]) -> sa.BindParameter[Any]:
    """A value of a statement, typed like a column."""
    return sa.bindparam(name, type_=like.type)


#: Most rows that one `forget` deletes: a short lock, however much there is.
FORGOTTEN_AT_ONCE = 10_000


def forget(table: sa.Table, since: sa.ColumnElement[Any], *conditions: Any) -> Query[int]:
    """Delete rows whose ``since`` is before ``:before``; how many there were, at most so many."""
    old = since < sa.bindparam("before", type_=Instant)
    place = sa.literal_column(f"{table.name}.ctid")
    batch = sa.select(place).where(old, *conditions).limit(FORGOTTEN_AT_ONCE).correlate(None)
    gone = sa.delete(table).where(place.in_(batch)).returning(sa.literal_column("1")).cte("gone")
    return Query(sa.select(sa.func.count()).select_from(gone), value)
