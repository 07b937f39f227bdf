"""The inputs and the answer of operations whose answer is a file of rows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from msgspec import Meta, Struct
from pydantic import Field, model_validator

from services.access import links
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.exports.formats import ExportFormat
from services.exports.row_files import RowFile
from services.operation.context import Context
from services.operation.declaration import Declaration
from services.operation.inputs import Flag, Input, Reference, wrong


class ExportInput(Input):
    """The format of the file, and where it begins."""

    format: ExportFormat = Field(
        ExportFormat.NDJSON,
        description=(
            'NDJSON has a row on each line, and last {"end": {"rows", "sha256"}}. JSON is one '
            "document. CSV is safe to open in a spreadsheet."
        ),
        strict=False,
    )
    bom: Flag = Field(
        False, description="True begins a CSV file with a byte order mark, which Excel asks for."
    )
    after_id: Reference | None = Field(
        None,
        description="Begins after the row with this id, the last one of a file that was cut off.",
    )

    @model_validator(mode="after")
    def _mark_of_csv(self) -> Self:
        if self.bom and self.format is not ExportFormat.CSV:
            raise wrong("CONFLICT", "Give bom with the format CSV only.", "bom")
        return self


class Export(Struct, frozen=True, rename="camel"):
    """A file that can be downloaded."""

    url: Annotated[
        str, Meta(description="URL of the file. It works for some minutes without an access token.")
    ]
    filename: Annotated[str, Meta(description="Name to save the file under.")]
    expires_at: Annotated[datetime, Meta(description="When the URL ends to work.")]


async def offered(ctx: Context, input: ExportInput) -> Export:
    """The signed URL of an operation's file; raises `ValidationFailed` for a wrong ``afterId``."""
    file = file_of(ctx.operation)
    await position_of(ctx, file, input)
    until = ctx.now + timedelta(seconds=ctx.settings.export_link_seconds)
    secret = ctx.settings.secret.get_secret_value()
    token = links.sign(secret, link_subject(ctx.operation, input), until)
    query = urlencode({**_written(input), "token": token})
    url = f"{ctx.settings.public_url}/api/v2{file.path}?{query}"
    return Export(url, filename(file, input, ctx.now), until.replace(microsecond=0))


def file_of(operation: Declaration[Any]) -> RowFile:
    """The file of an operation that is declared with one."""
    assert operation.file is not None
    return operation.file


def filename(file: RowFile, input: ExportInput, now: datetime) -> str:
    """The name of the file, with the time of the export."""
    return f"{file.name}-{now:%Y%m%dT%H%M%SZ}.{input.format.lower()}"


def link_subject(operation: Declaration[Any], input: ExportInput) -> str:
    """The subject of a link to an operation's file: the operation and all of its input."""
    return f"export:{operation.name}?{urlencode(_written(input))}"


async def position_of(ctx: Context, file: RowFile, input: ExportInput) -> tuple[Any, str] | None:
    """The position that the file begins beyond; None for the beginning."""
    if input.after_id is None:
        return None
    row = await ctx.reader.one(file.view.by_ids, ids=[input.after_id], **ctx.viewer_values)
    if row is None:
        raise ValidationFailed(fields=[FieldError("afterId", "NOT_FOUND", "There is no such row.")])
    return file.listing.sorts[ORDER].value(row), row.id  # type: ignore[misc]


#: The order of every export. A thing keeps its place in it.
ORDER = "createdAt"


def _written(input: ExportInput) -> Mapping[str, str]:
    """The input as the query string of a URL."""
    values = input.model_dump(mode="json", by_alias=True, exclude_none=True)
    texts = {True: "true", False: "false"}
    return {
        name: texts[value] if isinstance(value, bool) else str(value)
        for name, value in sorted(values.items())
    }
