"""Pages beside the operations: the catalogues as JSON and as HTML, and the contracts.

A page is plain HTML under the strict content security policy: no script, one stylesheet.
"""

from collections.abc import Callable, Iterable
from functools import cache, cached_property
from hashlib import blake2b
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.http.paths import route_not_found
from api.http.requests import new_request
from api.http.responses import Reply
from api.rest.routes import ADDRESSES
from api.rest.versions import DIALECTS
from schema.schema import FIELDS, sdl
from services.catalogue import OPERATIONS
from services.errors.base import CATALOGUE, TandemError
from services.errors.common import COMMON, KEYED
from services.etags import names_tag
from services.money import currency
from services.operation.declaration import Deprecation
from services.operation.operation import Operation
from services.process import Process
from services.quota.charging import charge_page
from services.settings import Settings

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"
_CSS = "text/css; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
#: A document changes only with a release; caches revalidate it by its tag.
_CACHED = "public, max-age=60"

#: Prefixes of the REST paths in the catalogue.
_BASES = [DIALECTS["v2"].prefix, DIALECTS["v1"].prefix]
_WHO = {
    "PUBLIC": "anybody",
    "USER": "signed in",
    "MODERATOR": "moderators",
    "MANAGER": "managers",
    "ADMIN": "admins",
}

_STYLE = """\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1, h2 { line-height: 1.2; overflow-wrap: anywhere; }
h1 { font-size: clamp(1.25rem, 6vw, 2rem); }
p, li { overflow-wrap: anywhere; }
code { font: 0.9em ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: 0.4rem 0.8rem 0.4rem 0; text-align: left;
  vertical-align: top; }
.wide { overflow-x: auto; }
"""

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/pages.css">
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""

_HOME = """\
<p>An order-management backend whose GraphQL API and REST API are one API with two faces.</p>
<ul>
<li><a href="/graphql">GraphQL</a> at <code>/graphql</code>, its
<a href="/graphql/schema.graphql">schema</a></li>
<li>REST at <code>/api/v2</code> and <code>/api/v1</code>, their OpenAPI documents
<a href="/openapi-v2.json">v2</a> and <a href="/openapi-v1.json">v1</a></li>
<li><a href="/docs">Operations</a> and <a href="/errors">errors</a>, on both faces the same
(<a href="/operations">as JSON</a>)</li>
<li><a href="/health">Health</a></li>
</ul>
"""

_DOCS_NOTE = """\
<p>Every operation has a GraphQL field and a REST route, under <code>/api/v2</code> and
<code>/api/v1</code>. Besides its own errors it may answer with the
<a href="/errors">common ones</a>.</p>
"""


def limited(route: Route) -> Route:
    """The same route, which charges each call to its address first."""

    async def serve(http: Request) -> Response:
        await charge_page(new_request(http.scope, "page"))
        response: Response = await route.endpoint(http)
        return response

    return Route(route.path, serve, methods=route.methods)


def page_routes(process: Process) -> list[Route]:
    """The catalogues and the contracts."""
    errors = _Errors(process.settings.public_url)
    return [
        _document("/", lambda: _page("Tandem", _HOME), _HTML),
        _document("/docs", lambda: _page("Operations", _operation_table(_operations())), _HTML),
        _document("/assets/pages.css", _STYLE.encode, _CSS),
        _document("/operations", _operations_document, _JSON),
        _document("/openapi-v1.json", lambda: _openapi("v1", process), _JSON),
        _document("/openapi-v2.json", lambda: _openapi("v2", process), _JSON),
        _document("/graphql/schema.graphql", lambda: sdl().encode(), _TEXT),
        Route("/errors", errors.all),
        Route("/errors/{code}", errors.one),
    ]


def key_routes(process: Process) -> list[Route]:
    """The public keys, which every verifier of tokens must be able to read."""

    async def jwks(_: Request) -> Response:
        await process.tokens.ready()
        body = _json(process.tokens.jwks())
        kept = {"Cache-Control": f"public, max-age={process.settings.jwks_seconds}"}
        return Response(body, media_type=_JSON, headers=kept)

    return [Route("/.well-known/jwks.json", jwks)]


def _operations() -> list[dict[str, Any]]:
    return [_operation(operation) for operation in OPERATIONS]


def _operations_document() -> bytes:
    return _json({"restBases": _BASES, "operations": _operations()})


def _openapi(version: str, process: Process) -> bytes:
    """The committed contract, which `./scripts/check` compares with the code.

    It is written anew only for a currency of other decimals than that of the committed one: this
    takes longer than a process's start.
    """
    code = process.settings.currency
    if currency(code).decimals != currency(Settings.model_fields["currency"].default).decimals:
        from api.rest.openapi.documents import openapi

        return _json(openapi(version, code))
    committed = Path(__file__).parents[1] / f"openapi-{version}.json"
    return _json(msgspec.json.decode(committed.read_bytes()))


def _document(path: str, make: Callable[[], bytes], media_type: str) -> Route:
    """A route whose answer stays the same while the process runs; the first request makes it."""

    @cache
    def made() -> tuple[bytes, str]:
        body = make()
        return body, _tag(body)

    async def serve(request: Request) -> Response:
        body, tag = made()
        return _answer(request, body, media_type, tag)

    return Route(path, serve)


