"""Opening the file of an operation, for a caller, for somebody with its link, and for Tandem."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from persistence.database.listing import EXPORTED_AT_ONCE, Window
from services.access import links
from services.exports import formats, offering
from services.exports.offering import ORDER, ExportInput
from services.exports.streaming import Rows, RowStream, nobody, written
from services.operation.context import Context, Request
from services.operation.error_translation import translate_errors
from services.operation.inputs import checked
from services.operation.operation import Operation
from services.quota.charging import charge


async def open_file(
    request: Request,
    operation: Operation[Any, Any],
    raw: Mapping[str, Any],
    report: Callable[[int], None] = nobody,
) -> RowStream:
    """The file of an operation that the caller has just called with the same input.

    ``report`` is told how many rows each piece of work has written.
    """
    input = checked(operation.input, raw, request.currency, *request.faults)
    return await translate_errors(_open, request, operation, input, report)


async def open_linked(
    request: Request, operation: Operation[Any, Any], raw: Mapping[str, Any], token: str
) -> RowStream:
    """The file of a signed URL that the operation answered, for any caller.

    Raises `Unauthenticated` when the signature is wrong, `TokenExpired` when the URL has expired.
    """
    process = request.process
    await charge(request, None, 1)
    input = checked(operation.input, raw, request.currency, *request.faults)
    subject = offering.link_subject(operation, input)
    links.check(process.settings.secrets, subject, token, process.clock())
    return await translate_errors(_open, request, operation, input, nobody)


async def _open(
    request: Request,
    operation: Operation[Any, Any],
    input: ExportInput,
    report: Callable[[int], None],
) -> RowStream:
    """Count and read the first rows, so that what fails early is told as an error."""
    file = offering.file_of(operation)
    ctx = Context(request, operation, request.caller)
    filters = {name: value for name, value in file.filters(input).items() if value is not None}
    values = {**ctx.viewer_values, **file.values(input)}
    listing = file.listing
    place = listing.sorts[ORDER].value
    assert place is not None

    async def read(position: tuple[Any, str] | None) -> Sequence[Any]:
        window = Window(EXPORTED_AT_ONCE, position)
        return (await listing.page(request.reader, ORDER, filters, window, **values)).rows

    async def beyond(row: Any) -> Sequence[Any]:
        return await translate_errors(read, (place(row), row.id))

    start = await offering.position_of(ctx, file, input)
    count, first = await asyncio.gather(
        listing.count(request.reader, filters, ORDER, start, **values), read(start)
    )
    writer = formats.writer(input.format, file.view.struct, bom=input.bom)
    return RowStream(
        offering.filename(file, input, ctx.now),
        formats.MEDIA_TYPES[input.format],
        count,
        written(Rows(first, beyond), writer, ctx.settings.export_seconds, report),
    )
