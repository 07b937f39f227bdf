"""Reads of uploads: what a row says, and what the store and the quota add to it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from msgspec import structs
from pydantic import Field

from persistence.database.transactions import Reader
from persistence.uploads.images import ImageSize as ImageSize
from persistence.uploads.images import ImageVariant as ImageVariant
from persistence.uploads.statements import USED_BYTES
from persistence.uploads.views import UPLOAD, Upload, UploadQuota, UploadStatus
from persistence.uploads.views import UploadPurpose as UploadPurpose
from services.access.permissions import Permission
from services.errors.uploads import UploadNotFound
from services.files.store import UPLOADS, Declared
from services.operation.context import Context
from services.operation.inputs import Input, PathId
from services.operation.operation import operation
from services.process import Process

#: The time over which the bytes of a caller are counted.
QUOTA_TIME = timedelta(hours=24)
#: The share of the quota from which on a caller is warned.
_WARNED_FROM = 0.8


class UploadId(Input):
    """The upload."""

    id: PathId = Field(description="The upload's id.")


@operation(
    "uploads.get",
    who=Permission.UPLOADS_READ_OWN,
    input=UploadId,
    result=Upload,
    errors=[UploadNotFound],
)
async def get(ctx: Context, input: UploadId) -> Upload:
    """Read one upload of the caller's: whether the file has arrived, or how to send it."""
    upload = await ctx.reader.one(UPLOAD.by_ids, ids=[input.id], **ctx.viewer_values)
    if upload is None:
        raise UploadNotFound
    [whole] = await completed(ctx.process, ctx.reader, [upload], ctx.user_id)
    return whole


async def completed(
    process: Process, reader: Reader, uploads: Sequence[Upload], owner_id: str
) -> list[Upload]:
    """Uploads of one owner, with what no row says; raises `Unavailable` while the store is away."""
    since = process.clock() - QUOTA_TIME
    [(used, _)] = await reader.all(USED_BYTES, owner_id=owner_id, since=since)
    left = quota(process.settings.upload_quota_bytes, used)

    async def whole(upload: Upload) -> Upload:
        upload = structs.replace(upload, quota=left)
        if upload.status is UploadStatus.USED:
            return upload
        if await process.files.has(UPLOADS + upload.id):
            return structs.replace(upload, status=UploadStatus.RECEIVED)
        return pending(process, upload)

    return list(await asyncio.gather(*map(whole, uploads)))


def pending(process: Process, upload: Upload) -> Upload:
    """An upload with the request that sends its file."""
    declared = Declared(upload.id, upload.content_type, upload.size, upload.sha256)
    request = process.files.send_request(declared, process.clock(), upload.expires_at)
    return structs.replace(upload, method=request.method, url=request.url, headers=request.headers)


async def received(process: Process, upload: Upload, file: Path) -> Upload:
    """Store a file that came with the declaration; raises `Unavailable` while the store is away."""
    await process.files.take(UPLOADS + upload.id, file, upload.content_type)
    return structs.replace(
        upload, status=UploadStatus.RECEIVED, method=None, url=None, headers=None
    )


def quota(limit: int, used: int) -> UploadQuota:
    """A quota of which so many bytes are used, with a warning when little is left."""
    warning = None
    if used > _WARNED_FROM * limit:
        left = max(0, limit - used)
        warning = f"You may upload {left} more bytes today, of {limit}."
    return UploadQuota(limit, used, warning)