class _Errors:
    """The catalogue of errors, made by the first request that asks for it."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    async def all(self, request: Request) -> Response:
        """Every error."""
        return _negotiated(request, *self._list)

    async def one(self, request: Request) -> Response:
        """The error that the path names."""
        error = self._by_code.get(request.path_params["code"])
        if error is None:
            raise route_not_found(request.scope)
        return _negotiated(request, _json(error), _page(error["code"], _error_body(error)))

    @cached_property
    def _by_code(self) -> dict[str, dict[str, Any]]:
        return {code: _error(error, self._public_url) for code, error in sorted(CATALOGUE.items())}

    @cached_property
    def _list(self) -> tuple[bytes, bytes]:
        found = list(self._by_code.values())
        return _json({"errors": found}), _page("Errors", _error_table(found))


def wants_page(accept: str) -> bool:
    """Does a browser ask, whose Accept names HTML before JSON?"""
    html, _, _ = accept.lower().partition(_JSON)
    return "text/html" in html


def error_page(error: TandemError, request_id: str) -> Reply:
    """An error as a page, for a browser at an address that is no face's."""
    body = (
        f"<p>{escape(error.detail)}</p>\n"
        f"<p>{_error_link(error.code)} · request <code>{escape(request_id)}</code></p>\n{_HOME}"
    )
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    return Reply(error.status, headers, _page(error.title.rstrip("."), body), _HTML)


def _negotiated(request: Request, as_json: bytes, as_page: bytes) -> Response:
    """JSON, or a page for a browser."""
    as_html = wants_page(request.headers.get("accept", ""))
    body, media_type = (as_page, _HTML) if as_html else (as_json, _JSON)
    response = _answer(request, body, media_type, _tag(body))
    response.headers["Vary"] = "Accept"
    return response


def _answer(request: Request, body: bytes, media_type: str, tag: str) -> Response:
    headers = {"ETag": f'"{tag}"', "Cache-Control": _CACHED}
    known = request.headers.get("if-none-match")
    if known is not None and names_tag(known, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _tag(body: bytes) -> str:
    return blake2b(body, digest_size=8).hexdigest()


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _operation(operation: Operation[Any, Any]) -> dict[str, Any]:
    method, path = ADDRESSES[operation.name]
    return {
        "name": operation.name,
        "summary": operation.summary,
        "who": operation.who.least if operation.who else "PUBLIC",
        "permission": operation.who,
        "permissions": operation.needs,
        "errors": sorted(error.code for error in operation.errors),
        "writes": operation.writes,
        "idempotent": operation.key.value,
        "conditional": operation.conditional,
        "paged": operation.paged,
        "cost": operation.cost,
        "deprecated": _deprecation(operation.deprecated),
        "graphql": FIELDS[operation.name],
        "rest": {"method": method, "path": path},
    }


def _deprecation(deprecated: Deprecation | None) -> dict[str, str] | None:
    if deprecated is None:
        return None
    return {
        "since": deprecated.since.isoformat(),
        "sunset": deprecated.sunset.isoformat(),
        "reason": deprecated.reason,
    }


def _error(error: type[TandemError], public_url: str) -> dict[str, Any]:
    # Most operations may raise these, so a list of operations would say nothing.
    everywhere = error in COMMON or error in KEYED
    raisers = [operation.name for operation in OPERATIONS if error in operation.errors]
    return {
        "code": error.code,
        "status": error.status,
        "title": error.title,
        "hint": error.hint,
        "operations": None if everywhere else raisers,
        "docUrl": f"{public_url}/errors/{error.code}",
    }


def _page(title: str, body: str) -> bytes:
    return _PAGE.format(title=escape(title), body=body).encode()


def _error_body(error: dict[str, Any]) -> str:
    where = "<p>Any operation may answer with it.</p>"
    if error["operations"] is not None:
        lines = "\n".join(f"<li>{_operation_line(name)}</li>" for name in error["operations"])
        where = f"<p>Operations that may answer with it:</p>\n<ul>\n{lines}\n</ul>" if lines else ""
    return (
        f"<p>{escape(error['title'])} (HTTP status {error['status']})</p>\n"
        f"<p>{escape(error['hint'])}</p>\n{where}\n"
        '<p><a href="/errors">All errors</a></p>'
    )


def _operation_line(name: str) -> str:
    """An operation with its address on both faces."""
    method, path = ADDRESSES[name]
    return (
        f'<a href="/docs#{escape(name)}"><code>{escape(name)}</code></a>: '
        f"<code>{escape(FIELDS[name])}</code>, <code>{method} {escape(path)}</code>"
    )


def _error_table(errors: Iterable[dict[str, Any]]) -> str:
    rows = [
        (_error_link(error["code"]), str(error["status"]), escape(error["title"]))
        for error in errors
    ]
    return _table(("Code", "Status", "Meaning"), rows)


def _operation_table(operations: Iterable[dict[str, Any]]) -> str:
    common = {error.code for error in COMMON | KEYED}
    rows = [
        (
            _named(operation["name"]),
            escape(operation["summary"]),
            escape(_WHO[operation["who"]]),
            f"<code>{escape(operation['graphql'])}</code>",
            f"<code>{operation['rest']['method']} {escape(operation['rest']['path'])}</code>",
            operation["idempotent"],
            ", ".join(_error_link(code) for code in operation["errors"] if code not in common),
        )
        for operation in operations
    ]
    heads = ("Operation", "What it does", "Who", "GraphQL", "REST", "Idempotency key", "Errors")
    return f"{_DOCS_NOTE}{_table(heads, rows)}"


def _named(operation: str) -> str:
    return f'<span id="{escape(operation)}"><code>{escape(operation)}</code></span>'


def _error_link(code: str) -> str:
    return f'<a href="/errors/{escape(code)}"><code>{escape(code)}</code></a>'


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """An HTML table; heads and cells are escaped already."""
    head = "".join(f"<th>{name}</th>" for name in heads)
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{lines}\n</table></div>'
