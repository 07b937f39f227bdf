"""Periods of reports: days, weeks and months of a time zone.

A day lasts from one midnight to the next, so it has 23 or 25 hours where clocks change. Time zones
are Python's, so PostgreSQL's own list of them does not matter.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from services.operation.inputs import Line, wrong


class PeriodLength(StrEnum):
    """The length of the periods of a report."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Span(NamedTuple):
    """A period: its first day in the time zone, its start and its end, which is not part of it."""

    first_day: date
    starts_at: datetime
    ends_at: datetime


def periods(start: datetime, end: datetime, length: PeriodLength, zone: ZoneInfo) -> Iterator[Span]:
    """The periods that a time has a part in; the first and the last one are cut to it."""
    day = _first_day(start.astimezone(zone).date(), length)
    while True:
        following = _following(day, length)
        starts_at, ends_at = max(_midnight(day, zone), start), min(_midnight(following, zone), end)
        # A zone that crossed the date line has left out a day.
        if starts_at < ends_at:
            yield Span(day, starts_at, ends_at)
        if ends_at >= end:
            return
        day = following


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day begins: at its first midnight, or where clocks leap over midnight, at the leap."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _first_day(day: date, length: PeriodLength) -> date:
    """The first day of the period that a day lies in; weeks begin on Mondays."""
    if length is PeriodLength.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if length is PeriodLength.MONTH else day


def _following(day: date, length: PeriodLength) -> date:
    if length is PeriodLength.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if length is PeriodLength.WEEK else 1)


#: Names of files beside the list, which mean something else on each machine, or nothing.
_NO_ZONES = {"Factory", "localtime", "posixrules"}


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


def _zone(name: str) -> str:
    if name not in _known_zones():
        raise wrong("INVALID_CHOICE", "Give a time zone of the IANA list, such as Europe/Berlin.")
    return name


#: A time zone by its name in the IANA list, such as Europe/Berlin.
TimeZone = Annotated[
    Line,
    Field(min_length=1, max_length=64, examples=["Europe/Berlin"]),
    AfterValidator(_zone),
]
