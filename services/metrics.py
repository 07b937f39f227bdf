"""What is counted while Tandem runs, for Prometheus; `api/http/metrics.py` serves it.

Counted by each process for itself; processes of one `tandem serve` share a folder, so that
whichever of them is asked speaks for all. The queue is not counted but looked at, in the database.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from os import getpid

from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.core import GaugeMetricFamily, Metric

from persistence.jobs.statements import Depth

if values.ValueClass is not values.MutexValue:
    # Several processes share a folder, each with files of its own. The library asks the system
    # for the process's number at every count, four times a call, 1 µs; ours never fork.
    values.ValueClass = values.MultiProcessValue(cache(getpid))

REGISTRY = CollectorRegistry()
#: From a read by id to a write that waits for locks; 5 s is the longest wait for most things.
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


def count_operation(name: str, face: str, outcome: str, seconds: float) -> None:
    """A call of an operation has ended."""
    _calls(name, face, outcome).inc()
    _call_seconds(name, face).observe(seconds)


# Finding the children of a metric by their labels takes 1.5 µs each time. There are not more of
# them than operations, faces and error codes.
_calls = cache(_OPERATIONS.labels)
_call_seconds = cache(_OPERATION_SECONDS.labels)


def count_attempt(job: str, outcome: str, seconds: float) -> None:
    """An attempt of a job has ended."""
    _ATTEMPTS.labels(job, outcome).inc()
    _ATTEMPT_SECONDS.labels(job).observe(seconds)


class Queue:
    """The queue as it was found, for one answer."""

    def __init__(self, depths: Iterable[Depth]) -> None:
        self._depths = list(depths)

    def collect(self) -> Iterator[Metric]:
        """The queue's gauges."""
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
