"""Tokens sent by mail: a caller who holds one proves to read that address."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects.postgresql import insert
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
from persistence.database.rows import row_plan
from persistence.database.statements import Query, forget, given, nothing, value
from persistence.users.spellings import in_order_of_spellings, spelled_as
from persistence.users.tables import users


class Purpose(StrEnum):
    """The operation that a mailed token is for."""

    VERIFY_EMAIL = "VERIFY_EMAIL"
    RESET_PASSWORD = "RESET_PASSWORD"  # noqa: S105


class MailTokenTable(SQLModel, table=True):
    """A single-use token that was mailed to somebody; only its hash is kept."""

    __tablename__ = named("mail_tokens")
    __table_args__ = (
        checked("purpose IN ('VERIFY_EMAIL', 'RESET_PASSWORD')", "purpose"),
        sa.UniqueConstraint("hash"),
    )

    #: The id of the job that mailed the token, so that a second run adds no second row.
    id: str = identifier()
    user_id: str = reference("users.id")
    purpose: str = column(sa.Text)
    #: The address it was sent to.
    email: str = column(sa.Text)
    hash: bytes = column(sa.LargeBinary)
    created_at: datetime = instant()
    expires_at: datetime = instant(None, index=True)
    used_at: datetime | None = instant(None, nullable=True)


class MailToken(Struct, frozen=True):
    """A mailed token as the operation that uses it needs it."""

    id: str
    user_id: str
    email: str
    expires_at: datetime
    used_at: datetime | None


mail_tokens = table_of(MailTokenTable)

_insert = insert(mail_tokens)
# A job that runs again renews the token, so that its time counts from the mail that was sent. A
# used or void token has no row in the answer: there is nothing left to send.
KEEP_TOKEN = Query(
    _insert.on_conflict_do_update(
        index_elements=["id"],
        set_={"hash": _insert.excluded.hash, "expires_at": _insert.excluded.expires_at},
        where=mail_tokens.c.used_at.is_(None),
    ).returning(mail_tokens.c.id),
    value,
    ["id", "user_id", "purpose", "email", "hash", "created_at", "expires_at"],
)
# FOR UPDATE: when a token is used many times at one moment, only the first use finds it unused.
_token = row_plan(MailToken, MailTokenTable)
LOCK_MAIL_TOKEN = Query(
    sa.select(*_token.selected)
    .where(
        mail_tokens.c.hash == given("hash", mail_tokens.c.hash),
        mail_tokens.c.purpose == given("purpose", mail_tokens.c.purpose),
    )
    .with_for_update(),
    _token.row,
)
SPEND_MAIL_TOKEN = Query(
    sa.update(mail_tokens)
    .where(mail_tokens.c.id == given("token_id", mail_tokens.c.id))
    .values(used_at=given("now", mail_tokens.c.used_at)),
    nothing,
)
#: Makes a user's unused tokens of one purpose void.
VOID_MAIL_TOKENS = Query(
    sa.update(mail_tokens)
    .where(
        mail_tokens.c.user_id == given("user_id", mail_tokens.c.user_id),
        mail_tokens.c.purpose == given("purpose", mail_tokens.c.purpose),
        mail_tokens.c.used_at.is_(None),
    )
    .values(used_at=given("now", mail_tokens.c.used_at)),
    nothing,
)
#: Deletes used tokens too, as they hold the address.
DELETE_MAIL_TOKENS = Query(
    sa.delete(mail_tokens).where(mail_tokens.c.user_id == given("user_id", mail_tokens.c.user_id)),
    nothing,
)
FORGET_MAIL_TOKENS = forget(mail_tokens, mail_tokens.c.expires_at)
ACTIVE_USER = Query(
    sa.select(users.c.id).where(users.c.id == given("user_id", users.c.id), users.c.is_active),
    value,
)
#: ``(user_id, email)`` of the active account with an address, as its owner spells it.
ACTIVE_ACCOUNT = Query(
    sa.select(users.c.id, users.c.email)
    .where(spelled_as, users.c.is_active)
    .order_by(in_order_of_spellings)
    .limit(1),
    lambda user_id, email: (user_id, email),
)
