"""Row files: the part of a declaration that tells the rows of an operation's file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from persistence.database.listing import Listing
from persistence.database.views import View


@dataclass(frozen=True)
class RowFile:
    """A file with a row for each thing of a list, the oldest first.

    ``filters`` and ``values`` make the list's filters, and the further values that these need, of
    the operation's input. Things must keep their place in the order ``createdAt``: the file is read
    in pieces, each of which begins where the one before it ended.
    """

    name: str
    #: Where REST has it, within a version.
    path: str
    view: View[Any]
    listing: Listing[Any]
    filters: Callable[[Any], Mapping[str, Any]]
    values: Callable[[Any], Mapping[str, Any]] = lambda _: {}
