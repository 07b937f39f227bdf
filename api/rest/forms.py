"""Forms with a file (multipart/form-data), in which REST takes an upload with its declaration.

The file goes to the disk as it arrives, so that a request holds some pieces of it in memory.
"""

from collections import deque
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from api.rest.calls import Sent
from services.errors.base import FieldError
from services.errors.common import MalformedRequest
from services.files.spooling import SpooledFile
from services.operation.inputs import REQUIRED, UNKNOWN_FIELD
from services.uploads.declaring import CONTENT_TYPES, LARGEST_UPLOAD

#: The field of the file, and the fields of the declaration that follow from it.
FILE = "file"
OF_FILE = ("filename", "contentType", "size", "sha256")
#: The parts of the declaration that the head of the file's part says.
_PART_SAYS = {
    "filename": "name: filename in Content-Disposition",
    "contentType": "media type: Content-Type",
}
#: A declaration that is not refused for itself, where it is refused for what it lacks.
_FILLED = {"filename": "-", "contentType": CONTENT_TYPES[0], "size": 1, "sha256": "0" * 64}
_LONGEST_TEXT = 1_000
_MOST_PARTS = 10


async def read_form(content_type: str, receive: Receive, folder: Path, sent: Sent) -> None:
    """Read a form into the declaration of its file, and its file into a folder.

    Raises `MalformedRequest`, and what the edge refuses a body with.
    """
    sent.spelled |= dict.fromkeys(OF_FILE, FILE)
    form = _Form(content_type, folder, sent)
    try:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            await form.take(message.get("body", b""))
            more = message.get("more_body", False)
        form.end()
    except BaseException:
        if sent.file is not None:
            sent.file.discard()
        raise


class _Form:
    """A form as it arrives. The parser calls back at once, and a file takes its pieces later."""

    def __init__(self, content_type: str, folder: Path, sent: Sent) -> None:
        # Loaded with the first form, as few processes ever read one.
        from python_multipart.multipart import MultipartParser, parse_options_header

        self._options = parse_options_header
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise MalformedRequest("The media type of the form lacks its boundary.")
        self._folder = folder
        self._sent = sent
        self._events: deque[tuple[str, Any]] = deque()
        self._parts = 0
        self._ended = False
        self._headers: dict[bytes, bytes] = {}
        self._header = [b"", b""]
        #: The field that arrives, and its text; the name is None for one that is skipped.
        self._name: str | None = None
        self._text = bytearray()
        note = self._events.append
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": lambda data, start, end: self._add(0, data[start:end]),
                    "on_header_value": lambda data, start, end: self._add(1, data[start:end]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": lambda: note(("part", self._headers)),
                    "on_part_data": lambda data, start, end: note(("data", data[start:end])),
                    "on_part_end": lambda: note(("end", None)),
                    "on_end": self._end,
                },
            )
        except ValueError:
            raise MalformedRequest("The boundary of the form cannot be used.") from None

    async def take(self, piece: bytes) -> None:
        """Take a piece of the body."""
        try:
            if piece:
                self._parser.write(piece)
        except ValueError:
            raise MalformedRequest("The form could not be read.") from None
        while self._events:
            kind, value = self._events.popleft()
            if kind == "part":
                await self._begin(value)
            elif kind == "data":
                await self._take_data(value)
            else:
                await self._end_field()

    def end(self) -> None:
        """Check that the form is whole, and complete the declaration of its file."""
        sent = self._sent
        if not self._ended:
            raise MalformedRequest("The form ends before its last boundary.")
        if sent.file is not None:
            sent.body |= {"size": sent.file.size, "sha256": sent.file.sha256}
            for name, what in _PART_SAYS.items():
                if name not in sent.body:
                    message = f"Send the file's {what}."
                    sent.faults.append(FieldError(FILE, REQUIRED[0], message))
                    sent.body[name] = _FILLED[name]
            return
        sent.faults.append(FieldError(FILE, REQUIRED[0], "Send the file in this field."))
        # The rest of the declaration follows from the file: it is not missing as well.
        sent.body |= _FILLED

    async def _begin(self, headers: dict[bytes, bytes]) -> None:
        options = self._options(headers.get(b"content-disposition"))[1]
        name, sent = _text(options.get(b"name", b"")), self._sent
        self._name, self._text = None, bytearray()
        if name in OF_FILE:
            message = f"Leave {name} out: it follows from the file."
            sent.faults.append(FieldError(FILE, UNKNOWN_FIELD[0], message))
        elif name not in (FILE, "purpose"):
            sent.faults.append(FieldError(name[:100], *UNKNOWN_FIELD))
        elif name in sent.body or (name == FILE and sent.file is not None):
            sent.faults.append(FieldError(name, "REPEATED", "Send this field once."))
        else:
            self._name = name
        if self._name == FILE:
            sent.file = await SpooledFile.begin(self._folder, LARGEST_UPLOAD)
            if (filename := options.get(b"filename")) is not None:
                sent.body["filename"] = _text(filename)
            if (media := headers.get(b"content-type")) is not None:
                sent.body["contentType"] = _text(media).partition(";")[0]

    async def _take_data(self, data: bytes) -> None:
        if self._name == FILE:
            assert self._sent.file is not None
            await self._sent.file.write(data)
        elif self._name is not None:
            self._text += data
            if len(self._text) > _LONGEST_TEXT:
                raise MalformedRequest("A field of the form is too long.")

    async def _end_field(self) -> None:
        if self._name == FILE:
            assert self._sent.file is not None
            await self._sent.file.end()
        elif self._name is not None:
            self._sent.body[self._name] = _text(bytes(self._text))

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise ValueError("too many parts")
        self._headers = {}

    def _add(self, place: int, data: bytes) -> None:
        self._header[place] += data

    def _end_header(self) -> None:
        name, value = self._header
        self._headers[name.lower()] = value
        self._header = [b"", b""]

    def _end(self) -> None:
        self._ended = True


def _text(value: bytes) -> str:
    """Text of a form; raises `MalformedRequest` for what is not UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedRequest("The form is not valid UTF-8.") from None
