"""The composition root of a server process: settings, services, routes and the edge."""

import gc
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI
from msgspec.json import encode
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Lifespan

from api.fast.dispatch import DispatchTable, Target, dispatch_directly
from api.graphql import GraphQLRoute
from api.http.edge import Edge, ErrorWriter
from api.http.files import file_routes
from api.http.health import health_routes
from api.http.metrics import metrics_routes
from api.http.paths import Paths, method_not_allowed, route_not_found
from api.http.provider import provider_routes
from api.http.responses import Reply, is_face
from api.pages.reference.errors import error_page
from api.pages.routes import key_routes, limited, page_routes
from api.pages.serving import wants_page
from api.rest.aliases import health_alias
from api.rest.routes import MOUNTS, mounted
from api.rest.versions import LEGACY, dialect_of
from api.streams.sockets import Sockets
from persistence.database.failures import DatabaseError, Unavailable
from schema.executing.documents import Documents
from schema.executing.executable import Executable
from schema.executing.execute import refused
from schema.executing.limits import Limits
from schema.fast.compiled import CompiledExecutable
from services import logs
from services.errors.base import TandemError
from services.errors.common import MalformedRequest
from services.fast.log_lines import LogLines
from services.health import Health
from services.operation.context import Request as CallerRequest
from services.process import Process, new_process
from services.settings.settings import Settings

log = structlog.get_logger("tandem.app")


def create_app(process: Process | None = None) -> Edge:
    """The whole application; without a process it makes one from the environment's settings."""
    if process is None:
        settings = Settings()
        lines = LogLines(sys.stdout.buffer) if settings.fast_paths else None
        logs.configure(
            level=settings.least_level,
            service="tandem-server",
            environment=settings.environment,
            writer=lines,
        )
        process = new_process(settings)
    settings = process.settings
    documents = Documents(
        Limits.of(settings),
        explorable=settings.explorable,
        executable_type=CompiledExecutable if settings.fast_paths else Executable,
    )
    health = Health(process)
    others = [
        *(limited(route) for route in (*page_routes(process), *metrics_routes(process))),
        *key_routes(process),
        *health_routes(health),
        health_alias(health, LEGACY),
        *provider_routes(process),
        *file_routes(process),
    ]
    graphql = GraphQLRoute(documents)
    paths = Paths(
        [
            *((path, {route.method}) for path, route in mounted()),
            *((route.path, route.methods or ()) for route in (graphql, *others)),
        ]
    )
    app = FastAPI(
        title="Tandem",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        routes=[paths, graphql, *others],
        lifespan=_lifespan(process, health),
        exception_handlers={HTTPException: _refuse, Exception: _leave},
    )
    for prefix, router in MOUNTS.items():
        app.include_router(router, prefix=prefix)
    app.state.paths = paths
    inner = app
    if settings.fast_paths:
        inner = dispatch_directly(_table(graphql, others), app)
    write_error = _error_writer(process, paths)
    sockets = Sockets(process, documents, write_error)
    return Edge(inner, process, health, write_error, sockets)


def _lifespan(process: Process, health: Health) -> Lifespan[FastAPI]:
    """Opens the process before the first request, and closes it after the last."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await process.open()
        except DatabaseError as error:
            # Requests open the pool themselves once it comes; readiness reports it as missing. The
            # pool tells that it is away.
            if type(error) is not Unavailable:
                log.warning("database not usable at start", error=type(error).__name__)
        if process.settings.fast_paths:
            calm_collector()
        yield
        health.draining = True
        await process.close()

    return lifespan


def _table(graphql: GraphQLRoute, others: Iterable[Route]) -> DispatchTable:
    """The table that answers both faces' routes itself, and leaves the others to FastAPI."""
    return DispatchTable(
        [
            *(
                Target(path, {route.method}, partial(route.answer, projected=True))
                for path, route in mounted()
            ),
            Target(graphql.path, graphql.methods or (), graphql.answer),
            *(Target(route.path, route.methods or ()) for route in others),
        ]
    )


def _error_writer(process: Process, paths: Paths) -> ErrorWriter:
    """Writes an error that no route answered with, in the shape of its address."""
    public_url = process.settings.public_url

    def write_error(path: str, error: TandemError, request_id: str, accept: str) -> Reply:
        if not is_face(path) and wants_page(accept):
            reply = error_page(error, request_id)
        elif path == "/graphql":
            body = refused(CallerRequest(process, request_id, "graphql"), error).body
            reply = Reply(error.status, {}, encode(body))
            if error.retry_after is not None:
                reply.headers["Retry-After"] = str(error.retry_after)
        else:
            reply = dialect_of(path).error(error, request_id, path, public_url)
            if not is_face(path):
                reply.headers["Vary"] = "Accept"
        if error.status == 405:
            reply.headers["Allow"] = paths.allow(path)
        if error.status == 415:
            reply.headers["Accept-Encoding"] = "identity"
        return reply

    return write_error


async def _refuse(request: Request, error: Exception) -> Any:
    """Replaces FastAPI's own refusals by ours, which the edge writes."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405 and request.method == "OPTIONS":
        paths: Paths = request.app.state.paths
        return Reply(204, {"Allow": paths.allow(request.scope["path"])})
    if error.status_code == 404:
        raise route_not_found(request.scope)
    if error.status_code == 405:
        raise method_not_allowed(request.scope)
    raise MalformedRequest


def calm_collector() -> None:
    """Make the collector of cycles skip what lives as long as the process.

    A collection that visits the schemas and models takes 100 ms, in which no request is answered.
    Requests leave hardly any cycles behind.
    """
    gc.collect()
    gc.freeze()
    # Syntax trees are cycles: the trees of callers' documents must not pile up.
    gc.set_threshold(20_000, 20, 10)


async def _leave(_: Request, error: Exception) -> Response:
    """Leave an error that nobody caught to the edge; Starlette would write its own answer."""
    raise error
