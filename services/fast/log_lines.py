"""Log lines written past structlog, all of one turn of the event loop in one system call.

Every request writes a line. It costs 3 µs here and 8 µs by structlog's processors, and the lines of
a turn share a system call.
"""

import asyncio
import atexit
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec

_encoder = msgspec.json.Encoder(enc_hook=repr)
#: Lines that one turn of the event loop may hold back; a turn writes far fewer.
_MOST_HELD = 1_000


class LogLines:
    """A file whose lines are written at the end of a turn of the event loop."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held: list[bytes] = []
        atexit.register(self.write_out)

    def write_line(self, level: str, event: str, values: dict[str, Any]) -> None:
        """Write a line that structlog's processors need not see."""
        values |= {"event": event, "level": level, "timestamp": datetime.now(UTC)}
        self.write(_encoder.encode(values) + b"\n")

    def write(self, line: bytes) -> None:
        """Write a line, with its end, soon; at once where no event loop runs."""
        self._held.append(line)
        if 1 < len(self._held) < _MOST_HELD:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write_out()
            return
        if len(self._held) == 1:
            loop.call_soon(self.write_out)
        else:
            self.write_out()

    def flush(self) -> None:
        """Nothing: the lines are written at the end of the turn."""

    def write_out(self) -> None:
        """Write what is held back, or lose it: a full disk or a closed pipe must stop no work."""
        held, self._held = self._held, []
        if held:
            with suppress(OSError):
                self._file.write(b"".join(held))
                self._file.flush()
