"""Metrics of a process itself, sampled while it runs: its pool, its event loop, its memory.

Sampling costs requests nothing. Each process has samples of its own, told apart by their ``pid``
where the processes of one `tandem serve` count together.
"""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram, ProcessCollector

from persistence.database.connections import PoolUse
from services.metrics import REGISTRY

log = structlog.get_logger("tandem.process")

SAMPLE_SECONDS = 1.0
#: Reading what the system knows of the process takes a millisecond with many open files.
_SYSTEM_SECONDS = 15.0
#: A pool that is used so much for so long will soon make callers wait.
_NEARLY_FULL, _NEARLY_FULL_SECONDS = 0.8, 30.0


class _Metrics:
    """The metrics, made by the first sample: a process that samples nothing shows none."""

    def __init__(self) -> None:
        self.lag = Histogram(
            "tandem_event_loop_lag_seconds",
            "How late the event loop ran what was due, which every step of a request waits too.",
            registry=REGISTRY,
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
        )
        self.in_use = _gauge("tandem_pool_in_use", "Database connections that are lent out.")
        self.waiting = _gauge("tandem_pool_waiting", "Callers that wait for a connection.")
        self.open = _gauge("tandem_pool_open", "Open database connections of the pool.")
        self.most = _gauge("tandem_pool_limit", "TANDEM_POOL_MAX.")
        reachable = _gauge(
            "tandem_reachable", "1 while the server answers, 0 while it is away.", "server"
        )
        self.postgresql, self.redis = map(reachable.labels, ("PostgreSQL", "Redis"))
        lookups = Counter(
            "tandem_cache_lookups",
            "Look-ups of cached answers: HIT when Redis had it, else MISS.",
            ["outcome"],
            registry=REGISTRY,
        )
        self.hits, self.misses = map(lookups.labels, ("HIT", "MISS"))
        self.cpu = Counter("process_cpu_seconds", "User and system CPU time.", registry=REGISTRY)
        self.system = {
            name: _gauge(name, text)
            for name, text in (
                ("process_resident_memory_bytes", "Resident memory."),
                ("process_open_fds", "Open files and sockets."),
                ("process_max_fds", "The most files and sockets that may be open."),
                ("process_start_time_seconds", "When the process began, since 1970."),
            )
        }


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY, multiprocess_mode="liveall")


_metrics = cache(_Metrics)


class PoolWatch:
    """Warns once when the pool has been nearly full for half a minute, and tells when it is not."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._told = False

    def look(self, use: PoolUse, now: float) -> None:
        """Take one sample; ``now`` is in seconds of any clock that only goes forward."""
        if use.in_use < _NEARLY_FULL * use.most:
            if self._told:
                log.info("database pool has room again", in_use=use.in_use, most=use.most)
            self._since, self._told = None, False
            return
        if self._since is None:
            self._since = now
        if not self._told and now - self._since >= _NEARLY_FULL_SECONDS:
            self._told = True
            log.warning(
                "database pool is nearly full",
                in_use=use.in_use,
                most=use.most,
                waiting=use.waiting,
                seconds=round(now - self._since),
                then="raise TANDEM_POOL_MAX, or find the slow statements",
            )


class ProcessMetrics:
    """Samples one process; ``process`` has its database, its cache and how far Redis is reached."""

    def __init__(self, process: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._process = process
        self._clock = clock
        self._watch = PoolWatch()
        self._system = ProcessCollector(registry=None)
        self._due: float | None = None
        self._system_due = 0.0
        self._cpu = 0.0
        #: What the metrics show of this process.
        self._shown: dict[Gauge | Counter, float] = {}

    async def sample(self) -> None:
        """Take one sample; called every `SAMPLE_SECONDS`."""
        now, metrics = self._clock(), _metrics()
        if self._due is not None:
            metrics.lag.observe(max(0.0, now - self._due))
        database, cached = self._process.database, self._process.cache
        use = database.use
        self._watch.look(use, now)
        for gauge, value in (
            (metrics.in_use, use.in_use),
            (metrics.waiting, use.waiting),
            (metrics.open, use.open),
            (metrics.most, use.most),
            (metrics.postgresql, not database.reachability.lost),
            (metrics.redis, not self._process.redis_reachability.lost),
        ):
            if self._shown.get(gauge) != value:  # which few samples change
                self._shown[gauge] = value
                gauge.set(value)
        for counter, count in ((metrics.hits, cached.hits), (metrics.misses, cached.misses)):
            if more := count - self._shown.get(counter, 0):
                self._shown[counter] = count
                counter.inc(more)
        if now >= self._system_due:
            self._system_due = now + _SYSTEM_SECONDS
            self._sample_system(metrics)
        self._due = self._clock() + SAMPLE_SECONDS

    def _sample_system(self, metrics: _Metrics) -> None:
        """Take what the system knows of the process; nothing where it does not tell."""
        for metric in self._system.collect():
            for sample in metric.samples:
                if sample.name in metrics.system:
                    metrics.system[sample.name].set(sample.value)
                elif sample.name == "process_cpu_seconds_total":
                    metrics.cpu.inc(max(0.0, sample.value - self._cpu))
                    self._cpu = sample.value
