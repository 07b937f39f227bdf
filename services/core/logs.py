"""Logs: JSON lines on stdout, readable colours on a terminal."""

import logging
import sys
from typing import Any

import msgspec
import structlog

_encoder = msgspec.json.Encoder(enc_hook=repr)


def _encode(line: Any, **_: Any) -> bytes:
    return _encoder.encode(line)


def configure(*, debug: bool = False, readable: bool | None = None) -> None:
    """Set up structured logs for the process.

    Tracebacks never show local variables: those hold passwords and tokens.
    """
    if readable is None:
        readable = sys.stdout.isatty()
    last: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_encode),
    ]
    if readable:
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if debug else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory()
        if readable
        else structlog.BytesLoggerFactory(),
        cache_logger_on_first_use=True,
    )
