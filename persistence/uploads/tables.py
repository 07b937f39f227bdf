"""The table of uploads. The files themselves are in the store, not in the database."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence.database.columns import (
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)

#: The largest file, in bytes.
LARGEST_UPLOAD = 10 * 1024 * 1024


class UploadPurpose(StrEnum):
    """The use that a file is uploaded for."""

    PRODUCT_IMAGE = "PRODUCT_IMAGE"
    AVATAR = "AVATAR"


class UploadTable(SQLModel, table=True):
    """A file that a caller declared. The store takes this file and no other."""

    __tablename__ = named("uploads")
    __table_args__ = (
        checked("purpose IN ('PRODUCT_IMAGE', 'AVATAR')", "purpose"),
        checked("char_length(filename) BETWEEN 1 AND 200", "filename"),
        checked(f"size BETWEEN 1 AND {LARGEST_UPLOAD}", "size"),
        checked("sha256 ~ '^[0-9a-f]{64}$'", "sha256"),
        sa.Index("uploads_owner_id_created_at_id_idx", "owner_id", "created_at", "id"),
        sa.Index("uploads_expires_at_idx", "expires_at"),
    )

    id: str = identifier()
    owner_id: str = reference("users.id", index=False)
    purpose: str = column(sa.Text)
    filename: str = column(sa.Text)
    content_type: str = column(sa.Text)
    size: int = column(sa.Integer)
    #: 64 hexadecimal digits.
    sha256: str = column(sa.Text)
    created_at: datetime = instant()
    #: An upload that nothing used by then is deleted with its file.
    expires_at: datetime = instant(None)
    used_at: datetime | None = instant(None, nullable=True)


uploads = table_of(UploadTable)
