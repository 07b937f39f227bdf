"""The table of jobs: what a worker does for every name that is queued."""

from services.core.jobs import Handler

HANDLERS: dict[str, Handler] = {}
