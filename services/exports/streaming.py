"""The stream of an export: rows read in pieces, so that memory stays flat and nothing is held.

Each piece is a statement of its own. While the client takes one piece, the next one is read; a slow
client holds neither a connection nor a transaction.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from persistence.database.listing import EXPORTED_AT_ONCE
from services.errors.common import Timeout
from services.exports.formats import Writer

#: The bytes that are sent at a time. A client must take so many within the limit of a request.
_PIECE = 32_768

#: Reads the rows beyond a position, at most `EXPORTED_AT_ONCE`.
ReadRows = Callable[[Any], Awaitable[Sequence[Any]]]


@dataclass(frozen=True)
class RowStream:
    """A file that is sent while it is read.

    ``rows`` is the number of rows when the export began.
    """

    filename: str
    media: str
    rows: int
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True)
class Rows:
    """How the rows of a file are read: the first of them, and those beyond a row."""

    first: Sequence[Any]
    beyond: ReadRows


def nobody(_: int) -> None:
    """Report to nobody how many rows were written."""


async def written(
    rows: Rows, writer: Writer, seconds: float, report: Callable[[int], None] = nobody
) -> AsyncIterator[bytes]:
    """The bytes of a file, in pieces of at most 32 KiB; ``report`` is told how many rows they have.

    After ``seconds`` the file is cut off between two rows. NDJSON then ends with a line that says
    where to go on; other formats raise `Timeout`, so that the connection is cut.
    """
    ends_at = time.monotonic() + seconds
    found, following = rows.first, None
    try:
        if begun := writer.begin():
            yield begun
        while found:
            if len(found) == EXPORTED_AT_ONCE:
                following = asyncio.ensure_future(rows.beyond(found[-1]))
            for piece in _cut(writer.rows(found)):
                yield piece
            report(len(found))
            if following is None:
                break
            if time.monotonic() >= ends_at:
                last = writer.cut(found[-1].id)
                if last is None:
                    raise Timeout("The export took too long. Continue after the last row's id.")
                yield last
                return
            found, following = await following, None
        if ended := writer.end():
            yield ended
    finally:
        if following is not None:
            following.cancel()
            with suppress(Exception, asyncio.CancelledError):
                await following


def _cut(written: bytes) -> list[bytes]:
    return [written[start : start + _PIECE] for start in range(0, len(written), _PIECE)]
