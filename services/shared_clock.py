"""The time that all processes agree on: a machine's clock, corrected by PostgreSQL's.

Orders, tokens, keys, holds and coupons end at a time, and every process must see that time alike.
The machine's clock is used as it is while it is nearly right, so that the processes of a machine
agree to the microsecond. A clock that is wrong by more than half a second is corrected by the
measured difference.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from persistence.clock import CLOCK
from persistence.database.pool import Database
from persistence.database.transactions import QueryStats

log = structlog.get_logger("tandem.clock")

#: How often a process measures. A clock that is set to another time is wrong for so long.
MEASURE_SECONDS = 1.0
#: A smaller difference is not corrected. No rule of the shop depends on half a second.
_TOLERANCE = timedelta(seconds=0.5)
#: A process whose own clock is further off than this says so.
MOST_OFF = timedelta(seconds=5)


def machine_clock() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


class SharedClock:
    """A clock that says the time of the database, which all processes share."""

    def __init__(self, database: Database, machine: Callable[[], datetime] = machine_clock) -> None:
        self._database = database
        self._machine = machine
        self._correction = timedelta(0)
        #: How far the own clock is ahead of the database's, by the last measurement; None before.
        self.difference: timedelta | None = None
        #: Is the own clock near the database's, as far as is known?
        self.right = True

    def __call__(self) -> datetime:
        """The time now."""
        return self._machine() + self._correction

    async def measure(self) -> None:
        """Compare the own clock with the database's; raises `DatabaseError`."""
        here, began = self._machine(), time.monotonic()
        there = await self._database.reader(QueryStats()).one(CLOCK)
        assert there is not None
        # The database read its clock at some moment of the wait, on average in its middle.
        uncertain = timedelta(seconds=time.monotonic() - began) / 2
        missing = there - here - uncertain
        self.difference = -missing
        if abs(missing - self._correction) > _TOLERANCE + uncertain:
            self._correction = missing if abs(missing) > _TOLERANCE + uncertain else timedelta(0)
        self._tell(abs(missing) - uncertain <= MOST_OFF)

    async def measured(self) -> None:
        """Measure unless that was done; raises `DatabaseError`."""
        if self.difference is None:
            await self.measure()

    def _tell(self, right: bool) -> None:
        """Log once that the own clock is wrong, and once that it is right again."""
        if right != self.right:
            assert self.difference is not None
            say = log.info if right else log.error
            event = "clock is right again" if right else "clock is wrong"
            say(event, ahead=round(self.difference.total_seconds(), 3))
        self.right = right
