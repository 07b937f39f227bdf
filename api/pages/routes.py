"""The routes of the pages, of the catalogues as JSON, and of the contracts."""

from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.http.requests import new_request
from api.pages.assets import asset_routes
from api.pages.catalogue import as_json, operations_document
from api.pages.explorer import Explorer
from api.pages.ops import ops_page
from api.pages.reference.errors import Errors
from api.pages.reference.operations import Reference
from api.pages.reference.swagger import swagger_page
from api.pages.serving import HTML, JSON, TEXT, document
from schema.schema import sdl
from services.money import currency
from services.process import Process
from services.quota.charging import charge_page
from services.settings.settings import Settings
from services.settings.types import Environment


def limited(route: Route) -> Route:
    """The same route, which charges each call to its address first."""

    async def serve(http: Request) -> Response:
        await charge_page(new_request(http.scope, "page"))
        response: Response = await route.endpoint(http)
        return response

    return Route(route.path, serve, methods=route.methods)


def page_routes(process: Process) -> list[Route]:
    """The pages, their assets, the catalogues and the contracts."""
    settings = process.settings
    demo = settings.environment is Environment.DEVELOPMENT
    errors = Errors(process)
    reference = Reference()
    return [
        Route("/", Explorer(demo=demo).serve),
        document("/ops", lambda: ops_page(demo=demo, measured=settings.measured), HTML),
        document("/docs", lambda: reference.index, HTML),
        document("/docs/rest", swagger_page, HTML),
        Route("/docs/{operation}", reference.one),
        document("/operations", operations_document, JSON),
        document("/openapi-v1.json", lambda: _openapi("v1", process), JSON),
        document("/openapi-v2.json", lambda: _openapi("v2", process), JSON),
        document("/graphql/schema.graphql", lambda: sdl().encode(), TEXT),
        *asset_routes(),
        Route("/errors", errors.all),
        Route("/errors/{code}", errors.one),
    ]


def key_routes(process: Process) -> list[Route]:
    """The public keys, which every verifier of tokens must be able to read."""

    async def jwks(_: Request) -> Response:
        await process.tokens.ready()
        body = as_json(process.tokens.jwks())
        kept = {"Cache-Control": f"public, max-age={process.settings.jwks_seconds}"}
        return Response(body, media_type=JSON, headers=kept)

    return [Route("/.well-known/jwks.json", jwks)]


def _openapi(version: str, process: Process) -> bytes:
    """The committed contract, which `./scripts/check` compares with the code.

    It is written anew only for a currency of other decimals than that of the committed one: this
    takes longer than a process's start.
    """
    code = process.settings.currency
    if currency(code).decimals != currency(Settings.model_fields["currency"].default).decimals:
        from api.rest.openapi.documents import openapi

        return as_json(openapi(version, code))
    committed = Path(__file__).parents[1] / f"openapi-{version}.json"
    return as_json(msgspec.json.decode(committed.read_bytes()))
