"""Read sessions that hold no connection, and write transactions.

A `Reader` takes a connection for each statement, so that sibling reads may run at the same time.
A `Transaction` holds one connection, and may lock and write. They are two types so that a
function's signature says which one it needs.

Each statement is sent by itself here. ``persistence/fast/`` has a reader that joins reads, and a
transaction that batches writes; both keep the promises made here.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, TypeVar

from persistence.database.connections import Connection, ConnectionPool
from persistence.database.connections import QueryStats as QueryStats
from persistence.database.failures import Unavailable
from persistence.database.statements import Query

Row = TypeVar("Row")

SET_SAVEPOINT = "SAVEPOINT operation"
UNDO_TO_SAVEPOINT = "ROLLBACK TO SAVEPOINT operation"


class Write(Generic[Row]):
    """A writing statement, its values, and its rows once it was sent."""

    __slots__ = ("query", "rows", "values")

    def __init__(self, query: Query[Row], values: Mapping[str, Any]) -> None:
        self.query = query
        self.values = values
        self.rows: list[Row] = []


class Reader:
    """Runs read statements, each on a connection of its own."""

    def __init__(self, pool: ConnectionPool, stats: QueryStats) -> None:
        self.stats = stats
        self._pool = pool

    async def all(self, query: Query[Row], **values: Any) -> list[Row]:
        """Every row of the answer."""
        async with self._pool.connection() as connection:
            return await self._fetch(connection, query, values)

    async def one(self, query: Query[Row], **values: Any) -> Row | None:
        """The first row of the answer, or None."""
        rows = await self.all(query, **values)
        return rows[0] if rows else None

    async def _fetch(
        self, connection: Connection, query: Query[Row], values: Mapping[str, Any]
    ) -> list[Row]:
        arguments = query.arguments(values)
        records = await self._pool.fetch(connection, query.sql, arguments, self.stats)
        return [query.row(*record) for record in records]


class Transaction(Reader):
    """Runs statements on one connection inside one transaction."""

    def __init__(self, pool: ConnectionPool, stats: QueryStats, connection: Connection) -> None:
        super().__init__(pool, stats)
        self._connection = connection
        #: The transaction's number, which an unknown commit is looked up by.
        self.number: str | None = None

    async def all(self, query: Query[Row], **values: Any) -> list[Row]:
        """Every row of the answer."""
        return await self._fetch(self._connection, query, values)

    async def write(self, query: Query[Row], **values: Any) -> Write[Row]:
        """Write rows that are new or locked already, where nothing is expected to refuse them.

        A transaction may send it later: before a statement reads the tables that it changes, and at
        the latest before COMMIT. Its rows are there once it was sent.
        """
        write = Write(query, values)
        write.rows = await self.all(query, **values)
        return write

    async def lock_first(
        self, query: Query[Row], check: Callable[[Row | None], None], **values: Any
    ) -> None:
        """Lock a row before everything else, and check it; ``check`` raises to end the transaction.

        A transaction may do both together with the next statement that locks.
        """
        check(await self.one(query, **values))

    async def run_lock_first(self) -> None:
        """Lock and check the row of `lock_first` now, if that was not done yet."""

    async def flush(self) -> None:
        """Send the writes that were not sent yet."""

    async def run(self, sql: str) -> None:
        """Run a statement that takes no values and answers nothing."""
        await self._pool.execute(self._connection, sql, self.stats)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo the block's changes, and only those, when it raises."""
        await self.run(SET_SAVEPOINT)
        try:
            yield
        except BaseException:
            await self._undo_to_savepoint()
            raise

    async def _undo_to_savepoint(self) -> None:
        # A lost connection cannot roll back, and need not: its transaction has ended.
        with suppress(Unavailable):
            await self.run(UNDO_TO_SAVEPOINT)
