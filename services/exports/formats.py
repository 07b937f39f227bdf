"""The formats of an export: one JSON document, NDJSON, or CSV for spreadsheets.

A reader can tell a whole file from one that was cut off. JSON ends with its brackets, and NDJSON
with a line that counts and proves the rows. CSV has no end of its own: there the connection tells.
"""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, get_origin

import msgspec
from msgspec import Struct

from persistence.database.rows import kinds_of


class ExportFormat(StrEnum):
    """The format of an exported file."""

    JSON = "JSON"
    NDJSON = "NDJSON"
    CSV = "CSV"


MEDIA_TYPES = {
    ExportFormat.JSON: "application/json",
    ExportFormat.NDJSON: "application/x-ndjson",
    ExportFormat.CSV: "text/csv; charset=utf-8",
}
_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines
#: Spreadsheets run a cell that begins with one of these, also in their wide forms.
_FORMULA_STARTS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four are ＝ ＋ － ＠


class Writer(ABC):
    """Writes the bytes of a file, piece by piece."""

    def begin(self) -> bytes:
        """The bytes before the first row."""
        return b""

    @abstractmethod
    def rows(self, rows: Sequence[Struct]) -> bytes:
        """The bytes of the next rows; there is at least one."""

    def end(self) -> bytes:
        """The bytes after the last row."""
        return b""

    def cut(self, last_id: str) -> bytes | None:
        """The bytes that tell where a file that was cut off goes on; None where nothing can."""
        return None


class JsonWriter(Writer):
    """``{"data":[…]}``, as the legacy report has it."""

    def __init__(self) -> None:
        self._separator = b""

    def begin(self) -> bytes:
        """The brackets."""
        return b'{"data":['

    def rows(self, rows: Sequence[Struct]) -> bytes:
        """The rows, separated from those before."""
        written = self._separator + _encode(rows)[1:-1]
        self._separator = b","
        return written

    def end(self) -> bytes:
        """The closing brackets."""
        return b"]}"


class NdjsonWriter(Writer):
    """A line of JSON for each row, and last a line with their number and hash.

    The hash is SHA-256 over all bytes before that line.
    """

    def __init__(self) -> None:
        self._hash = sha256()
        self._count = 0

    def rows(self, rows: Sequence[Struct]) -> bytes:
        """The lines of the rows."""
        written = _encode_lines(rows)
        self._hash.update(written)
        self._count += len(rows)
        return written

    def end(self) -> bytes:
        """The line ``{"end": …}``."""
        return _encode_lines([{"end": self._proof()}])

    def cut(self, last_id: str) -> bytes:
        """The line ``{"continue": …}``, with the id to go on after."""
        return _encode_lines([{"continue": {"afterId": last_id, **self._proof()}}])

    def _proof(self) -> dict[str, Any]:
        return {"rows": self._count, "sha256": self._hash.hexdigest()}


class CsvWriter(Writer):
    """Comma-separated values by RFC 4180, safe to open in a spreadsheet.

    A text that a spreadsheet would take for a formula gets an apostrophe in front, and so does a
    text that looks like one that has it already. Amounts and other numbers stay as they are.
    """

    def __init__(self, kind: type[Struct], *, bom: bool = False) -> None:
        self._names = [item.encode_name for item in msgspec.structs.fields(kind)]
        kinds = kinds_of(kind).items()
        fixes = [(place, _cell(name, one)) for place, (name, one) in enumerate(kinds)]
        self._fixes = [(place, fix) for place, fix in fixes if fix is not None]
        self._bom = bom

    def begin(self) -> bytes:
        """The names of the columns."""
        return (b"\xef\xbb\xbf" if self._bom else b"") + self._lines([map(neutral, self._names)])

    def rows(self, rows: Sequence[Struct]) -> bytes:
        """The lines of the rows."""
        lines = []
        for row in msgspec.to_builtins(rows):
            cells = list(row.values())
            for place, fix in self._fixes:
                if cells[place] is not None:
                    cells[place] = fix(cells[place])
            lines.append(cells)
        return self._lines(lines)

    def _lines(self, lines: Sequence[Any]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(lines)
        return text.getvalue().encode()


def _cell(name: str, kind: Any) -> Callable[[Any], str] | None:
    """How a JSON value becomes a cell, by the type of its field; None where it is one.

    Ids and enums are words of our own. Leaving them alone saves half of the work of a row.
    """
    kinds = [one for one in getattr(kind, "__args__", ()) if one is not type(None)]
    bare = kinds[0] if kinds and get_origin(kind) not in (list, dict) else kind
    if bare is bool:
        return lambda value: "true" if value else "false"
    if bare is str and name != "id" and not name.endswith("_id"):
        return neutral
    if get_origin(bare) in (list, dict):
        return lambda value: _encode(value).decode()
    return None


def neutral(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    if text[:1] in _FORMULA_STARTS or (text[:1] == "'" and _is_marked(text)):
        return "'" + text
    return text


def restored(cell: str) -> str:
    """The text that `neutral` made a cell of."""
    return cell[1:] if cell[:1] == "'" and _is_marked(cell) else cell


def _is_marked(text: str) -> bool:
    return text.lstrip("'")[:1] in _FORMULA_STARTS


def writer(format: ExportFormat, kind: type[Struct], *, bom: bool) -> Writer:
    """The writer of a file whose rows are structs of a kind."""
    if format is ExportFormat.JSON:
        return JsonWriter()
    return NdjsonWriter() if format is ExportFormat.NDJSON else CsvWriter(kind, bom=bom)
