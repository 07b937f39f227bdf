"""Steps that make a picture of an upload, and that delete a picture that is shown no more.

A picture is decoded and its files are stored before the transaction, which then uses the upload. If
it does not commit, the files are known to nobody, and are deleted with the upload.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from msgspec import Struct

from persistence.database.transactions import Transaction
from persistence.uploads.images import ImageVariant
from persistence.uploads.statements import (
    LOCK_USABLE_UPLOAD,
    USABLE_UPLOAD,
    USE_UPLOAD,
    StoredUpload,
)
from persistence.uploads.tables import UploadPurpose
from services.errors.base import TandemError
from services.errors.uploads import ImageInvalid, UploadNotFound, UploadNotReady
from services.files.store import IMAGES, PIECE, UPLOADS
from services.jobs.queue import enqueue
from services.operation.context import Context


class Prepared(Struct, frozen=True):
    """A picture in every size, the largest last; or why there is none."""

    variants: Sequence[ImageVariant] = ()
    error: TandemError | None = None


async def prepare_picture(ctx: Context, upload_id: str, purpose: UploadPurpose) -> Prepared | None:
    """Decode an upload of the caller's and store its files; None if it cannot be used.

    Raises `Unavailable` while the store is away. An error of the file is raised later, as the thing
    that the picture is for comes first.
    """
    upload = await ctx.reader.one(USABLE_UPLOAD, **_usable(ctx, upload_id, purpose))
    if upload is None:
        return None
    files = ctx.process.files
    async with files.opened(UPLOADS + upload.id, upload.size) as file:
        if file is None:
            return Prepared(error=UploadNotReady())
        # Some servers do not check what was declared.
        if not await asyncio.to_thread(_is_declared, file, upload):
            return Prepared(error=UploadNotReady("The file is not the one that was declared."))
        try:
            decoded = await ctx.process.image_decoder.decode(file, upload.content_type)
        except ImageInvalid as error:
            return Prepared(error=error)
    variants = []
    for one in decoded:
        name = f"{upload.id}-{one.size.lower()}-{one.digest}.webp"
        await files.write(IMAGES + name, one.content)
        url = f"{ctx.settings.public_url}/files/{name}"
        variants.append(ImageVariant(one.size, url, one.width, one.height))
    return Prepared(variants)


async def use_picture(
    ctx: Context, tx: Transaction, upload_id: str, purpose: UploadPurpose
) -> dict[str, object]:
    """Use the upload that was prepared: the address of the picture, and its variants.

    Raises `UploadNotFound`, `UploadNotReady` or `ImageInvalid`.
    """
    upload = await tx.one(LOCK_USABLE_UPLOAD, **_usable(ctx, upload_id, purpose))
    prepared: Prepared | None = ctx.prepared
    if upload is None or prepared is None:
        raise UploadNotFound
    if prepared.error is not None:
        raise prepared.error
    await tx.write(USE_UPLOAD, id=upload.id, at=ctx.now)
    await delete_later(ctx, tx, [UPLOADS + upload.id])
    return {"address": prepared.variants[-1].url, "variants": list(prepared.variants)}


async def delete_variants(ctx: Context, tx: Transaction, variants: Iterable[ImageVariant]) -> None:
    """Delete the files of a picture, once the transaction has committed."""
    await delete_later(ctx, tx, [IMAGES + one.url.rpartition("/")[2] for one in variants])


async def delete_later(
    ctx: Context, tx: Transaction, keys: Sequence[str], prefixes: Sequence[str] = ()
) -> None:
    """Delete files, once the transaction has committed."""
    if keys or prefixes:
        await enqueue(ctx, tx, "uploads.deleteFiles", {"keys": keys, "prefixes": prefixes})


def _usable(ctx: Context, upload_id: str, purpose: UploadPurpose) -> dict[str, object]:
    return {"id": upload_id, "owner_id": ctx.user_id, "purpose": purpose, "now": ctx.now}


def _is_declared(file: BinaryIO, upload: StoredUpload) -> bool:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(PIECE):
        digest.update(piece)
        size += len(piece)
    return size == upload.size and hmac.compare_digest(digest.hexdigest(), upload.sha256)
