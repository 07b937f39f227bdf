"""The database: gives one process its readers and transactions.

It is composed here: of the readable parts, or of the faster ones in ``persistence/fast/``.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from persistence.database.connections import ConnectionPool, Limits, PooledConnections, QueryStats
from persistence.database.failures import DRIVER_ERRORS, NotWritable, Unavailable
from persistence.database.transactions import Reader, Transaction
from persistence.fast.batching import BatchingTransaction
from persistence.fast.coalescing import Coalescer, CoalescingReader
from persistence.fast.idle_connections import IdleConnections

#: When rows are found by key, one plan is the best for all values. PostgreSQL would plan anew each
#: time, as it guesses the length of arrays: 370 orders a second instead of 650.
_BEGIN_BY_KEY = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan"


#: How long a process counts as unable to write after a write failed for want of disk or the like.
_NOT_WRITABLE_SECONDS = 5


class CommitUnknown(Exception):
    """The connection was lost at COMMIT, and the outcome could not be found out."""


class Database(ConnectionPool):
    """One process's way to PostgreSQL.

    The readable way runs each statement by itself, on a connection of the driver's pool. The fast
    paths keep connections at hand, join the reads of many requests, and batch a transaction's
    writes.
    """

    def __init__(self, url: str, limits: Limits, *, fast: bool = True) -> None:
        if fast:
            super().__init__(url, limits, partial(IdleConnections, room=limits.pool_min))
            self._reader = partial(CoalescingReader, self, Coalescer(self))
            self._transaction = partial(BatchingTransaction, self)
        else:
            super().__init__(url, limits, PooledConnections)
            self._reader = partial(Reader, self)
            self._transaction = partial(Transaction, self)
        self._write_failed_at: float | None = None

    @property
    def writable(self) -> bool:
        """Did the last write not meet a database that takes none? After a moment, one may try."""
        failed_at = self._write_failed_at
        return failed_at is None or time.monotonic() - failed_at > _NOT_WRITABLE_SECONDS

    def reader(self, stats: QueryStats) -> Reader:
        """A read session that counts into ``stats``."""
        return self._reader(stats)

    @asynccontextmanager
    async def transaction(
        self, stats: QueryStats, *, by_key: bool = False
    ) -> AsyncIterator[Transaction]:
        """BEGIN, and COMMIT when the block ends well; ROLLBACK when it raises.

        With ``by_key``, its statements are planned once for all values that they are ever given.
        Raises `CommitUnknown` when the connection was lost at COMMIT and PostgreSQL does not say
        whether the transaction was committed.
        """
        async with self.connection() as connection:
            transaction = self._transaction(stats, connection)
            await transaction.run(_BEGIN_BY_KEY if by_key else "BEGIN")
            try:
                yield transaction
                await transaction.flush()
            except BaseException as error:
                if isinstance(error, NotWritable):
                    self._write_failed_at = time.monotonic()
                with suppress(Unavailable):
                    await transaction.run("ROLLBACK")
                raise
            try:
                await transaction.run("COMMIT")
            except Unavailable as error:
                lost = error
                if isinstance(error, NotWritable):
                    self._write_failed_at = time.monotonic()
            else:
                self._write_failed_at = None
                return
        if not await self._was_committed(transaction.number):
            raise lost

    async def _was_committed(self, number: str | None) -> bool:
        """Ask a fresh connection what became of the transaction with this number."""
        if number is None:
            return False
        try:
            async with self.connection() as connection:
                status = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", number)
        except (Unavailable, *DRIVER_ERRORS) as error:
            raise CommitUnknown from error
        if status == "in progress" or status is None:
            raise CommitUnknown
        return status == "committed"
