"""The composition root: everything of one server process, wired from the top to the bottom."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from msgspec.json import encode
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from api.fast.dispatch import RouteTable
from api.graphql import GraphQLRoute
from api.http.edge import Edge
from api.http.health import health_routes
from api.http.metrics import metrics_routes
from api.http.pages import page_routes
from api.http.provider import provider_routes
from api.http.responses import Reply
from api.rest.dialects import dialect_of
from api.rest.operation_route import rest_routes
from persistence.database.failures import DatabaseError
from schema.executing.documents import Documents
from schema.executing.executable import Executable
from schema.executing.execute import refused
from schema.executing.limits import Limits
from schema.fast.executable import CompiledExecutable
from services import logs
from services.errors.common import MalformedRequest, MethodNotAllowed, RouteNotFound, TandemError
from services.health import Health
from services.operation.context import Process, new_process
from services.operation.context import Request as CallerRequest
from services.settings import Settings

log = structlog.get_logger("tandem.app")


def create_app(process: Process | None = None) -> ASGIApp:
    """The whole application; without a process it makes one from the environment's settings."""
    if process is None:
        settings = Settings()
        logs.configure(debug=settings.debug, fast=settings.fast_paths)
        process = new_process(settings)
    settings = process.settings
    documents = Documents(
        Limits.of(settings),
        explorable=settings.explorable,
        kind=CompiledExecutable if settings.fast_paths else Executable,
    )
    health = Health(process)
    table = RouteTable(
        [
            *rest_routes(process),
            GraphQLRoute(process, documents),
            *page_routes(process),
            *health_routes(health),
            *provider_routes(process),
            *metrics_routes(process),
        ]
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await process.open()
        except DatabaseError as error:
            # It may come later: requests open the pool themselves, readiness says what is missing.
            log.warning("database not usable at start", error=type(error).__name__)
        if process.settings.fast_paths:
            calm_collector()
        yield
        health.draining = True
        await process.close()

    def write_error(path: str, error: TandemError, request_id: str) -> Reply:
        if path == "/graphql":
            reply = refused(CallerRequest(process, request_id, "graphql"), error)
            return Reply(error.status, {}, encode(reply.body))
        public_url = process.settings.public_url
        return dialect_of(path).error(error, request_id, path, public_url)

    async def refuse(request: Request, error: Exception) -> Any:
        """What the framework refuses by itself, in our words."""
        assert isinstance(error, HTTPException)
        if error.status_code != 405:
            raise RouteNotFound if error.status_code == 404 else MalformedRequest
        path = request.scope["path"]
        allow = {"Allow": ", ".join(table.methods(path))}
        if request.method == "OPTIONS":
            return Reply(204, allow)
        response = write_error(path, MethodNotAllowed(), request.state.request_id)
        response.headers.update(allow)
        return response

    app = FastAPI(
        title="Tandem",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        routes=[table],
        lifespan=lifespan,
        exception_handlers={HTTPException: refuse, Exception: _leave},
    )
    inner = table.dispatch_directly(app) if process.settings.fast_paths else app
    return Edge(inner, process, write_error)


def calm_collector() -> None:
    """Let the collector of cycles leave alone what lives as long as the process.

    Going through the schemas and models takes 100 ms, in which nobody is answered, and comes again
    and again; what requests leave behind holds hardly any cycles.
    """
    gc.collect()
    gc.freeze()
    # Syntax trees are cycles: what strangers' documents leave is not to wait for much longer.
    gc.set_threshold(20_000, 20, 10)


async def _leave(_: Request, error: Exception) -> Response:
    """The edge answers for what nobody caught; Starlette would write an answer of its own."""
    raise error
