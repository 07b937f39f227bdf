"""Sessions and their refresh tokens."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlmodel import SQLModel

from persistence.columns import column, identifier, instant, named, reference, table_of
from persistence.sql import Query, given, insert, nothing, value
from persistence.users import users


class SessionTable(SQLModel, table=True):
    """One sign-in; every access token names its session."""

    __tablename__ = named("sessions")

    id: str = identifier()
    user_id: str = reference("users.id")
    user_agent: str | None = column(sa.Text, nullable=True)
    created_at: datetime = instant()
    expires_at: datetime = instant(None)
    revoked_at: datetime | None = instant(None, nullable=True)


class RefreshTokenTable(SQLModel, table=True):
    """A single-use token that renews a session; only its hash is kept."""

    __tablename__ = named("refresh_tokens")

    hash: bytes = column(sa.LargeBinary, primary_key=True)
    session_id: str = reference("sessions.id")
    created_at: datetime = instant()
    used_at: datetime | None = instant(None, nullable=True)


class LiveSession(Struct, frozen=True):
    """A session as a call sees it: whose, with which role, and whether it still counts."""

    role: str
    live: bool


class SpentToken(Struct, frozen=True):
    """A refresh token as its use sees it."""

    session_id: str
    user_id: str
    used_at: datetime | None
    live: bool


sessions = table_of(SessionTable)
refresh_tokens = table_of(RefreshTokenTable)

_live = sa.and_(
    sessions.c.revoked_at.is_(None),
    sessions.c.expires_at > given("now", sessions.c.expires_at),
    users.c.is_active,
)
_session = (
    sa.select(users.c.role, _live)
    .select_from(sessions.join(users, users.c.id == sessions.c.user_id))
    .where(sessions.c.id == given("session_id", sessions.c.id))
    .where(sessions.c.user_id == given("user_id", sessions.c.user_id))
)

SESSION = Query(_session, LiveSession)
INSERT_SESSION = insert(sessions, "id", "user_id", "user_agent", "created_at", "expires_at")
REVOKE_SESSION = Query(
    sa.update(sessions)
    .where(sessions.c.id == given("session_id", sessions.c.id), sessions.c.revoked_at.is_(None))
    .values(revoked_at=given("now", sessions.c.revoked_at)),
    nothing,
)
EXTEND_SESSION = Query(
    sa.update(sessions)
    .where(sessions.c.id == given("session_id", sessions.c.id))
    .values(expires_at=given("until", sessions.c.expires_at)),
    nothing,
)
INSERT_TOKEN = insert(refresh_tokens, "hash", "session_id", "created_at")
# FOR UPDATE of the token alone: of twenty uses at one moment one reads it unused.
LOCK_TOKEN = Query(
    sa.select(
        refresh_tokens.c.session_id,
        sessions.c.user_id,
        refresh_tokens.c.used_at,
        _live,
    )
    .select_from(
        refresh_tokens.join(sessions, sessions.c.id == refresh_tokens.c.session_id).join(
            users, users.c.id == sessions.c.user_id
        )
    )
    .where(refresh_tokens.c.hash == given("hash", refresh_tokens.c.hash))
    .with_for_update(of=refresh_tokens),
    SpentToken,
)
SPEND_TOKEN = Query(
    sa.update(refresh_tokens)
    .where(refresh_tokens.c.hash == given("spent", refresh_tokens.c.hash))
    .values(used_at=given("now", refresh_tokens.c.used_at)),
    nothing,
)


class Standing(Struct, frozen=True):
    """A session checked inside a transaction, and that transaction's number."""

    role: str
    live: bool
    transaction: str


# One statement checks the session and asks for the transaction's number, which an unknown
# commit is looked up by. FOR SHARE: whoever ends the session waits for writes in flight, so none
# of them commits after the answer to that.
STANDING = Query(
    _session.add_columns(sa.cast(sa.func.pg_current_xact_id(), sa.Text)).with_for_update(
        read=True, of=sessions
    ),
    Standing,
)
TRANSACTION_NUMBER = Query(sa.select(sa.cast(sa.func.pg_current_xact_id(), sa.Text)), value)
