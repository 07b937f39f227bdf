"""`tandem export`: write the transactions or the products of a shop into a file.

Runs the same operations as the faces, as Tandem itself and without a caller.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from logging import WARNING
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import structlog
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.servers import database_problem, read_settings, running_servers, with_process
from api.cli.terminal import Problem, err
from services.errors.base import TandemError
from services.exports.opening import open_file
from services.operation.context import Request
from services.operation.operation import Operation
from services.process import Process
from services.products import exporting
from services.reports import transactions

#: The operations of the command, by its words.
EXPORTED: Mapping[str, Operation[Any, Any]] = {
    "transactions": transactions.export,
    "products": exporting.export,
}
STDOUT = Path("-")


def export(data: Path, name: str, values: Mapping[str, Any], output: Path | None) -> None:
    """Write a file with progress; raises `Problem` for bad values, and where it fails midway."""
    _log_warnings_to_stderr()
    given = {key: value for key, value in values.items() if value is not None}
    with running_servers(read_settings(), data) as settings:
        # There is no connection to keep open, so no export takes too long.
        settings = settings.model_copy(update={"export_seconds": float("inf")})
        with_process(settings, partial(_export, EXPORTED[name], given, output))


async def _export(
    operation: Operation[Any, Any], values: Mapping[str, Any], out: Path | None, process: Process
) -> None:
    request = Request(process, id=f"export-{uuid4().hex}", face="command line")
    columns = (TextColumn("Exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=err)
    task = progress.add_task("Exporting", total=None)
    try:
        await operation.by_system(request, values)
        stream = await open_file(request, operation, values, partial(progress.advance, task))
        progress.update(task, total=stream.rows)
        target = Path(stream.filename) if out is None else out
        with progress, _opened(target) as file:
            async for piece in stream.pieces:
                file.write(piece)
    except TandemError as error:
        raise Problem(database_problem(process.settings, error) or _sentence(error)) from None
    if target != STDOUT:
        err.print(f"Wrote {target}.")


def _log_warnings_to_stderr() -> None:
    """Keep the log out of stdout, which may be the file."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@contextmanager
def _opened(target: Path) -> Iterator[BinaryIO]:
    """The file to write; it gets its name when it is whole.

    A pipe or a device is written as it is: a file would take its place.
    """
    if target.is_dir():
        raise Problem(f"{target} is a folder: name a file in it.")
    is_file = target != STDOUT and (target.is_file() or not target.exists())
    part = target.with_name(f"{target.name}.part") if is_file else target
    try:
        if target == STDOUT:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            with part.open("wb") as file:
                yield file
        if is_file:
            os.replace(part, target)
    except OSError as error:
        if target == STDOUT:  # Python would write the rest at its end, and fail again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        name = "stdout" if target == STDOUT else part
        raise Problem(f"{name} cannot be written: {error.strerror}.") from None
    finally:
        if is_file:
            part.unlink(missing_ok=True)


def _sentence(error: TandemError) -> str:
    """An error in a sentence, with its bad fields."""
    fields = " ".join(f"{one.field}: {one.message}" for one in error.fields)
    return fields or error.detail or error.title
