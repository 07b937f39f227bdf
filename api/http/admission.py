"""Admission: a server that has more requests than it can answer in time refuses the rest at once.

A refusal is made in 15 µs, where a cached read takes 150 and a GraphQL list 700. So a server under
three times its load goes on answering as many as it can. By Little's law, a request waits for as
long as the requests in progress take, at the rate at which they are answered.
"""

import time

import structlog

from services.errors.common import Unavailable
from services.metrics import count_turned_away

log = structlog.get_logger("tandem.admission")

#: The longest that an admitted request should wait for the others, in seconds.
_WAIT_SECONDS = 0.5
#: So many requests are always admitted: a burst on an idle server is no overload.
_LEAST = 250
#: The rate that a process is thought to reach until it was measured, in requests a second.
_FIRST_RATE = 1_000.0
#: With fewer requests in progress the rate tells how much is asked, not how much can be answered.
_BUSY = 20
#: How much of the rate a measurement replaces.
_SHARE = 0.3


def overloaded() -> Unavailable:
    """The error of a request that is refused because of too many others."""
    return Unavailable("Too many requests are in progress. Send this one again in a moment.")


class Admission:
    """The bound on a process's requests in progress, from the rate at which it answers them."""

    def __init__(self) -> None:
        self._rate = _FIRST_RATE
        self._answered = 0
        self._measured_at = time.monotonic()
        self.bound = self._bound()
        #: Requests that wait for their client: for its body, or until it reads. They cost nothing,
        #: and clients that are slow must not shut others out.
        self.waiting = 0
        #: Requests refused since the last report.
        self.refused = 0

    def full(self, unanswered: int) -> bool:
        """Are as many requests in progress as are answered in time? ``unanswered`` counts all."""
        return unanswered - self.waiting >= self.bound

    def measure(self, unanswered: int, answered: int) -> None:
        """Note how many requests have no answer yet, and how many were answered since the start."""
        in_progress = unanswered - self.waiting
        now = time.monotonic()
        seconds = now - self._measured_at
        if in_progress >= _BUSY and seconds > 0:
            rate = (answered - self._answered) / seconds
            self._rate += _SHARE * (rate - self._rate)
            self.bound = self._bound()
        self._measured_at, self._answered = now, answered

    def report(self) -> None:
        """Log how many requests were refused since the last report."""
        if self.refused:
            log.warning("requests refused under load", refused=self.refused, bound=self.bound)
            count_turned_away(self.refused)
            self.refused = 0

    def _bound(self) -> int:
        return max(_LEAST, int(self._rate * _WAIT_SECONDS))
