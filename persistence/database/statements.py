"""Statements: compiled once from the SQLModel tables, and prepared by the driver."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql import ClauseElement, visitors
from sqlalchemy.sql.dml import UpdateBase

from persistence.database.columns import Instant, UuidArray

Row = TypeVar("Row")
_DIALECT = dialect.dialect()


class _Text(NamedTuple):
    """A statement as it is sent: its parts, and the names and defaults of its values."""

    parts: tuple[tuple[str, str], ...]
    sql: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]


class Query(Generic[Row]):
    """One SQL statement, and how a row of its answer is made.

    ``row`` gets the columns as positional arguments; a statement without an answer has none. A
    query is made at import or once per shape, never per call: its first use compiles it, which
    takes 200–800 µs. A start compiles nothing, as no process uses every statement at once.

    ``after`` is a name and a writing query that runs in the same statement; this one reads the rows
    that it returns under that name.
    """

    def __init__(
        self,
        statement: ClauseElement,
        row: Callable[..., Row],
        columns: Iterable[str] | None = None,
        after: "tuple[str, Query[Any]] | None" = None,
    ) -> None:
        self.row = row
        self._statement = statement
        self._keys = None if columns is None else list(columns)
        self._after = after

    @cached_property
    def _text(self) -> _Text:
        compiled: Any = self._statement.compile(dialect=_DIALECT, column_keys=self._keys)
        sql = str(compiled)
        names: tuple[str, ...] = tuple(compiled.positiontup or ())
        defaults = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        parts = (("", sql),)
        if self._after is not None:
            name, first = self._after
            parts = ((name, first.sql), ("", renumbered(sql, first.width)))
            names = first._text.names + names
            defaults = {**first._text.defaults, **defaults}
        return _Text(parts, with_parts(parts), names, defaults)

    @cached_property
    def sql(self) -> str:
        """The whole statement, with numbered placeholders."""
        return self._text.sql

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a name and SQL: the named statements, and last this one, without a name."""
        return self._text.parts

    @cached_property
    def reads(self) -> frozenset[str]:
        """The tables whose rows the statement looks at, if only to change them."""
        here = _read(self._statement)
        return here if self._after is None else here | self._after[1].reads

    @cached_property
    def writes(self) -> frozenset[str]:
        """The tables that the statement changes, its triggers included."""
        here = _written(self._statement)
        return here if self._after is None else here | self._after[1].writes

    @cached_property
    def locks(self) -> bool:
        """Does the statement lock rows that it reads?"""
        return any(
            isinstance(each, sa.Select) and each._for_update_arg is not None
            for each in visitors.iterate(self._statement)
        )

    @cached_property
    def columns(self) -> int:
        """How many columns the statement selects."""
        statement = self._statement
        return len(statement.selected_columns) if isinstance(statement, sa.Select) else 0

    @property
    def width(self) -> int:
        """How many values the statement takes."""
        return len(self._text.names)

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the statement's placeholders; KeyError if one is missing."""
        text = self._text
        defaults = text.defaults
        return [values[name] if name in values else defaults[name] for name in text.names]


class ListQuery(Query[Row]):
    """A read of many rows that may be sent together with reads like it.

    ``by_ids`` says that rows are asked for by the value ``ids`` and have an ``id``, so that several
    questions can be one. ``array_struct`` is the struct of a row where its fields are read straight
    from what PostgreSQL writes as JSON.
    """

    def __init__(
        self,
        statement: sa.Select[Any],
        row: Callable[..., Row],
        *,
        by_ids: bool = False,
        array_struct: type[Row] | None = None,
    ) -> None:
        super().__init__(statement, row)
        self.by_ids = by_ids
        self.array_struct = array_struct
        self._selected = statement.selected_columns

    @cached_property
    def types(self) -> tuple[Any, ...]:
        """The SQL types of the columns."""
        return tuple(column.type for column in self._selected)


#: The tables that a table's triggers change; see persistence/database/rules.py.
_TRIGGERED = {
    "postings": {"accounts"},
    "orders": {"accounts"},
    "users": {"sessions", "api_keys"},
}


def _written(statement: ClauseElement) -> frozenset[str]:
    changes = [each for each in visitors.iterate(statement) if isinstance(each, UpdateBase)]
    names = {_table(change).name for change in changes}
    return frozenset(names.union(*(_TRIGGERED.get(name, ()) for name in names)))


def _read(statement: ClauseElement) -> frozenset[str]:
    if isinstance(statement, sa.Insert) and statement._post_values_clause is None:
        # An INSERT does not look at the rows that exist.
        return frozenset() if statement.select is None else _read(statement.select)
    names: set[str] = set()
    for each in visitors.iterate(statement):
        owner = each.table if isinstance(each, sa.ColumnClause) else each
        if isinstance(owner, sa.TableClause):
            names.add(owner.name)
        elif isinstance(each, UpdateBase):
            names.add(_table(each).name)
    return frozenset(names)


def _table(change: UpdateBase) -> sa.TableClause:
    return change.entity_description["table"]


def renumbered(sql: str, by: int) -> str:
    """The SQL with its placeholders renumbered to follow ``by`` others."""
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + by}", sql) if by else sql


def with_parts(parts: Iterable[tuple[str, str]]) -> str:
    """One statement made of named ones and of a last one, which has no name."""
    *named, (_, last) = parts
    before = ", ".join(f"{name} AS ({sql})" for name, sql in named)
    return f"WITH {before} {last}" if named else last


def nothing(*_: Any) -> None:
    """The row of a statement whose answer is not read."""


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


#: The most rows that one `forget` deletes, so that it holds its locks for a short time.
FORGOTTEN_AT_ONCE = 10_000


def forget(table: sa.Table, since: sa.ColumnElement[Any], *conditions: Any) -> Query[int]:
    """Delete rows whose ``since`` is before ``:before``; answers how many, at most 10,000."""
    old = since < sa.bindparam("before", type_=Instant)
    place = sa.literal_column(f"{table.name}.ctid")
    batch = sa.select(place).where(old, *conditions).limit(FORGOTTEN_AT_ONCE).correlate(None)
    gone = sa.delete(table).where(place.in_(batch)).returning(sa.literal_column("1")).cte("gone")
    return Query(sa.select(sa.func.count()).select_from(gone), value)
