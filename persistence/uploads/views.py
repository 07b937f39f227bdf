"""Uploads as they are shown to the caller who made them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.database.listing import Listing, descending
from persistence.database.rows import made
from persistence.database.views import now, view, viewer
from persistence.uploads.tables import UploadPurpose, UploadTable, uploads


class UploadStatus(StrEnum):
    """How far an upload is."""

    PENDING = "PENDING"
    RECEIVED = "RECEIVED"
    USED = "USED"


class UploadQuota(Struct, frozen=True, rename="camel"):
    """The bytes that the caller may upload in a day."""

    limit: Annotated[int, Meta(description="Bytes of a day.")]
    used: Annotated[int, Meta(description="Bytes that were declared in the last 24 hours.")]
    warning: Annotated[
        str | None, Meta(description="A warning once most of the bytes are used, else null.")
    ]


class Upload(Struct, frozen=True, rename="camel"):
    """A file that its owner declared, sends to the store, and then uses once."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    purpose: Annotated[UploadPurpose, Meta(description="What the file is for.")]
    filename: Annotated[str, Meta(description="Name of the file where it comes from.")]
    content_type: Annotated[str, Meta(description="Declared media type.")]
    size: Annotated[int, Meta(description="Declared number of bytes.")]
    sha256: Annotated[str, Meta(description="Declared SHA-256, in hexadecimal digits.")]
    status: Annotated[
        UploadStatus, Meta(description="Whether the store has the file, and whether it was used.")
    ]
    method: Annotated[
        str | None,
        Meta(description="Method that sends the file: PUT; null once the store has the file."),
    ]
    url: Annotated[
        str | None,
        Meta(
            description="Signed address that takes the file without an access token; null once the"
            " store has the file."
        ),
    ]
    headers: Annotated[
        dict[str, str] | None,
        Meta(description="Headers to send with the file, by name; null once the store has it."),
    ]
    quota: Annotated[
        UploadQuota | None, Meta(description="The bytes that the caller may upload in a day.")
    ]
    created_at: Annotated[datetime, Meta(description="When it was declared.")]
    expires_at: Annotated[
        datetime,
        Meta(description="Until then the file can be sent and used. Then both are deleted."),
    ]


def _literal(status: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{status}'", sa.Text)


def _unknown(_: str) -> None:
    """A value that no row knows; services/uploads/reading.py adds it."""


UPLOAD = view(
    Upload,
    UploadTable,
    # The store knows whether it has the file: services/uploads/reading.py asks it.
    status=sa.case((uploads.c.used_at.is_not(None), _literal("USED")), else_=_literal("PENDING")),
    method=made(_unknown, "id"),
    url=made(_unknown, "id"),
    headers=made(_unknown, "id"),
    quota=made(_unknown, "id"),
    visible=sa.and_(uploads.c.owner_id == viewer, uploads.c.expires_at > now),
)
OWN_UPLOADS = Listing(
    UPLOAD,
    always=uploads.c.owner_id == viewer,
    sorts={"-createdAt": descending(UPLOAD, "created_at")},
)
