"""Declaring an upload: who sends which file, for what."""

from datetime import timedelta
from typing import Annotated

from msgspec import structs
from pydantic import AfterValidator, BeforeValidator, Field, Strict, WithJsonSchema
from pydantic.alias_generators import to_camel

from persistence.database.transactions import Transaction
from persistence.uploads.statements import INSERT_UPLOAD, LOCK_UPLOADS_OF, USED_BYTES
from persistence.uploads.tables import LARGEST_UPLOAD, UploadPurpose
from persistence.uploads.views import UPLOAD, Upload
from services.access.permissions import Permission
from services.errors.uploads import UploadQuotaSpent
from services.events.types import none
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, NameLine, Sha256, wrong
from services.operation.operation import operation
from services.uploads.reading import QUOTA_TIME, pending, quota

#: How long an upload waits for its file and for its use.
LIFE = timedelta(hours=24)
#: The media types of pictures, for which all uploads are.
CONTENT_TYPES = ("image/jpeg", "image/png", "image/webp")


def _media_type(value: object) -> object:
    """A media type in small letters, as media types have no case."""
    return value.strip().lower() if isinstance(value, str) else value


def _known_type(value: str) -> str:
    if value not in CONTENT_TYPES:
        listed = f"{', '.join(CONTENT_TYPES[:-1])} or {CONTENT_TYPES[-1]}"
        raise wrong("INVALID_CHOICE", f"Give the media type {listed}.")
    return value


ContentType = Annotated[
    str,
    Strict(),
    BeforeValidator(_media_type),
    AfterValidator(_known_type),
    WithJsonSchema({"type": "string", "enum": list(CONTENT_TYPES)}),
]


class CreateUpload(Input):
    """A file that the caller is about to send."""

    purpose: UploadPurpose = Field(description="What the file is for.", strict=False)
    filename: Annotated[NameLine, Field(min_length=1, max_length=200)] = Field(
        description="Name of the file where it comes from.", examples=["lamp.jpg"]
    )
    content_type: ContentType = Field(
        description="Media type of the file: image/jpeg, image/png or image/webp.",
        examples=["image/jpeg"],
    )
    size: Annotated[int, Field(ge=1, le=LARGEST_UPLOAD)] = Field(
        description="Number of bytes, at most 10 MiB.", examples=[48_213]
    )
    sha256: Sha256 = Field(
        description="SHA-256 of the file, as 64 hexadecimal digits in small letters.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


@operation(
    "uploads.create",
    who=Permission.UPLOADS_WRITE_OWN,
    input=CreateUpload,
    result=Upload,
    errors=[UploadQuotaSpent],
    writes=True,
    emits=none("Only its owner knows of it; using it tells of what shows it."),
    takes_file=True,
    key=Key.OPTIONAL,
    cost=2,
)
async def create(ctx: Context, tx: Transaction, input: CreateUpload) -> Upload:
    """Declare a file, and get the request that sends it to the store.

    Send the file with the method, address and headers of the answer. The store takes exactly this
    file: other bytes, another length or another media type are refused. Then use the upload, once.
    An upload that is not used within 24 hours is deleted with its file. On REST the file itself can
    be sent here as multipart/form-data, with the fields purpose and file.
    """
    await tx.all(LOCK_UPLOADS_OF, owner_id=ctx.user_id)
    ctx.refresh_now()
    upload_id = ctx.new_id()
    ctx.record("upload", upload_id, *sorted(to_camel(name) for name in input.model_fields_set))
    limit = ctx.settings.upload_quota_bytes
    [(used, oldest)] = await tx.all(USED_BYTES, owner_id=ctx.user_id, since=ctx.now - QUOTA_TIME)
    if used + input.size > limit:
        wait = LIFE if oldest is None else oldest + QUOTA_TIME - ctx.now
        seconds = max(1, int(wait.total_seconds()))
        details = {"limit": limit, "used": used, "retryAfterSeconds": seconds}
        raise UploadQuotaSpent(details=details)
    await tx.write(
        INSERT_UPLOAD,
        id=upload_id,
        owner_id=ctx.user_id,
        purpose=input.purpose,
        filename=input.filename,
        content_type=input.content_type,
        size=input.size,
        sha256=input.sha256,
        created_at=ctx.now,
        expires_at=ctx.now + LIFE,
    )
    [upload] = await tx.all(UPLOAD.stored, ids=[upload_id])
    upload = structs.replace(upload, quota=quota(limit, used + input.size))
    return pending(ctx.process, upload)
