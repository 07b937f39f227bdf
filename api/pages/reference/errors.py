"""The errors, as JSON and as pages."""

import re
from collections.abc import Iterable
from functools import cached_property
from html import escape
from itertools import groupby
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.http.paths import route_not_found
from api.http.responses import Reply
from api.pages.catalogue import as_json, error_data
from api.pages.reference.markup import block, inline, json_code, method
from api.pages.serving import HTML, negotiated
from api.pages.shell import column, page
from api.rest.routes import ADDRESSES
from api.rest.versions import DIALECTS
from schema.executing.execute import refused
from schema.schema import FIELDS
from services.errors.base import CATALOGUE, TandemError
from services.operation.context import Request as CallerRequest
from services.process import Process

#: The request that examples are about, and the thing in its address.
_EXAMPLE_ID = "019e5a3c-7d10-7000-8000-000000000001"
_EXAMPLE_THING = "019e5a3c-7d10-7000-8000-000000000002"
#: The addresses of errors that the store of files answers with, and no operation.
_OF_THE_STORE = {"UPLOAD_MISMATCH": "/files/uploads/{id}"}
_STYLES = ("/assets/side.css", "/assets/reference.css")

#: Meanings of the statuses, for the headings of the list.
_STATUSES = {
    400: "The request is wrong",
    401: "Nobody is signed in",
    402: "There is not enough money",
    403: "The caller may not",
    404: "There is no such thing",
    405: "The address does not take this method",
    406: "The answer cannot be of that kind",
    408: "The request took too long to arrive",
    409: "Another call was first",
    410: "It is gone",
    412: "It has changed",
    413: "The request is too large",
    415: "The request is of the wrong kind",
    422: "The shop cannot do this now",
    428: "A condition is missing",
    429: "There were too many calls",
    431: "The headers are too large",
    500: "Tandem failed",
    503: "Try again soon",
    504: "It took too long",
}


class Errors:
    """The catalogue of errors, made by the first request that asks for it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def all(self, request: Request) -> Response:
        """Every error."""
        return negotiated(request, *self._list)

    async def one(self, request: Request) -> Response:
        """The error that the path names."""
        error = self._by_code.get(request.path_params["code"])
        if error is None:
            raise route_not_found(request.scope)
        body = _one(error, self._examples(error))
        return negotiated(request, as_json(error), _page(error["code"], body))

    @cached_property
    def _by_code(self) -> dict[str, dict[str, Any]]:
        url = self._process.settings.public_url
        return {code: error_data(error, url) for code, error in sorted(CATALOGUE.items())}

    @cached_property
    def _list(self) -> tuple[bytes, bytes]:
        found = list(self._by_code.values())
        lead = "The codes are the same on both faces, and each says what to do."
        return as_json({"errors": found}), _page("Errors", column("Errors", lead, _listed(found)))

    def _examples(self, error: dict[str, Any]) -> tuple[Any, Any]:
        """The error as REST and as GraphQL write it."""
        raised = CATALOGUE[error["code"]]()
        _, address = ADDRESSES[(error["operations"] or ["orders.pay"])[0]]
        address = _OF_THE_STORE.get(error["code"], f"/api/v2{address}")
        path = re.sub(r"\{\w+\}", _EXAMPLE_THING, address)
        url = self._process.settings.public_url
        rest = DIALECTS["v2"].error(raised, _EXAMPLE_ID, path, url)
        request = CallerRequest(self._process, _EXAMPLE_ID, "page")
        return msgspec.json.decode(rest.body), refused(request, raised).body


def error_page(error: TandemError, request_id: str) -> Reply:
    """An error as a page, for a browser at an address that is no face's."""
    body = (
        f"<p>{inline(error.hint)}</p>\n"
        '<p class="row"><a class="button primary" href="/">Explorer</a>'
        '<a class="button" href="/docs">Reference</a>'
        '<a class="button" href="/graphql">GraphiQL</a></p>\n'
        f'<p class="small muted">{error_link(error.code)}, status {error.status}, request'
        f" <code>{escape(request_id)}</code></p>"
    )
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    title = error.title.rstrip(".")
    whole = page(title, column(title, error.detail, body))
    return Reply(error.status, headers, whole, HTML)


def error_link(code: str) -> str:
    """A link to an error's page."""
    return f'<a href="/errors/{escape(code)}"><code>{escape(code)}</code></a>'


def _page(title: str, body: str) -> bytes:
    return page(title, body, styles=_STYLES, current="/errors")


def _listed(errors: Iterable[dict[str, Any]]) -> str:
    """All errors by their status."""
    in_turn = sorted(errors, key=lambda error: (error["status"], error["code"]))
    return "\n".join(
        f'<section><h2 id="{status}">{status} <span class="muted">{_STATUSES.get(status, "")}'
        f'</span></h2><dl class="entries">{"".join(map(_line, found))}</dl></section>'
        for status, found in groupby(in_turn, key=lambda error: error["status"])
    )


def _line(error: dict[str, Any]) -> str:
    return (
        f"<div><dt>{error_link(error['code'])}</dt>"
        f"<dd><p>{inline(error['title'])}</p>"
        f'<p class="muted">{inline(error["hint"])}</p></dd></div>'
    )


def _one(error: dict[str, Any], examples: tuple[Any, Any]) -> str:
    rest, graphql = examples
    return f"""\
<div class="page">
<p class="crumbs"><a href="/errors">Errors</a> / {error["status"]}</p>
<div class="title"><h1>{escape(error["code"])}</h1>
<span class="chip">HTTP status {error["status"]}</span></div>
<p class="lead">{inline(error["title"])}</p>
<h2 id="remedy">What to do</h2>
<p>{inline(error["hint"])}</p>
{_faces(rest, graphql) if error["code"] not in _OF_THE_STORE else _store(rest)}
<h2 id="operations">Operations</h2>
{_raisers(error["operations"])}
</div>"""


def _faces(rest: Any, graphql: Any) -> str:
    return f"""\
<h2 id="faces">On both faces</h2>
<div class="faces">
<section aria-label="REST"><h3>REST</h3>{block("Answer", "REST", json_code(rest))}</section>
<section aria-label="GraphQL"><h3>GraphQL</h3>
{block("Answer", "GraphQL", json_code(graphql))}</section>
</div>"""


def _store(answer: Any) -> str:
    return f"""\
<h2 id="faces">Where files are sent</h2>
{block("Answer", "The store of files", json_code(answer))}"""


def _raisers(operations: list[str] | None) -> str:
    if operations is None:
        return "<p>Any operation may answer with it.</p>"
    if not operations:
        return "<p>No operation answers with it: it is about the request itself.</p>"
    lines = "\n".join(map(_operation_line, operations))
    return f'<ul class="list raisers">\n{lines}\n</ul>'


def _operation_line(name: str) -> str:
    """An operation with its address on both faces."""
    verb, path = ADDRESSES[name]
    return (
        f'<li><a href="/docs/{escape(name)}"><code>{escape(name)}</code></a>'
        f'<span class="where">{method(verb)}<code>{escape(path)}</code>'
        f"<code>{escape(FIELDS[name])}</code></span></li>"
    )
