"""The database: one process's pool of connections, and what runs on them; see transactions.py."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import asyncpg
import msgspec
import structlog

from persistence.database.failures import DRIVER_ERRORS, Unavailable, translated
from persistence.database.transactions import QueryStats, Reader, Transaction
from persistence.fast.coalescing import Coalescer
from persistence.fast.idle_connections import Connection, IdleConnections
from persistence.fast.json_rows import JsonRowsQuery

Row = TypeVar("Row")

log = structlog.get_logger("tandem.database")

#: Where rows are found by key, one plan is the best for all values. PostgreSQL would make it anew
#: for each, as it guesses the length of the arrays that we send: 370 orders a second, not 650.
_BEGIN_BY_KEY = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan"

_json_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Limits:
    """Sizes and waits of the pool; times in seconds."""

    pool_min: int
    pool_max: int
    pool_wait: float
    connect: float
    statement: float
    lock: float
    idle_transaction: float
    slow_statement: float


class CommitUnknown(Exception):
    """The connection was lost at COMMIT and the outcome could not be found out."""


class _Connection(asyncpg.Connection):
    # Saves the round trip that resets a connection at release (100 µs, as much as a read). Safe as
    # nothing here leaves session state: settings are SET LOCAL, advisory locks are not used.
    def get_reset_query(self) -> str:
        return ""


class Database:
    """One process's way to PostgreSQL."""

    def __init__(self, url: str, limits: Limits, *, fast_paths: bool = True) -> None:
        self._url = url
        self.limits = limits
        self.fast_paths = fast_paths
        self.coalescer = Coalescer(self._run_json_rows)
        self._taken = 0
        self._idle_connections: IdleConnections | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Make the pool; raises `Unavailable` when the server cannot be reached."""
        await self._opened()

    async def close(self) -> None:
        """Close every connection; those in use get five seconds to finish."""
        if self._idle_connections is None:
            return
        try:
            await asyncio.wait_for(self._idle_connections.close(), 5)
        except TimeoutError:
            self._idle_connections.terminate()
        self._idle_connections = None

    def reader(self, stats: QueryStats) -> Reader:
        """A read session that counts into ``stats``."""
        return Reader(self, stats)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool; raises `Unavailable` when none is free in time."""
        shelf = await self._opened()
        # A limit costs the driver a task, 6 µs; there is nothing to wait for while some are free.
        wait = None if self._taken < self.limits.pool_max else self.limits.pool_wait
        self._taken += 1
        try:
            try:
                connection = await shelf.take(wait)
            except DRIVER_ERRORS as error:
                raise Unavailable() from error
            clean = False
            try:
                yield connection
                clean = True
            finally:
                await shelf.give_back(connection, clean=clean)
        finally:
            self._taken -= 1

    @asynccontextmanager
    async def transaction(
        self, stats: QueryStats, *, by_key: bool = False
    ) -> AsyncIterator[Transaction]:
        """BEGIN, and COMMIT when the block ends well; ROLLBACK when it raises.

        With ``by_key``, its statements are planned once for all values that they are ever given.
        Raises `CommitUnknown` when the connection was lost at COMMIT and PostgreSQL does not say
        what became of it.
        """
        async with self.connection() as connection:
            transaction = Transaction(self, stats, connection)
            await transaction.run(_BEGIN_BY_KEY if by_key else "BEGIN")
            try:
                yield transaction
                await transaction.flush()
            except BaseException:
                with suppress(Unavailable):
                    await transaction.run("ROLLBACK")
                raise
            try:
                await transaction.run("COMMIT")
            except Unavailable as error:
                lost = error
            else:
                return
        if not await self._was_committed(transaction.number):
            raise lost

    async def fetch(
        self,
        connection: Connection,
        sql: str,
        arguments: Iterable[Any],
        stats: QueryStats | None = None,
    ) -> list[Any]:
        """The records of an answer, counted into a ``stats``; raises `DatabaseError`."""
        started = time.perf_counter()
        try:
            return await connection.fetch(sql, *arguments)
        except DRIVER_ERRORS as error:
            raise translated(error) from None
        finally:
            seconds = time.perf_counter() - started
            if stats is not None:
                stats.statements += 1
                stats.seconds += seconds
            if seconds > self.limits.slow_statement:
                log.warning("slow statement", seconds=round(seconds, 3), sql=sql)

    async def _run_json_rows(
        self, query: JsonRowsQuery[Row], asked: list[list[Any]]
    ) -> list[list[Row]]:
        """The rows of a query for each of several arguments, in one statement."""
        sql = query.joined(len(asked))
        async with self.connection() as connection:
            [texts] = await self.fetch(connection, sql, chain.from_iterable(asked))
        return [query.unpack(text) for text in texts]

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

    async def _opened(self) -> IdleConnections:
        if self._idle_connections is not None:
            return self._idle_connections
        async with self._opening:
            if self._idle_connections is None:
                try:
                    pool = await self._make_pool()
                except DRIVER_ERRORS as error:
                    raise Unavailable() from error
                self._idle_connections = IdleConnections(
                    pool, self.limits.pool_min if self.fast_paths else 0
                )
            return self._idle_connections

    async def _make_pool(self) -> asyncpg.Pool:
        limits = self.limits
        return await new_pool(
            self._url,
            limits,
            limits.pool_min,
            limits.pool_max,
            connection_class=_Connection,
            init=_prepare_connection,
        )


def new_pool(url: str, limits: Limits, smallest: int, largest: int, **options: Any) -> asyncpg.Pool:
    """A pool of connections that keep to the limits; await it, or enter it."""
    return asyncpg.create_pool(
        url,
        min_size=smallest,
        max_size=largest,
        timeout=limits.connect,
        # The server ends a statement first; the driver's limit is for a server that is gone.
        command_timeout=limits.statement + 5,
        # Every list has some dozens of shapes; all of them stay prepared.
        statement_cache_size=1000,
        max_cached_statement_lifetime=0,
        server_settings={
            "application_name": "tandem",
            "timezone": "UTC",
            # Our statements are short: compiling one costs more than running it.
            "jit": "off",
            "statement_timeout": _milliseconds(limits.statement),
            "lock_timeout": _milliseconds(limits.lock),
            "idle_in_transaction_session_timeout": _milliseconds(limits.idle_transaction),
        },
        **options,
    )


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


async def _prepare_connection(connection: Connection) -> None:
    # Ids are strings everywhere: the wire, the tables' rows and the cursors hold the same text.
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: _json_encode(value).decode(),
        decoder=msgspec.json.decode,
    )
