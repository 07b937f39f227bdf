"""Statements that begin, check, renew and end sessions."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from persistence.database.rows import row_plan
from persistence.database.statements import Query, forget, given, insert, nothing, value
from persistence.sessions.tables import RefreshTokenTable, refresh_tokens, sessions
from persistence.users.spellings import in_order_of_spellings, spelled_as
from persistence.users.tables import UserTable, users


class LiveSession(Struct, frozen=True):
    """A session as a call needs it: the user's role, and whether it is valid."""

    role: str
    live: bool


class Account(Struct, frozen=True):
    """An account as an attempt on its password needs it."""

    email: str
    known_place: bool


class SpentToken(Struct, frozen=True):
    """A refresh token as the call that uses it needs it."""

    session_id: str
    user_id: str
    used_at: datetime | None
    live: bool


_live = sa.and_(
    sessions.c.revoked_at.is_(None),
    sessions.c.expires_at > given("now", sessions.c.expires_at),
    users.c.is_active,
)
_checked = sa.and_(
    sessions.c.id == given("session_id", sessions.c.id),
    sessions.c.user_id == given("user_id", sessions.c.user_id),
)
_with_user = sessions.join(users, users.c.id == sessions.c.user_id)
_session = row_plan(LiveSession, UserTable, live=_live)
SESSION = Query(sa.select(*_session.selected).select_from(_with_user).where(_checked), _session.row)
INSERT_SESSION = insert(
    sessions, "id", "user_id", "user_agent", "place", "created_at", "used_at", "expires_at"
)
#: Has a session of the user begun at one of ``places`` after ``since``, whether it ended or not?
_known_place = sa.exists().where(
    sessions.c.user_id == users.c.id,
    sessions.c.place == sa.any_(sa.bindparam("places", type_=sa.ARRAY(sa.LargeBinary))),
    sessions.c.created_at > given("since", sessions.c.created_at),
)
KNOWN_PLACE = Query(
    sa.select(_known_place).where(spelled_as).order_by(in_order_of_spellings).limit(1),
    value,
)
_account = row_plan(Account, UserTable, known_place=_known_place)
ACCOUNT = Query(
    sa.select(*_account.selected).where(users.c.id == given("user_id", users.c.id)), _account.row
)
REVOKE_SESSION = Query(
    sa.update(sessions)
    .where(sessions.c.id == given("session_id", sessions.c.id), sessions.c.revoked_at.is_(None))
    .values(revoked_at=given("now", sessions.c.revoked_at)),
    nothing,
)
# Revokes the owner's session only. It answers the id, so that a caller knows whether there was one.
REVOKE_OWN_SESSION = Query(
    sa.update(sessions)
    .where(
        sessions.c.id == given("session_id", sessions.c.id),
        sessions.c.user_id == given("user_id", sessions.c.user_id),
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > given("now", sessions.c.expires_at),
    )
    .values(revoked_at=given("now", sessions.c.revoked_at))
    .returning(sessions.c.id),
    value,
)
#: Values: user_id, now, and kept: the session that is not revoked, or None.
REVOKE_SESSIONS_OF = Query(
    sa.update(sessions)
    .where(
        sessions.c.user_id == given("user_id", sessions.c.user_id),
        sessions.c.revoked_at.is_(None),
        sessions.c.id.is_distinct_from(given("kept", sessions.c.id)),
    )
    .values(revoked_at=given("now", sessions.c.revoked_at)),
    nothing,
)
# A revoked session is not extended: no row comes back.
EXTEND_SESSION = Query(
    sa.update(sessions)
    .where(sessions.c.id == given("session_id", sessions.c.id), sessions.c.revoked_at.is_(None))
    .values(
        used_at=given("now", sessions.c.used_at), expires_at=given("until", sessions.c.expires_at)
    )
    .returning(sessions.c.id),
    value,
)
# Locks by id, before the caller's own session is locked: two sessions that end each other at one
# moment cannot deadlock.
LOCK_SESSIONS_OF = Query(
    sa.select(sessions.c.id)
    .where(
        sessions.c.user_id == given("user_id", sessions.c.user_id), sessions.c.revoked_at.is_(None)
    )
    .order_by(sessions.c.id)
    .with_for_update(key_share=True),
    value,
)
INSERT_TOKEN = insert(refresh_tokens, "hash", "session_id", "created_at")
# FOR UPDATE of the token alone: when it is used many times at one moment, the first finds it
# unused.
_token = row_plan(SpentToken, RefreshTokenTable, user_id=sessions.c.user_id, live=_live)
LOCK_TOKEN = Query(
    sa.select(*_token.selected)
    .select_from(
        refresh_tokens.join(sessions, sessions.c.id == refresh_tokens.c.session_id).join(
            users, users.c.id == sessions.c.user_id
        )
    )
    .where(refresh_tokens.c.hash == given("hash", refresh_tokens.c.hash))
    .with_for_update(of=refresh_tokens),
    _token.row,
)
#: The session of a refresh token, spent or not, while the session lives.
SESSION_OF_TOKEN = Query(
    sa.select(sessions.c.id)
    .select_from(
        refresh_tokens.join(sessions, sessions.c.id == refresh_tokens.c.session_id).join(
            users, users.c.id == sessions.c.user_id
        )
    )
    .where(refresh_tokens.c.hash == given("hash", refresh_tokens.c.hash), _live),
    value,
)
SPEND_TOKEN = Query(
    sa.update(refresh_tokens)
    .where(refresh_tokens.c.hash == given("spent", refresh_tokens.c.hash))
    .values(used_at=given("now", refresh_tokens.c.used_at)),
    nothing,
)


#: The number of the running transaction.
transaction_number = sa.cast(sa.func.pg_current_xact_id(), sa.Text)


class Standing(Struct, frozen=True):
    """A session or API key checked inside a transaction, and that transaction's number."""

    role: str
    live: bool
    number: str


# One statement checks the session and reads the transaction's number, by which an unknown commit is
# looked up. FOR SHARE: an operation that ends the session waits for writes in flight, so that no
# write commits after its answer.
_standing = row_plan(Standing, UserTable, live=_live, number=transaction_number)
STANDING = Query(
    sa.select(*_standing.selected)
    .select_from(_with_user)
    .where(_checked)
    .with_for_update(read=True, of=sessions),
    _standing.row,
)
TRANSACTION_NUMBER = Query(sa.select(transaction_number), value)

_ended = sa.func.coalesce(sessions.c.revoked_at, sessions.c.expires_at)
_session_of_token = sa.select(_ended).where(sessions.c.id == refresh_tokens.c.session_id)
# A spent token that is seen again ends its family, so it is kept as long as an ended session.
FORGET_SPENT_TOKENS = forget(refresh_tokens, refresh_tokens.c.used_at)
FORGET_TOKENS_OF_ENDED = forget(
    refresh_tokens, _session_of_token.correlate(refresh_tokens).scalar_subquery()
)
FORGET_SESSIONS = forget(
    sessions,
    _ended,
    ~sa.exists().where(refresh_tokens.c.session_id == sessions.c.id),
)
