"""The circuit breaker of Redis: after a failure, calls skip Redis for a moment; then one tries."""

import time

#: How long calls skip Redis after one failed.
PAUSE_SECONDS = 1


class RedisBreaker:
    """The state of Redis for one part of a process; ``seconds`` is the longest a call may take."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.away = False
        self.ask_again_at = 0.0

    def skips(self) -> bool:
        """Should this call skip Redis?

        After the pause one call tries Redis. The others go on skipping it until that call ends.
        """
        if not self.away:
            return False
        if time.monotonic() < self.ask_again_at:
            return True
        self.ask_again_at = time.monotonic() + self._seconds + PAUSE_SECONDS
        return False

    def failed(self) -> bool:
        """Note that a call failed; True when the one before did not."""
        changed, self.away = not self.away, True
        self.ask_again_at = time.monotonic() + PAUSE_SECONDS
        return changed

    def worked(self) -> bool:
        """Note that a call succeeded; True when the one before did not."""
        changed, self.away = self.away, False
        return changed
