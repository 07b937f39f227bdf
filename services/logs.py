"""Logs: JSON lines on stdout, short lines on a terminal."""

import logging
import sys
from collections.abc import Collection
from typing import Any, Protocol

import msgspec
import structlog

from persistence.database.failures import Unavailable, translated
from services.terminal_lines import TerminalLines

log = structlog.get_logger("tandem.logs")

_encoder = msgspec.json.Encoder(enc_hook=repr)


class LineWriter(Protocol):
    """A faster writer of lines; see services/fast/log_lines.py."""

    def write_line(self, level: str, event: str, values: dict[str, Any]) -> None:
        """Write a line past structlog's processors."""
        ...

    def write(self, line: bytes) -> None:
        """Write a line that structlog has made."""
        ...

    def flush(self) -> None:
        """End a line of structlog's."""
        ...


#: Writes what `line` is given; None where structlog does.
_writer: LineWriter | None = None


def configure(
    *,
    debug: bool = False,
    readable: bool | None = None,
    writer: LineWriter | None = None,
    scheduled: Collection[str] = (),
) -> None:
    """Set up structured logs for the process.

    ``readable`` is by default whether stdout is a terminal, which shows no successes of the
    ``scheduled`` jobs unless ``debug`` is on. Tracebacks never show local variables, because those
    hold passwords and tokens.
    """
    global _writer
    if readable is None:
        readable = sys.stdout.isatty()
    brief = readable and not debug  # a line with the local time
    _writer = None if readable else writer
    driver = logging.getLogger("asyncpg")
    driver.handlers, driver.propagate = [_DriverLog(logging.WARNING)], False
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *([] if brief else [structlog.processors.TimeStamper(fmt="iso", utc=True)]),
            *(_readable_end(scheduled, debug) if readable else _json_end()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if debug else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory()
        if readable
        else structlog.BytesLoggerFactory(_writer or sys.stdout.buffer),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )


class _DriverLog(logging.Handler):
    """Takes the warnings of PostgreSQL's driver, which come with tracebacks.

    Most tell that a connection could not be made. Tandem's pool tells that once, and in words.
    """

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not isinstance(translated(error), Unavailable):
            text = record.getMessage()
            log.warning("driver", told=text, error=error and type(error).__name__)


def line(logger: Any, level: str, event: str, *, trace_id: str | None, **values: Any) -> None:
    """Write one of the two lines that every request has."""
    if trace_id is not None:
        values["trace_id"] = trace_id
    if _writer is None:
        getattr(logger, level)(event, **values)
    else:
        _writer.write_line(level, event, values)


def _readable_end(scheduled: Collection[str], debug: bool) -> list[structlog.typing.Processor]:
    if debug:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [structlog.processors.format_exc_info, TerminalLines(scheduled)]


def _json_end() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=lambda line, **_: _encoder.encode(line)),
    ]
