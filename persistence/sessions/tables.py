"""The tables of sessions and of refresh tokens."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import SQLModel

from persistence.database.columns import (
    TransactionNumber,
    column,
    identifier,
    instant,
    named,
    reference,
    table_of,
)


class SessionTable(SQLModel, table=True):
    """One sign-in; every access token names its session."""

    __tablename__ = named("sessions")
    __table_args__ = (
        sa.Index("sessions_user_id_created_at_id_idx", "user_id", "created_at", "id"),
        sa.Index(
            "sessions_changed_in_idx",
            "changed_in",
            postgresql_where=sa.text("changed_in IS NOT NULL"),
        ),
        sa.Index(
            "sessions_revoked_at_idx",
            "revoked_at",
            postgresql_where=sa.text("revoked_at IS NOT NULL"),
        ),
        sa.Index(
            "sessions_user_id_place_created_at_idx",
            "user_id",
            "place",
            "created_at",
            postgresql_where=sa.text("place IS NOT NULL"),
        ),
    )

    id: str = identifier()
    user_id: str = reference("users.id", index=False)
    user_agent: str | None = column(sa.Text, nullable=True)
    #: A keyed hash of the household that it began in; see services/access/places.py.
    place: bytes | None = column(sa.LargeBinary, nullable=True)
    created_at: datetime = instant()
    expires_at: datetime = instant(None)
    used_at: datetime = instant()
    revoked_at: datetime | None = instant(None, nullable=True)
    #: The transaction that ended the session; a trigger sets it, persistence/revocations.py reads
    #: it.
    changed_in: str | None = column(TransactionNumber, nullable=True)


class RefreshTokenTable(SQLModel, table=True):
    """A single-use token that renews a session; only its hash is kept."""

    __tablename__ = named("refresh_tokens")

    hash: bytes = column(sa.LargeBinary, primary_key=True)
    session_id: str = reference("sessions.id")
    created_at: datetime = instant()
    used_at: datetime | None = instant(None, nullable=True)


sessions = table_of(SessionTable)
refresh_tokens = table_of(RefreshTokenTable)
