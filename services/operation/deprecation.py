"""Deprecation: said once, shown in SDL, OpenAPI and headers."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime


@dataclass(frozen=True)
class Deprecation:
    """Since when something is deprecated, until when it works, and what to use instead."""

    since: date
    sunset: date
    instead: str

    @property
    def reason(self) -> str:
        """A sentence for SDL and OpenAPI."""
        return f"{self.instead} Works until {self.sunset.isoformat()}."

    @property
    def headers(self) -> dict[str, str]:
        """``Deprecation`` (RFC 9745) and ``Sunset`` (RFC 8594)."""
        since = datetime(self.since.year, self.since.month, self.since.day, tzinfo=UTC)
        sunset = datetime(self.sunset.year, self.sunset.month, self.sunset.day, tzinfo=UTC)
        return {
            "Deprecation": f"@{int(since.timestamp())}",
            "Sunset": format_datetime(sunset, usegmt=True),
        }
