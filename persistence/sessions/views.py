"""Sessions as their owner sees them."""

from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.database.listing import Listing, descending
from persistence.database.views import now, session, view, viewer
from persistence.sessions.tables import SessionTable, sessions


class Session(Struct, frozen=True, rename="camel"):
    """A sign-in that has not ended."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    user_agent: Annotated[str | None, Meta(description="The client's User-Agent.")]
    current: Annotated[bool, Meta(description="Whether this request uses the session.")]
    created_at: Annotated[datetime, Meta(description="When the user signed in.")]
    used_at: Annotated[datetime, Meta(description="When its tokens were last renewed.")]
    expires_at: Annotated[
        datetime, Meta(description="When the session ends, unless it is renewed.")
    ]


#: Nobody sees a session that has ended.
SESSION_VIEW = view(
    Session,
    SessionTable,
    current=sa.func.coalesce(sessions.c.id == session, sa.false()),
    visible=sa.and_(
        sessions.c.user_id == viewer,
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > now,
    ),
)
SESSIONS = Listing(
    SESSION_VIEW,
    always=SESSION_VIEW.visible,
    sorts={"-createdAt": descending(SESSION_VIEW, "created_at")},
)
