"""Statements that find rows without current words and sort keys, and fill them."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from persistence.database.columns import UuidArray
from persistence.database.statements import Query, nothing, value
from persistence.search.texts import TEXT_VERSION

#: Set in a transaction whose changes are none to anybody: no row's time of change moves.
REINDEXING = "SET LOCAL tandem.reindexing = 'yes'"


class Outdated(NamedTuple):
    """A row whose words or sort key are to be made, and the texts to make them of, by column."""

    id: str
    texts: Mapping[str, Any]


class TextTable:
    """A table with columns that are made of its texts.

    ``made`` are the names of these columns, and ``texts`` those that they are made of.
    """

    def __init__(self, table: sa.Table, *, texts: list[str], made: list[str]) -> None:
        self.name = table.name
        self.made = made
        version = table.c.text_version
        current = sa.literal_column(str(TEXT_VERSION))
        outdated = sa.or_(version < current, version > current)
        #: How many rows are to be filled.
        self.count: Query[int] = Query(
            sa.select(sa.func.count()).select_from(table).where(outdated), value
        )
        # Rows of a newer version belong to servers that are being brought up, unless asked for.
        wanted = sa.or_(
            version < current,
            sa.and_(version > current, sa.bindparam("newer", type_=sa.Boolean)),
        )
        #: Locks some of these rows, and reads their texts. It passes by rows that others lock.
        self.lock: Query[Outdated] = Query(
            sa.select(table.c.id, *(table.c[name] for name in texts))
            .where(wanted)
            .limit(sa.bindparam("limit", type_=sa.BigInteger))
            .with_for_update(key_share=True, skip_locked=True),
            partial(_outdated, tuple(texts)),
        )
        ids = sa.bindparam("ids", type_=UuidArray)
        arrays = [sa.bindparam(name, type_=postgresql.ARRAY(sa.Text)) for name in made]
        rows = (
            sa.func.unnest(ids, *arrays)
            .table_valued(
                sa.column("id", table.c.id.type), *(sa.column(name, sa.Text) for name in made)
            )
            .render_derived(name="rows")
        )
        columns = {table.c[name]: sa.cast(rows.c[name], table.c[name].type) for name in made}
        #: Fills rows: an array of ids, and one array for each column.
        self.fill: Query[None] = Query(
            sa.update(table).where(table.c.id == rows.c.id).values({**columns, version: current}),
            nothing,
        )


def _outdated(names: tuple[str, ...], id: str, *texts: Any) -> Outdated:
    return Outdated(id, dict(zip(names, texts, strict=True)))
