"""Periodic tasks: small steps that a process repeats in the background until it closes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger("tandem.watch")

Step = Callable[[], Awaitable[None]]


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


async def _forever(step: Step, seconds: float) -> None:
    healthy = True
    while True:
        try:
            await step()
            healthy = True
        except Exception as error:
            # Logged once, not four times a second while a server is away.
            if healthy:
                log.warning("watch failed", step=step.__qualname__, error=repr(error))
            healthy = False
        await asyncio.sleep(seconds)
