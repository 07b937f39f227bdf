"""One process's connections to PostgreSQL: their number, their setup, and their limits."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
import structlog

from persistence.database.failures import (
    DRIVER_ERRORS,
    Unavailable,
    spoils_connection,
    translated,
)
from persistence.database_url import connection_options
from persistence.reachability import Reachability

log = structlog.get_logger("tandem.database")

#: A driver's connection, or what the driver's pool gives in its place.
Connection = Any

_SETTINGS = "SELECT lower(name), setting FROM pg_settings WHERE lower(name) = ANY($1)"
_CONNECTION_LIMIT = """\
SELECT least(
  current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0),
  (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
  (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))"""
_json_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class Limits:
    """Sizes and waits of the pool; times in seconds."""

    pool_min: int
    pool_max: int
    pool_wait: float
    pool_idle: float
    connect: float
    statement: float
    lock: float
    idle_transaction: float
    slow_statement: float
    #: Whether each statement is logged, at debug level.
    log_statements: bool = False


@dataclass
class QueryStats:
    """The statements that one request ran: their number, and the seconds they took."""

    statements: int = 0
    seconds: float = 0.0
    request_id: str | None = None


@dataclass(frozen=True)
class PoolUse:
    """How much of the pool is used at this moment."""

    in_use: int
    waiting: int
    open: int
    most: int


class PooledConnections:
    """Takes each connection from the driver's pool, and gives it back after use."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @property
    def size(self) -> int:
        """How many connections are open."""
        return self._pool.get_size()

    async def take(self, wait: float | None) -> Connection:
        """A connection; raises what the pool does, `TimeoutError` when none is free in time."""
        return await self._pool.acquire(timeout=wait)

    async def give_back(self, connection: Connection, *, clean: bool) -> None:
        """Give a connection back; ``clean`` tells that its last use ended well."""
        await self._pool.release(connection)

    async def close(self) -> None:
        """Close all connections, those in use once they are given back."""
        await self._pool.close()

    def terminate(self) -> None:
        """Close all connections at once."""
        self._pool.terminate()


