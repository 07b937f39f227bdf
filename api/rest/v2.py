"""v2, the current dialect: the bare resource, pages with Link headers, and problem+json."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta, Struct

from api.http.responses import Reply
from api.rest.calls import Call
from api.rest.dialect import CODE, REQUEST_ID, Cursor, Dialect
from services.errors.base import FieldError, TandemError
from services.operation.paging import Page

_NUMBERED = frozenset({"page", "perPage"})
_PAGING = _NUMBERED | {"first", "after", "last", "before"}

_encode = msgspec.json.Encoder().encode


class PageInfo(Struct, rename="camel"):
    """Where a page lies in its list."""

    has_next_page: Annotated[bool, Meta(description="Is there more after this page?")]
    has_previous_page: Annotated[bool, Meta(description="Is there more before this page?")]
    start_cursor: Annotated[Cursor, Meta(description="Cursor of the first item.")]
    end_cursor: Annotated[Cursor, Meta(description="Cursor of the last item.")]


class PageOfItems(Struct, rename="camel"):
    """A page of a list."""

    items: Annotated[Sequence[Any], Meta(description="The items alone.")]
    page_info: Annotated[PageInfo, Meta(description="Where the page lies in its list.")]
    total_count: Annotated[
        int | None,
        Meta(description="How many the whole list has, exactly; null unless total=true."),
    ]


class Problem(Struct, rename="camel"):
    """An error (RFC 9457)."""

    type: Annotated[
        str,
        Meta(description="Page that explains the error.", extra_json_schema={"format": "uri"}),
    ]
    title: Annotated[str, Meta(description="The error in a sentence, always the same.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    detail: Annotated[str, Meta(description="What happened this time.")]
    instance: Annotated[str, Meta(description="The address that was called.")]
    code: Annotated[str, Meta(description=CODE)]
    fields: Annotated[Sequence[FieldError], Meta(description="Every bad input.")]
    details: Annotated[dict[str, Any], Meta(description="What else is known, by the code.")]
    request_id: Annotated[str, Meta(description=REQUEST_ID)]


class V2(Dialect):
    """The current dialect."""

    name = "v2"
    prefix = "/api/v2"
    error_media = "application/problem+json"

    def resource(self, call: Call, value: Any) -> bytes:
        return _encode(self.written(value, call.fields))

    def page(self, call: Call, page: Page[Any]) -> tuple[bytes, str | None]:
        start, end = page.start_cursor, page.end_cursor
        info = PageInfo(page.has_next, page.has_previous, start, end)
        items = [self.written(item, call.fields) for item in page.items]
        return _encode(PageOfItems(items, info, page.total)), _links(call, page, start, end)

    def deletion(self, call: Call, headers: dict[str, str]) -> Reply:
        return Reply(204, headers)

    def error_body(
        self, error: TandemError, request_id: str, path: str, public_url: str, at: datetime
    ) -> Any:
        return Problem(
            type=f"{public_url}/errors/{error.code}",
            title=error.title,
            status=error.status,
            detail=error.detail,
            instance=quote(path),
            code=error.code,
            fields=error.fields,
            details=error.details,
            request_id=request_id,
        )


def _links(call: Call, page: Page[Any], start: str | None, end: str | None) -> str:
    """RFC 8288 links to the pages around this one, paged the way it was asked for."""
    asked = {name for name, _ in call.sent.pairs}
    size = page.size
    links: dict[str, str] = {}  # cursors are of letters that need no quoting
    if page.number is not None and not asked.isdisjoint(_NUMBERED):
        links["first"] = f"page=1&perPage={size}"
        if page.has_next:
            links["next"] = f"page={page.number + 1}&perPage={size}"
        if page.has_previous:
            links["prev"] = f"page={page.number - 1}&perPage={size}"
        if page.total is not None:
            links["last"] = f"page={max(1, -(-page.total // size))}&perPage={size}"
    else:
        links["first"] = f"first={size}"
        if page.has_next and end:
            links["next"] = f"first={size}&after={end}"
        if page.has_previous and start:
            links["prev"] = f"last={size}&before={start}"
    kept = urlencode([pair for pair in call.sent.pairs if pair[0] not in _PAGING])
    base = call.request.process.settings.public_url + quote(call.scope["path"])
    base += f"?{kept}&" if kept else "?"
    return ", ".join(f'<{base}{place}>; rel="{rel}"' for rel, place in links.items())
