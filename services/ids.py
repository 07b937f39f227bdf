"""Ids: UUIDv7 text, the same on both faces and in every row."""

import re
from datetime import UTC, datetime, timedelta

from uuid_utils import uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FORM = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

#: The id of nothing. A malformed id is read as this one, and so it is not found.
NOWHERE = "00000000-0000-0000-0000-000000000000"


def new_id(at: datetime) -> str:
    """A new id that sorts by its time."""
    return str(uuid7(nanoseconds=(at - _EPOCH) // _MICROSECOND * 1000))


def parsed(text: object) -> str | None:
    """The id in its one spelling (lower case, dashed), or None when it is not one."""
    if isinstance(text, str) and _FORM.fullmatch(text):
        return text.lower()
    return None
