"""Make words and sort keys for rows that have none, or have some of another version.

What is left to do stands in the rows themselves: a run that ends in the middle, killed or not, is
continued by the next one. Runs beside each other share the rows.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from persistence.categories import CATEGORY_TEXTS
from persistence.database.pool import Database
from persistence.database.transactions import QueryStats
from persistence.posts.statements import POST_TEXTS
from persistence.products.statements import PRODUCT_TEXTS
from persistence.search.reindexing import REINDEXING, TextTable
from persistence.users.statements import USER_TEXTS
from services.jobs.queue import Job
from services.posts import texts as posts_texts
from services.process import Process
from services.products import texts as products_texts
from services.search.columns import sort_columns


class _Reindexed(NamedTuple):
    """A table, and how the columns are made of its texts.

    ``batch`` is the number of rows of one transaction. Their words take some tenths of a second at
    most, in which their locks are held and no other job of the process goes on.
    """

    table: TextTable
    make: Callable[..., Mapping[str, Any]]
    batch: int = 100


_TABLES = (
    _Reindexed(PRODUCT_TEXTS, products_texts.text_columns),
    _Reindexed(POST_TEXTS, posts_texts.text_columns, batch=10),
    _Reindexed(CATEGORY_TEXTS, lambda name: sort_columns("name", name)),
    _Reindexed(USER_TEXTS, lambda full_name: sort_columns("full_name", full_name)),
)


async def outdated(database: Database) -> dict[str, int]:
    """How many rows are to be filled, by the names of their tables; tables without any left out."""
    reader = database.reader(QueryStats())
    counts = {each.table.name: (await reader.all(each.table.count))[0] for each in _TABLES}
    return {name: count for name, count in counts.items() if count}


async def reindex(
    database: Database, report: Callable[[int], None], *, newer: bool = False
) -> None:
    """Fill the rows of all tables, in batches; ``report`` is told how many each batch had.

    Rows that somebody is changing at the moment are left for the next run, and rows of a newer
    version to the servers that have it; with ``newer``, these are filled as well.
    """
    for each in _TABLES:
        while filled := await _fill(database, each, newer):
            report(filled)


async def reindex_new(process: Process, _: Job) -> None:
    """Fill what an update, or a server from before it, has left; nearly always nothing."""
    filled: list[int] = []
    await reindex(process.database, filled.append)
    if filled:
        # Lists that were stored before may lack what their search finds now.
        await process.cache.bump(["product", "category", "post:"])


async def _fill(database: Database, reindexed: _Reindexed, newer: bool) -> int:
    """Fill a batch of rows; returns how many there were."""
    table = reindexed.table
    async with database.transaction(QueryStats()) as tx:
        await tx.run(REINDEXING)
        rows = await tx.all(table.lock, limit=reindexed.batch, newer=newer)
        if rows:
            made = [reindexed.make(**row.texts) for row in rows]
            columns = {name: [each[name] for each in made] for name in table.made}
            await tx.all(table.fill, ids=[row.id for row in rows], **columns)
    return len(rows)
