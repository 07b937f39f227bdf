"""The database: one pool, read sessions that hold no connection, and write transactions.

A `Reader` takes a connection for each statement, so sibling reads may run at the same time.
A `Transaction` holds one connection and may lock and write. They are different types so that a
function's signature says which it needs.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import asyncpg
import msgspec
import structlog

from persistence import batches
from persistence.failures import DRIVER_ERRORS, Unavailable, translated
from persistence.gathered import Gathered
from persistence.packed import PackedQuery
from persistence.shelf import Shelf
from persistence.sql import Query

Row = TypeVar("Row")
Out = TypeVar("Out")
#: A driver connection, or the pool's stand-in for one.
Connection = Any

log = structlog.get_logger("tandem.database")

#: Writes find their rows by key: one plan is the best for all values. PostgreSQL would make it anew
#: for each, as it guesses the length of the arrays that we send; an order took 1 ms for that.
_BEGIN = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan"

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


@dataclass
class Tally:
    """What one request asked of the database: number of statements, seconds spent."""

    statements: int = 0
    seconds: float = 0.0


class CommitUnknown(Exception):
    """The connection was lost at COMMIT and the outcome could not be found out."""


class _Connection(asyncpg.Connection):
    # Saves the round trip that resets a connection at release (150 µs of a 260 µs read). Safe as
    # nothing here leaves session state: settings are SET LOCAL, advisory locks are not used.
    def get_reset_query(self) -> str:
        return ""


class Reader:
    """Runs read statements, each on a connection of its own."""

    def __init__(self, database: "Database", tally: Tally) -> None:
        self.tally = tally
        self._database = database

    async def all(self, query: Query[Row], **values: Any) -> list[Row]:
        """Every row of the answer."""
        if self._database.fast_paths and isinstance(query, PackedQuery) and query.packed:
            return await self._gathered(query, values)
        async with self._database.connection() as connection:
            return await _fetch(
                self._database,
                connection,
                self.tally,
                query.row,
                query.sql,
                query.arguments(values),
            )

    async def _gathered(self, query: PackedQuery[Row], values: dict[str, Any]) -> list[Row]:
        self.tally.statements += 1
        started = time.perf_counter()
        try:
            return await self._database.gathered.all(query, values)
        finally:
            self.tally.seconds += time.perf_counter() - started

    async def one(self, query: Query[Row], **values: Any) -> Row | None:
        """The first row of the answer, or None."""
        rows = await self.all(query, **values)
        return rows[0] if rows else None


class Ahead(NamedTuple):
    """What is to be locked and checked before everything else in a transaction."""

    query: Query[Any]
    check: Callable[[Any], None]
    values: Mapping[str, Any]


def _columns(*columns: Any) -> tuple[Any, ...]:
    return columns


class Transaction(Reader):
    """Runs statements on one connection inside one transaction."""

    def __init__(self, database: "Database", tally: Tally, connection: Connection) -> None:
        super().__init__(database, tally)
        self._connection = connection
        self._waiting: list[batches.Write] = []
        #: A savepoint was asked for, and nothing was written since.
        self._savepoint_due = False
        self._ahead: Ahead | None = None
        self.number: str | None = None

    async def all(self, query: Query[Row], **values: Any) -> list[Row]:
        """Every row of the answer."""
        if query.writes:
            return await self._send(batches.Write(query, values))
        if self._ahead is not None and query.locks:
            return await self._led(self._ahead, query, values)
        # What locks nothing must see what is there once the lock ahead was waited for.
        await self.settle()
        if any(other.query.writes & query.reads for other in self._waiting):
            await self.flush()
        return await self._fetch(query.row, query.sql, query.arguments(values))

    async def write(self, query: Query[Row], **values: Any) -> batches.Write[Row]:
        """Write what is new, or locked already, and what nothing is expected to refuse.

        It is sent together with other writes: before something reads what it changes, and at the
        latest before COMMIT. Only then are its rows there.
        """
        write = batches.Write(query, values)
        if not self._database.fast_paths:
            await self._send(write)
            return write
        if not batches.fits(write, self._waiting):
            await self.flush()
        self._waiting.append(write)
        return write

    async def ahead(
        self, query: Query[Row], check: Callable[[Row | None], None], **values: Any
    ) -> None:
        """Lock a row before everything else, and check it; what follows counts only after that.

        Where the next statement locks as well, both are one: its locks come after this one's, and
        what it answers is thrown away when ``check`` raises. Saves a round trip (60–100 µs).
        """
        self._ahead = Ahead(query, check, values)
        if not self._database.fast_paths:
            await self.settle()

    async def settle(self) -> None:
        """Lock and check what is to be before everything else, if that was not done yet."""
        if self._ahead is not None:
            query, check, values = self._ahead
            rows = await self._fetch(query.row, query.sql, query.arguments(values))
            check(rows[0] if rows else None)
            self._ahead = None

    async def _led(self, ahead: "Ahead", query: Query[Row], values: Mapping[str, Any]) -> list[Row]:
        arguments = ahead.query.arguments(ahead.values) + query.arguments(values)
        rows = await self._fetch(_columns, batches.led(ahead.query, query), arguments)
        width = ahead.query.columns
        ahead.check(ahead.query.row(*rows[0][:width]) if rows else None)
        self._ahead = None
        return [query.row(*row[width + 1 :]) for row in rows if row[width]]

    async def flush(self) -> None:
        """Send what waits."""
        await self.settle()
        if self._waiting:
            await self._send(self._waiting.pop())

    async def known(self, later: batches.Later[Out]) -> Out:
        """What was to be known once its write was sent: now it is."""
        await self.flush()
        [row] = later.write.rows
        return later.make(row)

    async def _send(self, write: batches.Write[Row]) -> list[Row]:
        """Send a write, and with it those that wait; its rows."""
        await self.settle()
        if self._savepoint_due:
            await self._set_savepoint()
        if not batches.fits(write, self._waiting):
            await self.flush()
        batch = [*self._waiting, write]
        self._waiting = []
        sql, arguments, answering = batches.statement(batch)
        answering.rows = await self._fetch(answering.query.row, sql, arguments)
        return write.rows

    async def _fetch(self, row: Callable[..., Any], sql: str, arguments: list[Any]) -> list[Any]:
        return await _fetch(self._database, self._connection, self.tally, row, sql, arguments)

    async def run(self, sql: str) -> None:
        """Run a statement that takes no values and answers nothing."""
        self.tally.statements += 1
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


class Database:
    """One process's way to PostgreSQL."""

    def __init__(self, url: str, limits: Limits, *, fast_paths: bool = True) -> None:
        self._url = url
        self.limits = limits
        self.fast_paths = fast_paths
        self.gathered = Gathered(self._run_packed)
        self._taken = 0
        self._shelf: Shelf | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Make the pool; raises `Unavailable` when the server cannot be reached."""
        await self._opened()

    async def close(self) -> None:
        """Close every connection; those in use get five seconds to finish."""
        if self._shelf is None:
            return
        try:
            await asyncio.wait_for(self._shelf.close(), 5)
        except TimeoutError:
            self._shelf.terminate()
        self._shelf = None

    def reader(self, tally: Tally) -> Reader:
        """A read session that counts into ``tally``."""
        return Reader(self, tally)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool; raises `Unavailable` when none is free in time."""
        shelf = await self._opened()
        # A limit costs the driver a task, 20 µs; there is nothing to wait for while some are free.
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
    async def transaction(self, tally: Tally) -> AsyncIterator[Transaction]:
        """BEGIN, and COMMIT when the block ends well; ROLLBACK when it raises.

        Raises `CommitUnknown` when the connection was lost at COMMIT and PostgreSQL does not say
        what became of it.
        """
        async with self.connection() as connection:
            transaction = Transaction(self, tally, connection)
            await transaction.run(_BEGIN)
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

    async def _run_packed(self, query: PackedQuery[Row], asked: list[list[Any]]) -> list[list[Row]]:
        """The rows of a query for each of several arguments, in one statement."""
        sql = query.joined(len(asked))
        async with self.connection() as connection:
            started = time.perf_counter()
            try:
                texts = await connection.fetchrow(sql, *chain.from_iterable(asked))
            except DRIVER_ERRORS as error:
                raise translated(error) from None
            finally:
                self._warn_if_slow(time.perf_counter() - started, query.sql)
        return [query.unpack(text) for text in texts]

    def _warn_if_slow(self, seconds: float, sql: str) -> None:
        if seconds > self.limits.slow_statement:
            log.warning("slow statement", seconds=round(seconds, 3), sql=sql)

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

    async def _opened(self) -> Shelf:
        if self._shelf is not None:
            return self._shelf
        async with self._opening:
            if self._shelf is None:
                try:
                    pool = await self._make_pool()
                except DRIVER_ERRORS as error:
                    raise Unavailable() from error
                self._shelf = Shelf(pool, self.limits.pool_min if self.fast_paths else 0)
            return self._shelf

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


async def _fetch(
    database: Database,
    connection: Connection,
    tally: Tally,
    row: Callable[..., Row],
    sql: str,
    arguments: list[Any],
) -> list[Row]:
    tally.statements += 1
    started = time.perf_counter()
    try:
        records = await connection.fetch(sql, *arguments)
    except DRIVER_ERRORS as error:
        raise translated(error) from None
    finally:
        seconds = time.perf_counter() - started
        tally.seconds += seconds
        database._warn_if_slow(seconds, sql)
    return [row(*record) for record in records]
