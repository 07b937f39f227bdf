"""Deadlines of requests, kept by one timer.

`asyncio.timeout` makes and cancels a timer for each request, 4 µs; nearly none ever fires. All
requests have the same time, so they end in the order they began: looking at the oldest ten times
a second takes 1 µs a request. One may run a tenth of a second longer than it is told.
"""

import asyncio
from itertools import takewhile
from types import TracebackType

_LOOK_SECONDS = 0.1


class Deadline:
    """The end of one request; `expired` once it has come and the task was cancelled for it."""

    __slots__ = ("_deadlines", "_task", "at", "expired")

    def __init__(self, deadlines: "Deadlines", at: float, task: "asyncio.Task[object]") -> None:
        self._deadlines = deadlines
        self._task = task
        self.at = at
        self.expired = False

    def lift(self) -> None:
        """Let the request go on for as long as it likes."""
        self._deadlines.end(self)

    def expire(self) -> None:
        """Cancel what goes on still."""
        self.expired = True
        self._task.cancel()

    def __enter__(self) -> "Deadline":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Raises `TimeoutError` in place of the cancellation that this deadline was."""
        self._deadlines.end(self)
        if self.expired and self._task.uncancel() == 0:
            if kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError from error


class Deadlines:
    """The deadlines of one process; those of the requests that go on now, the oldest first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: dict[Deadline, None] = {}
        #: The loop whose timer will look; None while there is nothing to wait for.
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> Deadline:
        """A deadline for the task that runs now; enter it at once."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        deadline = Deadline(self, loop.time() + self._seconds, task)
        self._waiting[deadline] = None
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(_LOOK_SECONDS, self._look)
        return deadline

    def end(self, deadline: Deadline) -> None:
        """Forget a deadline that counts no more."""
        self._waiting.pop(deadline, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = list(takewhile(lambda one: one.at <= now, self._waiting))
        for deadline in late:
            self.end(deadline)
            deadline.expire()
        self._loop = loop if self._waiting else None
        if self._waiting:
            loop.call_later(_LOOK_SECONDS, self._look)
