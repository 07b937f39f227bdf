"""Read sessions that hold no connection, and write transactions.

A `Reader` takes a connection for each statement, so sibling reads may run at the same time.
A `Transaction` holds one connection and may lock and write. They are different types so that a
function's signature says which it needs.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from persistence.database.failures import DRIVER_ERRORS, Unavailable, translated
from persistence.database.statements import Query
from persistence.fast import batching
from persistence.fast.idle_connections import Connection
from persistence.fast.json_rows import JsonRowsQuery

if TYPE_CHECKING:
    from persistence.database.pool import Database

Row = TypeVar("Row")
Out = TypeVar("Out")


@dataclass
class QueryStats:
    """What one request asked of the database: number of statements, seconds spent."""

    statements: int = 0
    seconds: float = 0.0


class Reader:
    """Runs read statements, each on a connection of its own."""

    def __init__(self, database: "Database", stats: QueryStats) -> None:
        self.stats = stats
        self._database = database

    async def all(self, query: Query[Row], **values: Any) -> list[Row]:
        """Every row of the answer."""
        if self._database.fast_paths and isinstance(query, JsonRowsQuery) and query.packed:
            return await self._coalesced(query, values)
        async with self._database.connection() as connection:
            records = await self._database.fetch(
                connection, query.sql, query.arguments(values), self.stats
            )
        return [query.row(*record) for record in records]

    async def _coalesced(self, query: JsonRowsQuery[Row], values: dict[str, Any]) -> list[Row]:
        self.stats.statements += 1
        started = time.perf_counter()
        try:
            return await self._database.coalescer.all(query, values)
        finally:
            self.stats.seconds += time.perf_counter() - started

    async def one(self, query: Query[Row], **values: Any) -> Row | None:
        """The first row of the answer, or None."""
        rows = await self.all(query, **values)
        return rows[0] if rows else None


class LockFirst(NamedTuple):
    """What is to be locked and checked before everything else in a transaction."""

    query: Query[Any]
    check: Callable[[Any], None]
    values: Mapping[str, Any]


def _columns(*columns: Any) -> tuple[Any, ...]:
    return columns


class Transaction(Reader):
    """Runs statements on one connection inside one transaction."""

    def __init__(self, database: "Database", stats: QueryStats, connection: Connection) -> None:
        super().__init__(database, stats)
        self._connection = connection
        self._waiting: list[batching.Write] = []
        #: A savepoint was asked for, and nothing was written since.
        self._savepoint_due = False
        self._lock_first: LockFirst | None = None
        self.number: str | None = None

    async def all(self, query: Query[Row], **values: Any) -> list[Row]:
        """Every row of the answer."""
        if query.writes:
            return await self._send(batching.Write(query, values))
        if self._lock_first is not None and query.locks:
            return await self._lock_both(self._lock_first, query, values)
        # What locks nothing must see what is there once the lock ahead was waited for.
        await self.run_lock_first()
        if any(other.query.writes & query.reads for other in self._waiting):
            await self.flush()
        return await self._fetch(query.row, query.sql, query.arguments(values))

    async def write(self, query: Query[Row], **values: Any) -> batching.Write[Row]:
        """Write what is new, or locked already, and what nothing is expected to refuse.

        It is sent together with other writes: before something reads what it changes, and at the
        latest before COMMIT. Only then are its rows there.
        """
        write = batching.Write(query, values)
        if not self._database.fast_paths:
            await self._send(write)
            return write
        if not batching.fits(write, self._waiting):
            await self.flush()
        self._waiting.append(write)
        return write

    async def lock_first(
        self, query: Query[Row], check: Callable[[Row | None], None], **values: Any
    ) -> None:
        """Lock a row before everything else, and check it; what follows counts only after that.

        Where the next statement locks as well, both are one: its locks come after this one's, and
        what it answers is thrown away when ``check`` raises. Saves a round trip (60–100 µs).
        """
        self._lock_first = LockFirst(query, check, values)
        if not self._database.fast_paths:
            await self.run_lock_first()

    async def run_lock_first(self) -> None:
        """Lock and check what is to be before everything else, if that was not done yet."""
        if self._lock_first is not None:
            query, check, values = self._lock_first
            rows = await self._fetch(query.row, query.sql, query.arguments(values))
            check(rows[0] if rows else None)
            self._lock_first = None

    async def _lock_both(
        self, lock_first: "LockFirst", query: Query[Row], values: Mapping[str, Any]
    ) -> list[Row]:
        arguments = lock_first.query.arguments(lock_first.values) + query.arguments(values)
        rows = await self._fetch(_columns, batching.lock_both(lock_first.query, query), arguments)
        width = lock_first.query.columns
        lock_first.check(lock_first.query.row(*rows[0][:width]) if rows else None)
        self._lock_first = None
        return [query.row(*row[width + 1 :]) for row in rows if row[width]]

    async def flush(self) -> None:
        """Send what waits."""
        await self.run_lock_first()
        if self._waiting:
            await self._send(self._waiting.pop())

    async def known(self, later: batching.PendingResult[Out]) -> Out:
        """What was to be known once its write was sent: now it is."""
        await self.flush()
        [row] = later.write.rows
        return later.make(row)

    async def _send(self, write: batching.Write[Row]) -> list[Row]:
        """Send a write, and with it those that wait; its rows."""
        await self.run_lock_first()
        if self._savepoint_due:
            await self._set_savepoint()
        if not batching.fits(write, self._waiting):
            await self.flush()
        batch = [*self._waiting, write]
        self._waiting = []
        sql, arguments, answering = batching.statement(batch)
        answering.rows = await self._fetch(answering.query.row, sql, arguments)
        return write.rows

    async def _fetch(self, row: Callable[..., Any], sql: str, arguments: list[Any]) -> list[Any]:
        records = await self._database.fetch(self._connection, sql, arguments, self.stats)
        return [row(*record) for record in records]

    async def run(self, sql: str) -> None:
        """Run a statement that takes no values and answers nothing."""
        self.stats.statements += 1
        try:
            await self._connection.execute(sql)
        except DRIVER_ERRORS as error:
            raise translated(error) from None

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo what the block did, and only that, when it raises.

        Saves a round trip where the block writes nothing before its end: what is still to be sent
        is undone by not sending it, so the savepoint is set when something is. (60–100 µs)
        """
        self._savepoint_due = True
        if not self._database.fast_paths:
            await self._set_savepoint()
        try:
            yield
        except BaseException:
            self._waiting = []
            if not self._savepoint_due:
                # A lost connection cannot roll back, and need not: its transaction is gone.
                with suppress(Unavailable):
                    await self.run("ROLLBACK TO SAVEPOINT operation")
            raise
        finally:
            self._savepoint_due = False

    async def _set_savepoint(self) -> None:
        self._savepoint_due = False
        await self.run("SAVEPOINT operation")
