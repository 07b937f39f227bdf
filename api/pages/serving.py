"""How documents are served: made once, tagged, and in the form that the client accepts."""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.etags import names_tag

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
#: A document changes only with a release; caches revalidate it by its tag.
_CACHED = "public, max-age=60"


def document(path: str, make: Callable[[], bytes], media_type: str) -> Route:
    """A route whose answer stays the same while the process runs; the first request makes it."""

    @cache
    def made() -> tuple[bytes, str]:
        body = make()
        return body, tag_of(body)

    async def serve(request: Request) -> Response:
        body, tag = made()
        return answer(request, body, media_type, tag)

    return Route(path, serve)


def wants_page(accept: str) -> bool:
    """Does a browser ask, whose Accept names HTML before JSON?"""
    html, _, _ = accept.lower().partition(JSON)
    return "text/html" in html


def negotiated(request: Request, as_json: bytes, as_page: bytes) -> Response:
    """JSON, or a page for a browser."""
    as_html = wants_page(request.headers.get("accept", ""))
    body, media_type = (as_page, HTML) if as_html else (as_json, JSON)
    response = answer(request, body, media_type, tag_of(body))
    response.headers["Vary"] = "Accept"
    return response


def answer(request: Request, body: bytes, media_type: str, tag: str) -> Response:
    """A document, or 304 for a client that has it; ``tag`` names its content."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": _CACHED}
    known = request.headers.get("if-none-match")
    if known is not None and names_tag(known, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def tag_of(body: bytes) -> str:
    """The ETag of a document, without quotes."""
    return blake2b(body, digest_size=8).hexdigest()
