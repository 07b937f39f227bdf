"""Views: how one kind of thing is read, and who may see it.

A view's visibility is written once, as a condition over values that every reader passes:
``viewer`` (the caller's user id, or None), ``session`` (the caller's session id, or None),
``sees_all`` (may the caller see everybody's things), ``administers`` (may the caller see
everybody's account) and ``now`` (the time of the look).
`by_ids` and `nodes` (persistence/nodes.py) are compiled from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from persistence.database.columns import Instant, Uuid
from persistence.database.projections import Projection, ProjectionQuery, Wanted, projection_of
from persistence.database.statements import Query, among
from persistence.fast.json_rows import JsonRowsQuery

Row = TypeVar("Row")
viewer = sa.bindparam("viewer", type_=Uuid)
session = sa.bindparam("session", type_=Uuid)
sees_all = sa.bindparam("sees_all", type_=sa.Boolean)
administers = sa.bindparam("administers", type_=sa.Boolean)
now = sa.bindparam("now", type_=Instant)


@dataclass(frozen=True, eq=False)
class View(Generic[Row]):
    """One kind of thing: its columns, where they come from, and who may see it."""

    name: str
    id: sa.ColumnElement[Any]
    columns: tuple[sa.ColumnElement[Any], ...]
    source: sa.FromClause
    row: Callable[..., Row]
    visible: sa.ColumnElement[bool]
    #: The struct of a row, where ``row`` is another function.
    made: type[Struct] | None = None
    #: What a key leads to, by the field that holds it: it may come in the same statement.
    joins: "Mapping[str, View[Any]]" = field(default_factory=dict)

    @property
    def struct(self) -> type[Struct] | None:
        """The struct of a row."""
        return self.made or (self.row if isinstance(self.row, type) else None)

    def select(self) -> sa.Select[Any]:
        """Everything of this kind, whoever looks."""
        return sa.select(*self.columns).select_from(self.source)

    @cached_property
    def by_ids(self) -> Query[Row]:
        """Values: ids and the viewer's values. Unknown and invisible ids have no row."""
        return JsonRowsQuery(
            self.select().where(among(self.id), self.visible), self.row, by_ids=True
        )

    def of_ids(self, wanted: Wanted | None) -> Query[Any]:
        """The same, of what is wanted alone; all of it where that cannot be, or for None."""
        projection = None if wanted is None else projection_of(self, wanted)
        return self.by_ids if projection is None else _of_ids(self, projection)

    @cached_property
    def stored(self) -> Query[Row]:
        """Values: ids. For the one who just wrote them."""
        return Query(self.select().where(among(self.id)), self.row)


@lru_cache(maxsize=256)
def _of_ids(view: View[Any], projection: Projection) -> Query[Any]:
    return ProjectionQuery(
        projection.select().where(among(view.id), view.visible), projection, by_ids=True
    )
