"""Measuring: every call of an operation is timed, counted and logged once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from services import logs, metrics
from services.operation.context import Request
from services.operation.declaration import Declaration
from services.operation.error_translation import declared_error

log = structlog.get_logger("tandem.operation")


@contextmanager
def measured(op: Declaration[Any], request: Request) -> Iterator[None]:
    """Measure the call in the block; the error that it raises comes out translated."""
    started = time.perf_counter()
    outcome = "CANCELLED"
    try:
        yield
        outcome = "OK"
    except Exception as error:
        translated = declared_error(op, error)
        outcome = translated.code
        if translated is error:
            raise
        raise translated from error
    finally:
        seconds = time.perf_counter() - started
        metrics.count_operation(op.name, request.face, outcome, seconds)
        logs.line(
            log,
            "info",
            "operation",
            operation=op.name,
            face=request.face,
            caller=request.caller and request.caller.user_id,
            outcome=outcome,
            seconds=round(seconds, 6),
            request_id=request.id,
            trace_id=request.trace_id,
        )
