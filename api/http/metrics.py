"""``/metrics``: the counters and the state of the job queue, in Prometheus' text format."""

import os

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from persistence.database.failures import DatabaseError, Unavailable
from services.jobs.managing import depths
from services.metrics import REGISTRY, Queue
from services.process import Process

log = structlog.get_logger("tandem.metrics")


def metrics_routes(process: Process) -> list[Route]:
    """The route, or none where the settings turn it off."""

    async def serve(_: Request) -> Response:
        body = generate_latest(_counted())
        try:
            queue = Queue(await depths(process))
        except DatabaseError as error:
            # Operators need the counters most while the database is away, which its pool tells.
            if not isinstance(error, Unavailable):
                log.warning("queue not measured", error=type(error).__name__)
        else:
            found = CollectorRegistry()
            found.register(queue)
            body += generate_latest(found)
        return Response(
            body, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
        )

    return [Route("/metrics", serve)] if process.settings.measured else []


def _counted() -> CollectorRegistry:
    """The counters of all processes that share a folder, else those of this process."""
    shared = CollectorRegistry()
    try:
        _LivingProcesses(shared)
    except ValueError:
        return REGISTRY
    return shared


class _LivingProcesses(MultiProcessCollector):
    """Leaves out the gauges of processes that have ended, however they ended."""

    def collect(self) -> list[Metric]:
        """What all processes counted, and the state of those that live."""
        found: list[Metric] = list(super().collect())
        for metric in found:
            metric.samples = [one for one in metric.samples if _lives(one.labels.get("pid"))]
        return found


def _lives(pid: str | None) -> bool:
    if pid is None:
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is somebody else's
        pass
    return True
