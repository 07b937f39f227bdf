"""Error translation: whatever fails, a caller is told a `TandemError`."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from persistence.database import failures
from persistence.database.pool import CommitUnknown
from services.errors.base import TandemError
from services.errors.common import Internal, Timeout, Unavailable
from services.operation.context import Request
from services.operation.declaration import Declaration

log = structlog.get_logger("tandem.operation")

#: The detail of an error after which nobody knows whether a write was committed.
NOT_KNOWN = (
    "It is not known whether this was done. Send the request again with the same Idempotency-Key."
)
OUTCOME_UNKNOWN = {"outcome": "UNKNOWN"}


def declared_error(op: Declaration[Any], request: Request, error: Exception) -> TandemError:
    """The error that an operation may answer; an undeclared one is logged and `Internal`."""
    if isinstance(error, TandemError) and type(error) in op.errors:
        return error
    translated = _database_error(error)
    if translated is None:
        request.failed(error)
        return Internal()
    return translated


async def translate_errors(load: Callable[..., Awaitable[Any]], *values: Any) -> Any:
    """Await ``load(*values)`` outside of an operation, such as a relation's batch function.

    Raises only `TandemError`, as operations do.
    """
    try:
        return await load(*values)
    except TandemError:
        raise
    except Exception as error:
        translated = _database_error(error)
        if translated is None:
            if values and isinstance(values[0], Request):
                values[0].failed(error)
            else:
                log.exception("undeclared error", outside=load.__qualname__, exc_info=error)
            translated = Internal()
        raise translated from error


def _database_error(error: Exception) -> TandemError | None:
    match error:
        case failures.Unavailable() | failures.LockTimeout() | failures.Conflict():
            return Unavailable()
        case failures.StatementTimeout():
            return Timeout()
        case CommitUnknown():
            return Unavailable(NOT_KNOWN, details=OUTCOME_UNKNOWN)
        case _:
            return None
