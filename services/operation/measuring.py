"""Measuring: every call of an operation is timed, counted and logged once."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from services import metrics
from services.operation.context import Request
from services.operation.declaration import Declaration
from services.operation.error_translation import declared_error

log = structlog.get_logger("tandem.operation")


@contextmanager
def measured(op: Declaration[Any], request: Request, raw: Mapping[str, Any]) -> Iterator[None]:
    """Measure the call in the block; the error that it raises comes out translated.

    The line of an HTTP request names its operations. Other calls have a line of their own.
    """
    started = time.perf_counter()
    outcome = "CANCELLED"
    if request.log is not None:
        request.log.operation(op.name, raw)
    try:
        yield
        outcome = "OK"
    except Exception as error:
        translated = declared_error(op, request, error)
        outcome = translated.code
        if translated is error:
            raise
        raise translated from error
    finally:
        seconds = time.perf_counter() - started
        metrics.count_operation(op.name, request.face, outcome, seconds)
        if request.log is None:
            log.info(
                "operation",
                operation=op.name,
                face=request.face,
                outcome=outcome,
                seconds=round(seconds, 6),
                request_id=request.id,
            )
