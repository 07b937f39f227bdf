"""Logs: JSON lines on stdout, short lines on a terminal."""

import logging
import sys
import threading
from collections.abc import Collection
from contextlib import suppress
from typing import IO, Any, Protocol

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


class _Lossy:
    """A file that loses what cannot be written: a full disk or a closed pipe must stop no work."""

    def __init__(self, file: IO[Any]) -> None:
        self._file = file

    def write(self, line: Any) -> None:
        """Write a line, or lose it."""
        with suppress(OSError):
            self._file.write(line)

    def flush(self) -> None:
        """Hand on what was written, or lose it."""
        with suppress(OSError):
            self._file.flush()


#: Writes what `line` is given; None where structlog does.
_writer: LineWriter | None = None
#: The least level that is logged, and what each line says of the process.
_least = logging.INFO
_standing: dict[str, str] = {}
_LEVELS = logging.getLevelNamesMapping()


def configure(
    *,
    level: str = "info",
    service: str = "tandem",
    environment: str = "development",
    readable: bool | None = None,
    writer: LineWriter | None = None,
    scheduled: Collection[str] = (),
) -> None:
    """Set up the log of the process, and send what libraries log through it.

    Each JSON line names the ``service`` and the ``environment``. ``readable`` is by default whether
    stdout is a terminal, which shows no successes of the ``scheduled`` jobs above the level debug.
    Tracebacks never show local variables, because those hold passwords and tokens.
    """
    global _writer, _least, _standing
    if readable is None:
        readable = sys.stdout.isatty()
    _least = _LEVELS[level.upper()]
    debug = _least <= logging.DEBUG
    brief = readable and not debug  # a line with the local time
    _writer = None if readable else writer
    _standing = {} if readable else {"service": service, "environment": environment}
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *([] if brief else [structlog.processors.TimeStamper(fmt="iso", utc=True)]),
            *(_readable_end(scheduled, debug) if readable else _json_end()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_least),
        logger_factory=structlog.PrintLoggerFactory(_Lossy(sys.stdout))  # type: ignore[arg-type]
        if readable
        else structlog.BytesLoggerFactory(_writer or _Lossy(sys.stdout.buffer)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    _take_others(debug=debug)


def _take_others(*, debug: bool) -> None:
    """Send the log of libraries, Python's warnings and crashes of threads through the log."""
    root = logging.getLogger()
    root.handlers = [_LibraryLog()]
    root.setLevel(logging.INFO if debug else logging.WARNING)
    logging.captureWarnings(True)
    if _standing:
        sys.excepthook = _crashed
        threading.excepthook = lambda crash: _crashed(
            crash.exc_type, crash.exc_value, crash.exc_traceback
        )


def _crashed(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    """Log what ends a process or a thread."""
    if issubclass(kind, Exception):
        log.critical("crashed", exc_info=(kind, error, trace))


class _LibraryLog(logging.Handler):
    """Takes what libraries log.

    PostgreSQL's driver tells that a connection could not be made with a traceback. Tandem's pool
    tells that once, and in words.
    """

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and isinstance(translated(error), Unavailable):
            return
        level = "warning" if record.levelno >= logging.WARNING else "info"
        level = "error" if record.levelno >= logging.ERROR else level
        getattr(log, level)(
            "library",
            logger=record.name,
            told=record.getMessage().strip(),
            exc_info=error,
        )


def line(logger: Any, level: str, event: str, values: dict[str, Any]) -> None:
    """Write the line that every request has."""
    if _writer is None:
        getattr(logger, level)(event, **values)
    elif _LEVELS[level.upper()] >= _least:
        _writer.write_line(level, event, values | _standing)


def _name_process(_logger: Any, _method: str, values: Any) -> Any:
    values.update(_standing)
    return values


def _readable_end(scheduled: Collection[str], debug: bool) -> list[structlog.typing.Processor]:
    if debug:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [structlog.processors.format_exc_info, TerminalLines(scheduled)]


def _json_end() -> list[structlog.typing.Processor]:
    return [
        _name_process,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=lambda line, **_: _encoder.encode(line)),
    ]
