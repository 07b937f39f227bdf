"""Whether Redis is away: after a failure it is left alone for a moment, then one call tries it."""

import time

#: How long Redis is left alone after it failed.
PAUSE_SECONDS = 1


class RedisBreaker:
    """What one user of Redis knows; ``seconds`` is the longest that a call takes to fail."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.away = False
        self.ask_again_at = 0.0

    def skips(self) -> bool:
        """Is Redis to be left alone? When the pause is over, one call finds that it is not; the
        others do not wait for how that ends."""
        if not self.away:
            return False
        if time.monotonic() < self.ask_again_at:
            return True
        self.ask_again_at = time.monotonic() + self._seconds + PAUSE_SECONDS
        return False

    def failed(self) -> bool:
        """A call failed; is that news?"""
        news, self.away = not self.away, True
        self.ask_again_at = time.monotonic() + PAUSE_SECONDS
        return news

    def worked(self) -> bool:
        """A call succeeded; is that news?"""
        news, self.away = self.away, False
        return news
