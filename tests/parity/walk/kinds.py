"""A kind of difference between the faces that the walk knows."""

from collections.abc import Callable
from typing import NamedTuple

from tests.parity.walk.rounds import Difference, Round


class Known(NamedTuple):
    """A kind of difference, the reason for it, and how it is told from others."""

    kind: str
    reason: str
    fits: Callable[[Round, Difference], bool]
