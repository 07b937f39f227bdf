"""The errors of the database that Tandem tells apart.

DatabaseError
├── Unavailable          no connection, connection lost, server shutting down, pool exhausted
│   ├── NotMigrated      a table is missing; the code is newer than the database
│   └── NotWritable      it only reads (a standby), or is out of disk or memory
├── StatementTimeout     a statement ran longer than it may
├── LockTimeout          a lock was not free in time
├── Conflict             deadlock, serialisation failure or changed types; may be run again
├── UniqueViolation      a UNIQUE constraint refused a row; ``constraint`` names it
├── ReferenceViolation   a FOREIGN KEY refused a change; ``constraint`` names it
└── CheckViolation       a CHECK constraint refused a row; ``constraint`` names it
"""

import asyncpg


class DatabaseError(Exception):
    """Base of the database's errors."""

    def __init__(self, constraint: str | None = None, said: str = "") -> None:
        super().__init__(said)
        self.constraint = constraint


class Unavailable(DatabaseError):
    """The database cannot be reached now."""


class NotMigrated(Unavailable):
    """A table is missing: the database was not migrated to the code's revision."""


class NotWritable(Unavailable):
    """The database answers, but takes no writes: a standby, or no disk or memory is left."""


class StatementTimeout(DatabaseError):
    """A statement ran longer than it may."""


class LockTimeout(DatabaseError):
    """A lock was not free in time."""


class Conflict(DatabaseError):
    """Two transactions got in each other's way; this one was undone and may be run again."""


class UniqueViolation(DatabaseError):
    """A unique constraint refused a row."""


class ReferenceViolation(DatabaseError):
    """A foreign key refused a change."""


class CheckViolation(DatabaseError):
    """A check constraint refused a row."""


_BY_STATE: dict[str, type[DatabaseError]] = {
    "42P01": NotMigrated,
    "57014": StatementTimeout,
    "55P03": LockTimeout,
    "40P01": Conflict,
    "40001": Conflict,
    "23505": UniqueViolation,
    "23503": ReferenceViolation,
    "23514": CheckViolation,
    "25006": NotWritable,
    "53000": NotWritable,
    "53100": NotWritable,
    "53200": NotWritable,
    "53300": Unavailable,
    "57P01": Unavailable,
    "57P02": Unavailable,
    "57P03": Unavailable,
    "57P05": Unavailable,
    "58000": NotWritable,
    "58030": NotWritable,
    "25P03": Unavailable,
}
#: After these, another connection may do better: another server answers under the address, or the
#: memory of this connection's server process is spent.
_DROPPED = ("25006", "53200")

#: The errors of the driver that `translated` understands.
DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


def spoils_connection(error: BaseException) -> bool:
    """Should the connection not be used again, although it is open?"""
    return getattr(error, "sqlstate", "") in _DROPPED


def translated(error: BaseException) -> BaseException:
    """The `DatabaseError` for a driver's error; the error itself when there is none for it."""
    if isinstance(error, asyncpg.PostgresConnectionError | OSError | TimeoutError):
        return Unavailable()
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # A migration changed a type. The driver has forgotten its statements and prepares new ones.
        return Conflict()
    if isinstance(error, asyncpg.PostgresError):
        known = _BY_STATE.get(getattr(error, "sqlstate", ""), DatabaseError)
        # Keeps the first line only: the details below it may hold the values of a row.
        said = str(error).partition("\n")[0]
        return known(getattr(error, "constraint_name", None), said)
    # The driver's other errors mean that a connection died in the middle of a call. Its errors
    # about the values that it was given are ValueErrors, and they are bugs of this program.
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError) and not isinstance(
        error, ValueError
    ):
        return Unavailable()
    return error
