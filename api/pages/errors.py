"""The errors, as JSON and as pages."""

from collections.abc import Iterable
from functools import cached_property
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.http.paths import route_not_found
from api.http.responses import Reply
from api.pages.catalogue import as_json, error_data
from api.pages.home import LINKS
from api.pages.serving import HTML, negotiated
from api.pages.shell import column, page, table
from api.rest.routes import ADDRESSES
from schema.schema import FIELDS
from services.errors.base import CATALOGUE, TandemError


class Errors:
    """The catalogue of errors, made by the first request that asks for it."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    async def all(self, request: Request) -> Response:
        """Every error."""
        return negotiated(request, *self._list)

    async def one(self, request: Request) -> Response:
        """The error that the path names."""
        error = self._by_code.get(request.path_params["code"])
        if error is None:
            raise route_not_found(request.scope)
        return negotiated(request, as_json(error), _page(error["code"], _body(error)))

    @cached_property
    def _by_code(self) -> dict[str, dict[str, Any]]:
        return {
            code: error_data(error, self._public_url) for code, error in sorted(CATALOGUE.items())
        }

    @cached_property
    def _list(self) -> tuple[bytes, bytes]:
        found = list(self._by_code.values())
        return as_json({"errors": found}), _page("Errors", _table_of(found))


def error_page(error: TandemError, request_id: str) -> Reply:
    """An error as a page, for a browser at an address that is no face's."""
    body = (
        f"<p>{escape(error.detail)}</p>\n"
        f"<p>{error_link(error.code)} · request <code>{escape(request_id)}</code></p>\n{LINKS}"
    )
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    return Reply(error.status, headers, _page(error.title.rstrip("."), body), HTML)


def _page(title: str, body: str) -> bytes:
    return page(title, column(title, "", body), current="/errors")


def _body(error: dict[str, Any]) -> str:
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


def _table_of(errors: Iterable[dict[str, Any]]) -> str:
    rows = [
        (error_link(error["code"]), str(error["status"]), escape(error["title"]))
        for error in errors
    ]
    return table(("Code", "Status", "Meaning"), rows, "Errors")


def error_link(code: str) -> str:
    """A link to an error's page."""
    return f'<a href="/errors/{escape(code)}"><code>{escape(code)}</code></a>'
