"""The beginning of a picture file: its type, its pixels, and whether it moves.

These few bytes are read before anything is decoded. A file that claims to be huge is refused here,
without memory or time of a decoder.
"""

from collections.abc import Iterator
from typing import BinaryIO

from msgspec import Struct

from services.errors.uploads import ImageInvalid

MOST_PIXELS = 40_000_000
MOST_A_SIDE = 8_192
#: Chunks, segments and bytes between them that are looked at; those of cameras are some dozens.
_MOST_PARTS = 2_000
_PNG = b"\x89PNG\r\n\x1a\n"
#: Start of frame, with the picture's size. C4, C8 and CC are other segments.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Segments without content: restarts, start and end, and TEM.
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


class Header(Struct, frozen=True):
    """The facts that a picture file states about itself."""

    content_type: str
    width: int
    height: int
    animated: bool


def check_header(file: BinaryIO, content_type: str) -> None:
    """Read the header of a file that was declared as this type; raises `ImageInvalid`."""
    found = read_header(file)
    if found is None:
        raise ImageInvalid.of("NOT_AN_IMAGE")
    if found.content_type != content_type:
        raise ImageInvalid.of("WRONG_TYPE")
    if max(found.width, found.height) > MOST_A_SIDE:
        raise ImageInvalid.of("TOO_WIDE")
    if found.width * found.height > MOST_PIXELS:
        raise ImageInvalid.of("TOO_MANY_PIXELS")
    if found.animated:
        raise ImageInvalid.of("ANIMATED")
    if not found.width or not found.height:
        raise ImageInvalid.of("DAMAGED")


def read_header(file: BinaryIO) -> Header | None:
    """The header of a JPEG, PNG or WebP file; None for any other file."""
    file.seek(0)
    start = file.read(32)
    try:
        if start.startswith(_PNG):
            return _png(file, start)
        if start.startswith(b"\xff\xd8\xff"):
            return _jpeg(file)
        if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
            return _webp(start)
    except IndexError:  # the file ends within its header
        return None
    return None


def _png(file: BinaryIO, start: bytes) -> Header | None:
    if start[12:16] != b"IHDR":
        return None
    animated = b"acTL" in _png_chunks(file)
    return Header("image/png", _big(start, 16, 4), _big(start, 20, 4), animated)


def _png_chunks(file: BinaryIO) -> Iterator[bytes]:
    """The types of the chunks before the pixels."""
    file.seek(8)
    for _ in range(_MOST_PARTS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IDAT":
            return
        yield head[4:]
        file.seek(_big(head, 0, 4) + 4, 1)


def _jpeg(file: BinaryIO) -> Header | None:
    file.seek(2)
    for _ in range(_MOST_PARTS):
        if file.read(1) != b"\xff":
            return None
        kind = file.read(1)[0]
        if kind == 0xFF:  # it fills up, and the next byte may begin a segment
            file.seek(-1, 1)
            continue
        if kind in _JPEG_BARE:
            continue
        length = _big(file.read(2), 0, 2)
        if kind in _JPEG_FRAMES:
            frame = file.read(5)
            return Header("image/jpeg", _big(frame, 3, 2), _big(frame, 1, 2), False)
        if kind == 0xDA or length < 2:  # pixels without a frame
            return None
        file.seek(length - 2, 1)
    return None


def _webp(start: bytes) -> Header | None:
    match start[12:16]:
        case b"VP8 " if start[23:26] == b"\x9d\x01\x2a":
            width, height = _little(start, 26, 2) & 0x3FFF, _little(start, 28, 2) & 0x3FFF
            return Header("image/webp", width, height, False)
        case b"VP8L" if start[20] == 0x2F:
            bits = _little(start, 21, 4)
            return Header("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, False)
        case b"VP8X":
            width, height = _little(start, 24, 3) + 1, _little(start, 27, 3) + 1
            return Header("image/webp", width, height, bool(start[20] & 2))
        case _:
            return None


def _big(data: bytes, at: int, length: int) -> int:
    if len(data) < at + length:
        raise IndexError
    return int.from_bytes(data[at : at + length], "big")


def _little(data: bytes, at: int, length: int) -> int:
    if len(data) < at + length:
        raise IndexError
    return int.from_bytes(data[at : at + length], "little")
