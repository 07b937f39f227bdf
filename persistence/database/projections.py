"""Parts: only what is wanted of a kind of thing, and what its keys lead to, in one statement.

Decoding dominates a page of orders: 14 µs a whole one, 3 µs for five of its fields. PostgreSQL
writes the wanted columns as JSON, and msgspec reads them straight into a struct of just these.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from persistence.database.columns import Money
from persistence.fast.json_rows import JsonRowsQuery, read_as

if TYPE_CHECKING:
    from persistence.database.views import View

#: Clients ask for some dozens; strangers can push them out, never make them more. One takes 20 kB.
_MOST_PARTS = 256


class Wanted(NamedTuple):
    """What is wanted of a kind of thing: fields of its struct, and the same of what keys of it
    lead to, by the field that holds the key.
    """

    fields: frozenset[str]
    joined: "tuple[tuple[str, Wanted], ...]" = ()


@dataclass(frozen=True, eq=False)
class Projection:
    """A view's columns that are wanted, where they come from, and the struct of a row.

    Its attribute ``whole`` is the view's own struct; ``at_<key>`` is what a key leads to, or None.
    """

    columns: tuple[sa.ColumnElement[Any], ...]
    source: sa.FromClause
    struct: type[msgspec.Struct]

    def select(self) -> sa.Select[Any]:
        """Everything of this kind, whoever looks."""
        return sa.select(*self.columns).select_from(self.source)


class ProjectionQuery(JsonRowsQuery[Any]):
    """A query whose rows are a part's: they come as one text, and only so."""

    __slots__ = ("unpack_rows",)

    def __init__(
        self, statement: sa.Select[Any], projection: Projection, *, by_ids: bool = False
    ) -> None:
        super().__init__(statement, projection.struct, by_ids=by_ids)
        self.unpack_rows = msgspec.json.Decoder(list[projection.struct]).decode

    def unpack(self, text: str | None) -> list[Any]:
        """The rows of an answer; there is no text where there are no rows."""
        return [] if text is None else self.unpack_rows(text)


@lru_cache(maxsize=_MOST_PARTS)
def projection_of(view: "View[Any]", wanted: Wanted) -> Projection | None:
    """The part of a view; None where something wanted is more than a column's own value."""
    columns = {column.key: column for column in view.columns}
    names = sorted({"id", *wanted.fields})
    if view.struct is None or not set(names) <= columns.keys():
        return None
    kinds = {field.name: field.type for field in msgspec.structs.fields(view.struct)}
    if not set(names) <= kinds.keys() or None in (read_as(columns[name]) for name in names):
        return None
    chosen = [columns[name].label(name) for name in names]
    fields = [(name, _kind(columns[name], kinds[name])) for name in names]
    source = view.source
    for key, inner in wanted.joined:
        target = view.joins.get(key)
        if target is None:
            continue
        joined = _joined(target, inner, f"at_{key}")
        if joined is None:
            continue
        source, column, kind = joined(source, columns[key])
        chosen.append(column)
        fields.append((f"at_{key}", kind))
    struct = msgspec.defstruct(
        f"{view.name}Part",
        fields,
        array_like=True,
        frozen=True,
        namespace={"whole": view.struct},
    )
    return Projection(tuple(chosen), source, struct)


def _joined(target: "View[Any]", wanted: Wanted, name: str) -> Any:
    """How to join what a key leads to; None where it cannot be."""
    projection = projection_of(target, Wanted(wanted.fields))
    # Whoever sees the one must see the other: what is visible to some needs the viewer.
    if (
        projection is None
        or not isinstance(target.source, sa.Table)
        or target.visible is not sa.true()
    ):
        return None
    # Under a name of its own: conditions of the list may look into the same table.
    other = target.source.alias(name)
    columns = [other.c[column.key] for column in projection.columns]
    written = [
        sa.cast(column, sa.Text) if isinstance(column.type, sa.Numeric) else column
        for column in columns
    ]
    row = sa.case((other.c.id.is_not(None), sa.func.json_build_array(*written)), else_=sa.null())

    def join(source: sa.FromClause, key: sa.ColumnElement[Any]) -> Any:
        column = sa.type_coerce(row, sa.JSON).label(name)
        return source.outerjoin(other, other.c.id == key), column, projection.struct | None

    return join


def _kind(column: sa.ColumnElement[Any], kind: Any) -> Any:
    """What a column is read as: amounts stay the text that both faces write."""
    return (str | None) if column.type is Money else kind
