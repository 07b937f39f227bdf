"""Exports: files with a row for each thing of a list."""

from schema.building.types import enum, mirror
from services.exports import formats, offering

enum(
    formats.ExportFormat,
    JSON="One document: an object whose `data` are the rows.",
    NDJSON="A row on each line, and last a line with their number and hash.",
    CSV="Comma-separated values, safe to open in a spreadsheet.",
)


@mirror(offering.Export)
class Export:
    pass
