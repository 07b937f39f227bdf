"""API keys: how machine clients sign in."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.database.columns import (
    Instant,
    InstantArray,
    TextArray,
    TransactionNumber,
    Uuid,
    UuidArray,
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)
from persistence.database.listing import Listing, descending
from persistence.database.rows import row_plan
from persistence.database.statements import Query, among, forget, given, insert, nothing, value
from persistence.database.views import view, viewer
from persistence.sessions.statements import Standing, transaction_number
from persistence.users.tables import UserTable, users


class ApiKeyTable(SQLModel, table=True):
    """One key of a user; only its hash is kept."""

    __tablename__ = named("api_keys")
    __table_args__ = (
        sa.Index("api_keys_user_id_created_at_id_idx", "user_id", "created_at", "id"),
        checked("char_length(name) BETWEEN 1 AND 100", "name"),
        checked("cardinality(permissions) BETWEEN 1 AND 100", "permissions"),
        sa.Index(
            "api_keys_changed_in_idx",
            "changed_in",
            postgresql_where=sa.text("changed_in IS NOT NULL"),
        ),
    )

    id: str = identifier()
    user_id: str = reference("users.id", index=False)
    name: str = column(sa.Text)
    prefix: str = column(sa.Text)
    hash: bytes = column(sa.LargeBinary, unique=True)
    permissions: list[str] = column(TextArray)
    created_at: datetime = instant()
    expires_at: datetime = instant(None)
    last_used_at: datetime | None = instant(None, nullable=True)
    revoked_at: datetime | None = instant(None, nullable=True)
    #: The transaction that last ended or changed the key; see persistence/database/rules.py.
    changed_in: str | None = column(TransactionNumber, nullable=True)


class ApiKey(Struct, frozen=True, rename="camel"):
    """A machine client's key, without its secret."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    name: Annotated[str, Meta(description="What the key is for, in its owner's words.")]
    prefix: Annotated[str, Meta(description="The first characters of the key, to recognise it by.")]
    permissions: Annotated[list[str], Meta(description="What the key may do: noun:verb:scope.")]
    created_at: Annotated[datetime, Meta(description="When the key was made.")]
    expires_at: Annotated[datetime, Meta(description="When the key stops working.")]
    last_used_at: Annotated[
        datetime | None, Meta(description="When the key was last used, to the minute or so.")
    ]


class KnownKey(Struct, frozen=True):
    """A key as a call needs it: its owner, its permissions, and whether it is valid."""

    id: str
    user_id: str
    role: str
    permissions: list[str]
    expires_at: datetime
    live: bool


api_keys = table_of(ApiKeyTable)
#: Keeps these advisory locks apart from others that are named by a user's id.
_KEYS_OF = 1

# Nobody sees a revoked key. Its owner still sees an expired one, to find out why it fails.
API_KEY = view(
    ApiKey,
    ApiKeyTable,
    visible=sa.and_(api_keys.c.user_id == viewer, api_keys.c.revoked_at.is_(None)),
)
_live = sa.and_(
    api_keys.c.revoked_at.is_(None),
    api_keys.c.expires_at > given("now", api_keys.c.expires_at),
    users.c.is_active,
)
_owned = api_keys.join(users, users.c.id == api_keys.c.user_id)

_known = row_plan(KnownKey, ApiKeyTable, role=users.c.role, live=_live)
KEY = Query(
    sa.select(*_known.selected)
    .select_from(_owned)
    .where(api_keys.c.hash == given("hash", api_keys.c.hash)),
    _known.row,
)
# FOR SHARE, as STANDING has it for sessions: revoking the key waits for writes in flight. Locking
# is a statement of its own: a statement that waited for a lock reads the locked row anew, but the
# owner as it was before the wait.
LOCK_KEY = Query(
    sa.select(api_keys.c.id)
    .where(api_keys.c.id == given("key_id", api_keys.c.id))
    .with_for_update(read=True),
    value,
)
_standing = row_plan(Standing, UserTable, live=_live, number=transaction_number)
KEY_STANDING = Query(
    sa.select(*_standing.selected)
    .select_from(_owned)
    .where(api_keys.c.id == given("key_id", api_keys.c.id)),
    _standing.row,
)

API_KEYS = Listing(
    API_KEY,
    always=API_KEY.visible,
    sorts={"-createdAt": descending(API_KEY, "created_at")},
)
INSERT_KEY = insert(
    api_keys,
    "id",
    "user_id",
    "name",
    "prefix",
    "hash",
    "permissions",
    "created_at",
    "expires_at",
)
# Revokes the owner's key only. It answers the id, so that a caller knows whether there was one.
REVOKE_KEY = Query(
    sa.update(api_keys)
    .where(
        api_keys.c.id == given("key_id", api_keys.c.id),
        api_keys.c.user_id == given("user_id", api_keys.c.user_id),
        api_keys.c.revoked_at.is_(None),
    )
    .values(revoked_at=given("now", api_keys.c.revoked_at))
    .returning(api_keys.c.id),
    value,
)
# The lock is held until the transaction ends, so that two keys made at one moment count each other.
# It is not the user's row: an operation that changes a user locks that row before the sessions, and
# here the session is locked already.
LOCK_KEYS_OF = Query(
    sa.select(
        sa.func.pg_advisory_xact_lock(
            sa.func.hashtextextended(sa.bindparam("user_id", type_=sa.Text), _KEYS_OF)
        )
    ),
    nothing,
)
#: Counts valid keys only, neither revoked nor expired ones.
COUNT_KEYS_OF = Query(
    sa.select(sa.func.count()).where(
        api_keys.c.user_id == given("user_id", api_keys.c.user_id),
        api_keys.c.revoked_at.is_(None),
        api_keys.c.expires_at > given("now", api_keys.c.expires_at),
    ),
    value,
)
REVOKE_KEYS_OF = Query(
    sa.update(api_keys)
    .where(
        api_keys.c.user_id == given("user_id", api_keys.c.user_id), api_keys.c.revoked_at.is_(None)
    )
    .values(revoked_at=given("now", api_keys.c.revoked_at)),
    nothing,
)
_used = (
    sa.func.unnest(sa.bindparam("ids", type_=UuidArray), sa.bindparam("times", type_=InstantArray))
    .table_valued(sa.column("id", Uuid), sa.column("at", Instant))
    .render_derived(name="used")
)
_free = api_keys.alias("free")
# Skips keys that a write has locked: waiting for one would hold up all the others. `greatest` keeps
# a later use that another process has written.
#: Values: ids and times, side by side. Answers the ids that were written.
KEYS_USED = Query(
    sa.update(api_keys)
    .where(
        api_keys.c.id == _used.c.id,
        api_keys.c.id.in_(
            sa.select(_free.c.id)
            .where(among(_free.c.id))
            .with_for_update(key_share=True, skip_locked=True)
        ),
    )
    .values(last_used_at=sa.func.greatest(api_keys.c.last_used_at, _used.c["at"]))
    .returning(api_keys.c.id),
    value,
)
FORGET_API_KEYS = forget(api_keys, sa.func.coalesce(api_keys.c.revoked_at, api_keys.c.expires_at))
