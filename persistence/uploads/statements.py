"""Statements that declare, use and delete uploads."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from persistence.database.columns import Instant
from persistence.database.rows import row_plan
from persistence.database.statements import Query, among, given, insert, nothing, value
from persistence.uploads.tables import UploadPurpose, UploadTable, uploads

#: Keeps these advisory locks apart from others that are named by a user's id.
_UPLOADS_OF = sa.literal_column("27")


class StoredUpload(Struct, frozen=True):
    """An upload as the operations that use it need it."""

    id: str
    owner_id: str
    purpose: UploadPurpose
    content_type: str
    size: int
    sha256: str
    expires_at: datetime


INSERT_UPLOAD = insert(
    uploads,
    "id",
    "owner_id",
    "purpose",
    "filename",
    "content_type",
    "size",
    "sha256",
    "created_at",
    "expires_at",
)
_owner = uploads.c.owner_id == given("owner_id", uploads.c.owner_id)
#: Two uploads of one caller are declared one after the other: both count against the quota.
LOCK_UPLOADS_OF = Query(
    sa.select(
        sa.func.pg_advisory_xact_lock(
            sa.func.hashtextextended(sa.bindparam("owner_id", type_=sa.Text), _UPLOADS_OF)
        )
    ),
    nothing,
)
_since = uploads.c.created_at > sa.bindparam("since", type_=Instant)
#: ``(bytes, time of the oldest)`` of a caller's uploads since a time; the time is null without any.
USED_BYTES = Query(
    sa.select(
        sa.func.coalesce(sa.func.sum(uploads.c.size), sa.literal_column("0")),
        sa.func.min(uploads.c.created_at),
    ).where(_owner, _since),
    lambda used, oldest: (int(used), oldest),
)
_plan = row_plan(StoredUpload, UploadTable)
_usable = sa.and_(
    uploads.c.id == given("id", uploads.c.id),
    _owner,
    uploads.c.purpose == given("purpose", uploads.c.purpose),
    uploads.c.used_at.is_(None),
    uploads.c.expires_at > sa.bindparam("now", type_=Instant),
)
#: An upload of the owner's that can still be used.
USABLE_UPLOAD = Query(sa.select(*_plan.selected).where(_usable), _plan.row)
LOCK_USABLE_UPLOAD = Query(sa.select(*_plan.selected).where(_usable).with_for_update(), _plan.row)
USE_UPLOAD = Query(
    sa.update(uploads)
    .where(uploads.c.id == given("id", uploads.c.id))
    .values(used_at=given("at", uploads.c.used_at)),
    nothing,
)
#: ``(id, used)`` of the uploads of an account that is deleted.
DELETE_UPLOADS_OF = Query(
    sa.delete(uploads).where(_owner).returning(uploads.c.id, uploads.c.used_at.is_not(None)),
    lambda id, used: (id, used),
)
#: ``(id, used)`` of the uploads that ended before a time, the oldest first.
ENDED_UPLOADS = Query(
    sa.select(uploads.c.id, uploads.c.used_at.is_not(None))
    .where(uploads.c.expires_at < sa.bindparam("before", type_=Instant))
    .order_by(uploads.c.expires_at)
    .limit(sa.bindparam("limit", type_=sa.BigInteger)),
    lambda id, used: (id, used),
)
DELETE_UPLOADS = Query(sa.delete(uploads).where(among(uploads.c.id)).returning(uploads.c.id), value)
