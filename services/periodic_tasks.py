"""Periodic tasks: small steps that a process repeats in the background until it closes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from persistence.database.failures import Unavailable

log = structlog.get_logger("tandem.watch")

Step = Callable[[], Awaitable[object]]


class PeriodicTasks:
    """Runs steps at intervals; a step that fails is logged and runs again after its interval."""

    def __init__(self) -> None:
        self._steps: list[tuple[Step, float]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def every(self, seconds: float, step: Step) -> None:
        """Run ``step`` at this interval, from `start` on."""
        self._steps.append((step, seconds))

    def start(self) -> None:
        """Start every step; needs a running loop."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(_forever(*step)) for step in self._steps]

    async def stop(self) -> None:
        """Stop every step, even in the middle of it."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def _tell(step: Step, error: Exception) -> None:
    log.warning("watch failed", step=step.__qualname__, error=repr(error))


async def _forever(step: Step, seconds: float) -> None:
    healthy = True
    while True:
        try:
            await step()
            healthy = True
        except Unavailable as error:
            # Its pool tells once that PostgreSQL is away. What else is wrong is told here.
            if healthy and type(error) is not Unavailable:
                _tell(step, error)
            healthy = False
        except Exception as error:
            # Told once, not four times a second.
            if healthy:
                _tell(step, error)
            healthy = False
        await asyncio.sleep(seconds)
