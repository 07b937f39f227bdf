"""Sessions: the places where the caller is signed in."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.sessions.statements import REVOKE_OWN_SESSION
from persistence.sessions.views import SESSIONS, Session
from services.access.permissions import Permission
from services.done import Done
from services.errors.base import TandemError
from services.errors.sessions import SessionNotFound
from services.events.types import none
from services.operation import paging
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, PathId
from services.operation.operation import operation
from services.operation.paging import Page, Paged


class ListSessions(Paged):
    """Sort of the list of sessions."""

    sort: Literal["-createdAt"] = Field("-createdAt", description="How the list is sorted.")


class SessionId(Input):
    """The session."""

    id: PathId = Field(description="The session's id.")


@operation(
    "sessions.list",
    who=Permission.SESSIONS_READ_OWN,
    input=ListSessions,
    result=Session,
    paged=True,
)
async def list_(
    ctx: Context, user_ids: Sequence[str], input: ListSessions
) -> Mapping[str, Page[Session] | TandemError]:
    """List the caller's live sessions, newest first."""
    return await paging.own_page(ctx, SESSIONS, user_ids, input, input.sort)


@operation(
    "sessions.revoke",
    who=Permission.SESSIONS_WRITE_OWN,
    input=SessionId,
    result=Done,
    errors=[SessionNotFound],
    writes=True,
    emits=none("Sessions are no things that others hear of."),
    revokes=True,
    key=Key.OPTIONAL,
)
async def revoke(ctx: Context, tx: Transaction, input: SessionId) -> Done:
    """End one of the caller's sessions, which may be the present one."""
    revoked = await tx.one(
        REVOKE_OWN_SESSION, session_id=input.id, user_id=ctx.user_id, now=ctx.now
    )
    if revoked is None:
        raise SessionNotFound
    ctx.record("session", revoked, "revokedAt")
    return Done()
