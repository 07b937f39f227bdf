"""The cost of a call in units, by the same arithmetic on both faces."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.operation.inputs import PageSize

#: The arguments that give the size of a list, by wire name.
SIZES = ("first", "last", "perPage")
LARGEST_PAGE = 100
_ROWS_OF_A_UNIT = 100
_PAGE_SIZE: TypeAdapter[int] = TypeAdapter(PageSize)


def units(cost: int, rows: int) -> int:
    """The units of operations that cost ``cost`` together and may read ``rows`` rows."""
    return cost + rows // _ROWS_OF_A_UNIT


def page_rows(raw: Mapping[str, Any], default: int) -> int:
    """The most rows that a list may answer; ``default`` when its arguments give no size.

    A size that the operation will refuse counts as the largest page.
    """
    given = [raw[name] for name in SIZES if raw.get(name) is not None]
    return max((_size(value) for value in given), default=default)


def _size(value: Any) -> int:
    try:
        return _PAGE_SIZE.validate_python(value)
    except ValidationError:
        return LARGEST_PAGE
