"""Metrics for Prometheus, which `api/http/metrics.py` serves.

Each process counts its own calls. The processes of one `tandem serve` share a folder, so that any
of them can answer for all. The depth of the queue is read from the database.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from os import getpid

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.core import GaugeMetricFamily, Metric

from persistence.jobs.statements import Depth

if values.ValueClass is not values.MutexValue:
    # Several processes share a folder, each with files of its own. The library asks for the process
    # id at every count, four times a call, which costs 1 µs. Our processes never fork.
    values.ValueClass = values.MultiProcessValue(cache(getpid))

REGISTRY = CollectorRegistry()
#: Seconds, from a read by id to a write that waits for locks; most waits end after 5 s.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_OPERATIONS = Counter(
    "tandem_operations",
    "Calls of operations, by how they ended: OK or an error's code.",
    ["operation", "face", "outcome"],
    registry=REGISTRY,
)
_OPERATION_SECONDS = Histogram(
    "tandem_operation_seconds",
    "How long calls of operations took.",
    ["operation", "face"],
    registry=REGISTRY,
    buckets=_BUCKETS,
)
_ATTEMPTS = Counter(
    "tandem_job_attempts",
    "Attempts of jobs, by how they ended: OK, RETRY (goes on later) or DEAD (is given up).",
    ["job", "outcome"],
    registry=REGISTRY,
)
_ATTEMPT_SECONDS = Histogram(
    "tandem_job_seconds",
    "How long attempts of jobs took.",
    ["job"],
    registry=REGISTRY,
    buckets=(*_BUCKETS, 30, 60),
)


_EVENTS = Counter("tandem_events", "Events that got their position in the log.", registry=REGISTRY)
_EVENT_LAG = Histogram(
    "tandem_event_lag_seconds",
    "How long the oldest event of a run of the sequencer had waited for its position.",
    registry=REGISTRY,
    buckets=_BUCKETS,
)
_STREAMS = Gauge(
    "tandem_streams",
    "Event streams that are open.",
    ["face"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
_STREAM_ENDS = Counter(
    "tandem_stream_ends",
    "Event streams that ended: LEFT when the client did, else the error's code. STREAM_TOO_SLOW"
    " dropped a client.",
    ["face", "reason"],
    registry=REGISTRY,
)
_STREAM_EVENTS = Counter(
    "tandem_stream_events", "Events given to event streams.", ["face"], registry=REGISTRY
)
_STREAM_LAG = Histogram(
    "tandem_stream_lag_seconds",
    "From an operation's call to the moment when its event was given to streams.",
    registry=REGISTRY,
    buckets=_BUCKETS,
)
_TURNED_AWAY = Counter(
    "tandem_requests_turned_away",
    "Requests that were refused at once, as too many were in progress.",
    registry=REGISTRY,
)


def count_turned_away(number: int) -> None:
    """Count requests that were refused because of too many others."""
    _TURNED_AWAY.inc(number)


def count_events(number: int, lag: float) -> None:
    """Count events of one run of the sequencer; ``lag`` is the wait of the oldest, in seconds."""
    _EVENTS.inc(number)
    _EVENT_LAG.observe(max(0.0, lag))


def count_stream(face: str, more: int) -> None:
    """Count one open event stream more, or one less."""
    _streams(face).inc(more)


def count_stream_end(face: str, reason: str) -> None:
    """Count an event stream that ended."""
    _STREAM_ENDS.labels(face, reason).inc()


def count_stream_event(face: str) -> None:
    """Count an event that was given to a stream."""
    _stream_events(face).inc()


def observe_stream_lag(seconds: float) -> None:
    """Note how long after its call an event was given to streams."""
    _STREAM_LAG.observe(max(0.0, seconds))


def count_operation(name: str, face: str, outcome: str, seconds: float) -> None:
    """Count a call of an operation that has ended."""
    _calls(name, face, outcome).inc()
    _call_seconds(name, face).observe(seconds)


# Finding the child of a metric by its labels takes 1.5 µs each time. There are only as many as
# operations, faces and error codes.
_calls = cache(_OPERATIONS.labels)
_call_seconds = cache(_OPERATION_SECONDS.labels)
_streams = cache(_STREAMS.labels)
_stream_events = cache(_STREAM_EVENTS.labels)


def count_attempt(job: str, outcome: str, seconds: float) -> None:
    """Count an attempt of a job that has ended."""
    _ATTEMPTS.labels(job, outcome).inc()
    _ATTEMPT_SECONDS.labels(job).observe(seconds)


class Queue:
    """The depth of the queue, for one answer of /metrics."""

    def __init__(self, depths: Iterable[Depth]) -> None:
        self._depths = list(depths)

    def collect(self) -> Iterator[Metric]:
        """The gauges of the queue."""
        jobs = GaugeMetricFamily("tandem_jobs", "Jobs in the queue.", labels=["job", "status"])
        oldest = GaugeMetricFamily(
            "tandem_job_overdue_seconds",
            "For how long the job that has waited longest is due.",
            labels=["job"],
        )
        for depth in self._depths:
            jobs.add_metric([depth.name, depth.status], depth.count)
            if depth.overdue is not None:
                oldest.add_metric([depth.name], depth.overdue)
        yield jobs
        yield oldest
