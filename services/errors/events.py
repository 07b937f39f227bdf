"""Errors of events."""

from services.errors.base import TandemError


class EventsGone(TandemError):
    """The log no longer holds, or never held, what comes after a cursor."""

    code, status = "EVENTS_GONE", 410
    title = "The log no longer has the events after this cursor."
    hint = "Read the things anew, then go on from `details.oldest`, the oldest cursor of the log."


class StreamTooSlow(TandemError):
    """The reader of a stream takes events more slowly than they happen."""

    code, status = "STREAM_TOO_SLOW", 503
    title = "The stream ended, as too many events waited for its reader."
    hint = "Connect again with the last cursor as `after`; nothing is lost. Read faster."
