"""Files: the signed address that takes an upload, and the pictures that anybody may load.

Neither is an operation. The local store takes what an S3 server would take, without asking the
database; the signed address says all that is checked.
"""

import re
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.routing import Route
from starlette.types import Receive

from api.http.paths import route_not_found
from api.http.requests import UPLOAD_PREFIX, fields_of, new_request, query_pairs
from api.http.responses import Reply
from services.errors.base import FieldError
from services.errors.common import ValidationFailed
from services.errors.uploads import UploadMismatch
from services.etags import names_tag
from services.files.local import LocalStore
from services.files.store import IMAGES, PIECE, Declared
from services.ids import parsed
from services.process import Process
from services.quota.charging import charge_page

#: The names that Tandem gives to pictures; a name never gets another content.
_NAME = re.compile(r"[0-9a-f-]{36}-(small|medium|large)-([0-9a-f]{16})\.webp")
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    # Nothing in a file may run, also when somebody opens it as a page of its own.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    # Pictures are there to be shown by pages of any origin.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Content-Disposition": "inline",
}
_SIGNED = ("contentType", "size", "sha256", "token")


def file_routes(process: Process) -> list[Route]:
    """The address of pictures; with a local store also the one that takes uploads."""

    async def serve(http: HttpRequest) -> Reply:
        name = http.path_params["name"]
        await charge_page(new_request(http.scope, "page"))
        found = _NAME.fullmatch(name)
        content = await process.files.read(IMAGES + name) if found else None
        if found is None or content is None:
            raise route_not_found(http.scope)
        headers = {**_HEADERS, "ETag": f'"{found[2]}"'}
        known = fields_of(http.scope).get(b"if-none-match")
        if known is not None and names_tag(known, found[2]):
            return Reply(304, headers)
        return Reply(200, headers, content, "image/webp")

    routes = [Route("/files/{name}", serve)]
    store = process.files
    if isinstance(store, LocalStore):

        async def take(http: HttpRequest) -> Reply:
            await charge_page(new_request(http.scope, "page"))
            declared, token = _declared(http)
            store.check(declared, token, process.clock())
            fields = fields_of(http.scope)
            if (fields.get(b"content-type") or "").strip().lower() != declared.content_type:
                raise UploadMismatch.of("contentType")
            length = fields.get(b"content-length")
            if length is not None and int(length) != declared.size:
                raise UploadMismatch.of("size")
            await store.receive(declared, _pieces(http.receive))
            return Reply(200, {"Cache-Control": "no-store"}, media="text/plain")

        routes.append(Route(UPLOAD_PREFIX + "{id}", take, methods=["PUT"]))
    return routes


def _declared(http: HttpRequest) -> tuple[Declared, str]:
    """The file that a signed address is for, and its token; raises `ValidationFailed`."""
    given = dict(query_pairs(http.scope["query_string"]))
    faults = [
        FieldError(name, "REQUIRED", "Send the file to the whole address of the upload.")
        for name in _SIGNED
        if not given.get(name)
    ]
    upload_id = parsed(http.path_params["id"])
    if faults:
        raise ValidationFailed(fields=faults)
    size = given["size"]
    if upload_id is None or not (size.isascii() and size.isdigit() and len(size) <= 9):
        raise route_not_found(http.scope)
    declared = Declared(upload_id, given["contentType"], int(size), given["sha256"])
    return declared, given["token"]


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body, in pieces that are worth a write to the disk."""
    kept = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        kept += message.get("body", b"")
        more = message.get("more_body", False)
        if len(kept) >= PIECE or not more:
            yield bytes(kept)
            kept.clear()
