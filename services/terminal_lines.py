"""Log lines for a person at a terminal: a short one a request, and none for what runs by itself."""

import re
import shutil
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import structlog

#: Operations of a request that its line names.
_MOST_NAMED = 3
#: Lines that tell a person nothing.
_UNSAID = {"audit sealed", "operation", "ready", "worker started", "worker stopped"}
#: Values that only help to search.
_HIDDEN = {"event", "level", "job_id", "request_id", "trace_id", "exception"}
_SLOW = "slow statement"
_ID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[31m"}
#: Request ids of the demo shop's load begin so; its jobs run for a while after it.
_DEMO = "seed-"


class TerminalLines:
    """The last processor of structlog on a terminal.

    The successes of the ``scheduled`` jobs and of those that the demo shop queued are not shown.
    """

    def __init__(self, scheduled: Collection[str] = ()) -> None:
        self._scheduled = frozenset(scheduled)

    def __call__(self, _logger: Any, _method: str, values: Mapping[str, Any]) -> str:
        """The line; raises `structlog.DropEvent` where there is none."""
        event, level = values["event"], values["level"]
        if (level == "info" or event == _SLOW) and self._is_unsaid(values):
            raise structlog.DropEvent
        if event == "request":
            text = self._request(values)
        elif event == "job" and level == "info":
            text = f"job {values['job']} {_milliseconds(values)}"
        elif event == _SLOW:
            text = _cut(f"{_SLOW} {_milliseconds(values)} {' '.join(values['sql'].split())}")
        else:
            text = _other(values)
        line = f"{datetime.now():%H:%M:%S} {_short(text)}"
        if level in _COLOURS:
            line = f"{_COLOURS[level]}{line}\x1b[0m"
        # It shows no local variables: they hold passwords and tokens.
        return "\n".join((line, values["exception"])) if values.get("exception") else line

    def _is_unsaid(self, values: Mapping[str, Any]) -> bool:
        if values["event"] == _SLOW:  # what runs by itself may be slow: nobody waits for it
            nobodys = "request_id" not in values and "request_ids" not in values
            return nobodys or values.get("job") in self._scheduled
        if values["event"] == "job":
            demo = str(values.get("request_id", "")).startswith(_DEMO)
            return demo or values.get("job") in self._scheduled
        if values["event"] == "request":  # probes come every few seconds
            return values["path"].startswith("/health") and values["status"] < 400
        return values["event"] in _UNSAID

    def _request(self, values: Mapping[str, Any]) -> str:
        called = values["operation"].split(", ") if "operation" in values else []
        said = called[:_MOST_NAMED]
        if len(called) > _MOST_NAMED:
            said.append(f"{len(called) - _MOST_NAMED} more")
        end = f" {values['status']} {_milliseconds(values)} {', '.join(said)}"
        if "code" in values:
            end = f"{end.rstrip()} {values['code']}"
        start = f"{values['method']} {_short(values['path'])}"
        return _cut(start, len(end)) + end.rstrip()


def _other(values: Mapping[str, Any]) -> str:
    details = [f"{name}={value}" for name, value in values.items() if name not in _HIDDEN]
    return " ".join((str(values["event"]), *details))


def _cut(text: str, after: int = 0) -> str:
    """The text, as far as the terminal has room for it and for so many characters ``after`` it."""
    room = shutil.get_terminal_size().columns - len("00:00:00 ") - after
    return text if len(text) <= room else f"{text[: max(room, 20) - 1]}…"


def _milliseconds(values: Mapping[str, Any]) -> str:
    return f"{values['seconds'] * 1000:.0f} ms"


def _short(text: str) -> str:
    """A text with the beginnings of its ids."""
    return _ID.sub(r"\1…", text)
