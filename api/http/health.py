"""Health routes: for load balancers, monitors and people."""

import tomllib
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.health import Findings, Health

_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
VERSION: str = tomllib.loads(_PROJECT.read_text("utf-8"))["project"]["version"]

FRESH = {"Cache-Control": "no-store"}


def health_routes(health: Health) -> list[Route]:
    """``/health`` for people and monitors; ``/health/live`` and ``/health/ready`` for probes."""

    async def whole(_: Request) -> JSONResponse:
        found = await health.find()
        return JSONResponse(described(health, found), 200 if found.database else 503, FRESH)

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"}, headers=FRESH)

    async def ready(_: Request) -> JSONResponse:
        is_ready = await health.ready()
        return JSONResponse({"status": _word(is_ready)}, 200 if is_ready else 503, FRESH)

    return [
        Route("/health", whole),
        Route("/health/live", live),
        Route("/health/ready", ready),
    ]


def described(health: Health, found: Findings) -> dict[str, Any]:
    """What works, as ``/health`` says it."""
    return {
        "status": found.status,
        "database": _word(found.database),
        "writes": _word(found.writable),
        "migrations": _word(found.migrated),
        "redis": _word(found.redis),
        "uptimeSeconds": health.uptime_seconds,
        "version": VERSION,
    }


def _word(works: bool) -> str:
    return "ok" if works else "error"