class ConnectionPool:
    """Opens connections at first use, and runs statements on them.

    ``pooled`` makes the object that takes connections from the driver's pool.
    """

    def __init__(
        self, url: str, limits: Limits, pooled: Callable[[asyncpg.Pool], PooledConnections]
    ) -> None:
        self.limits = limits
        self.reachability = Reachability("PostgreSQL", url, "callers are told UNAVAILABLE")
        self._url = url
        self._pooled = pooled
        #: A statement that takes longer is logged.
        self._logged_above = -1.0 if limits.log_statements else limits.slow_statement
        self._taken = 0
        self._connections: PooledConnections | None = None
        self._opening = asyncio.Lock()

    @property
    def use(self) -> PoolUse:
        """How much of the pool is used now."""
        most = self.limits.pool_max
        size = 0 if self._connections is None else self._connections.size
        return PoolUse(min(self._taken, most), max(0, self._taken - most), size, most)

    async def open(self) -> None:
        """Make the pool; raises `Unavailable` when the server cannot be reached."""
        await self._opened()

    async def close(self) -> None:
        """Close every connection; those in use get five seconds to finish."""
        if self._connections is None:
            return
        try:
            await asyncio.wait_for(self._connections.close(), 5)
        except TimeoutError:
            self._connections.terminate()
        self._connections = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the pool; raises `Unavailable` when none is free in time."""
        connections = await self._opened()
        # A time limit costs the driver a task, 6 µs; while connections are free, nothing waits.
        wait = None if self._taken < self.limits.pool_max else self.limits.pool_wait
        self._taken += 1
        try:
            try:
                connection = await connections.take(wait)
            except DRIVER_ERRORS as error:
                # A limit of time means that all connections are in use.
                if wait is None or not isinstance(error, TimeoutError):
                    self.reachability.failed(error)
                raise Unavailable() from error
            clean = False
            try:
                yield connection
                clean = True
            finally:
                await connections.give_back(connection, clean=clean)
        finally:
            self._taken -= 1

    async def ignored_settings(self) -> list[str]:
        """The names of `session_settings` that do not hold, as a pool in between dropped them."""
        wanted = session_settings(self.limits)
        async with self.connection() as connection:
            found = await self.fetch(connection, _SETTINGS, [list(wanted)])
        return sorted(name for name, value in found if wanted[name] != value)

    async def connection_limit(self) -> int:
        """The most connections that the server leaves to this role and database."""
        async with self.connection() as connection:
            [[found]] = await self.fetch(connection, _CONNECTION_LIMIT, ())
        return found

    async def fetch(
        self,
        connection: Connection,
        sql: str,
        arguments: Iterable[Any],
        stats: QueryStats | None = None,
        asked_by: Iterable[QueryStats] = (),
    ) -> list[Any]:
        """The records of an answer, counted into ``stats``; raises `DatabaseError`.

        ``asked_by`` are those of the requests that a joined statement answers, for its log line.
        """
        started = time.perf_counter()
        records: list[Any] = []
        try:
            records = await connection.fetch(sql, *arguments)
            if self.reachability.lost:
                self.reachability.answered()
            return records
        except DRIVER_ERRORS as error:
            raise failure(connection, error) from None
        finally:
            seconds = time.perf_counter() - started
            if stats is not None:
                stats.statements += 1
                stats.seconds += seconds
            if seconds > self._logged_above:
                self._log(sql, seconds, len(records), asked_by or (stats,))

    async def execute(self, connection: Connection, sql: str, stats: QueryStats) -> None:
        """Run a statement without values or an answer, such as COMMIT; raises `DatabaseError`."""
        started = time.perf_counter()
        try:
            await connection.execute(sql)
        except DRIVER_ERRORS as error:
            raise failure(connection, error) from None
        finally:
            seconds = time.perf_counter() - started
            stats.statements += 1
            stats.seconds += seconds
            if seconds > self._logged_above:
                self._log(sql, seconds, 0, (stats,))

    def _log(
        self, sql: str, seconds: float, rows: int, asked_by: Iterable[QueryStats | None]
    ) -> None:
        """Log a statement with the ids of the requests that asked for it; never its values."""
        values: dict[str, Any] = {"seconds": round(seconds, 6), "rows": rows, "sql": sql}
        ids = list(dict.fromkeys(one.request_id for one in asked_by if one and one.request_id))
        if ids:
            values |= {"request_id": ids[0]} if len(ids) == 1 else {"request_ids": ids}
        if seconds > self.limits.slow_statement:
            log.warning("slow statement", **values)
        else:
            log.debug("statement", **values)

    async def _opened(self) -> PooledConnections:
        if self._connections is not None:
            return self._connections
        async with self._opening:
            if self._connections is None:
                try:
                    pool = await self._make_pool()
                except DRIVER_ERRORS as error:
                    self.reachability.failed(error)
                    raise Unavailable() from error
                self._connections = self._pooled(pool)
            return self._connections

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


def failure(connection: Connection, error: BaseException) -> BaseException:
    """The `DatabaseError` for a driver's error; closes a connection that it spoilt."""
    if spoils_connection(error):
        connection.terminate()
    return translated(error)


class _Connection(asyncpg.Connection):
    # Saves the round trip that resets a connection at release (100 µs, as much as a read). It is
    # safe because no statement leaves session state: settings are SET LOCAL, and advisory locks
    # end with their transaction.
    def get_reset_query(self) -> str:
        return ""


def new_pool(url: str, limits: Limits, smallest: int, largest: int, **options: Any) -> asyncpg.Pool:
    """A pool of connections that keep to the limits; await it, or enter it."""
    return asyncpg.create_pool(
        **connection_options(url),
        min_size=smallest,
        max_size=largest,
        timeout=limits.connect,
        max_inactive_connection_lifetime=limits.pool_idle,
        # The server ends a slow statement first; the driver's limit is for a server that is gone.
        command_timeout=limits.statement + 5,
        # Every list has some dozens of shapes; all of them stay prepared.
        statement_cache_size=1000,
        max_cached_statement_lifetime=0,
        server_settings={"application_name": "tandem", **session_settings(limits)},
        **options,
    )


def session_settings(limits: Limits) -> dict[str, str]:
    """PostgreSQL's settings of each connection.

    A pool in front of PostgreSQL may drop them; `tandem migrate --grant-to` gives them to the role
    as well.
    """
    return {
        "timezone": "UTC",
        # Tandem's statements are short: compiling one costs more than running it.
        "jit": "off",
        "statement_timeout": _milliseconds(limits.statement),
        "lock_timeout": _milliseconds(limits.lock),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_transaction),
    }


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


async def _prepare_connection(connection: Connection) -> None:
    # Ids are strings everywhere: the wire, the tables' rows and the cursors hold the same text.
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=str, decoder=str, format="text"
    )
    # As text, an amount keeps its digits: the driver's own codec reads 1000000 as 1.00E+6.
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=Decimal, format="text"
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: _json_encode(value).decode(),
        decoder=msgspec.json.decode,
    )
