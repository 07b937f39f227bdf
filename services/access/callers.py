"""Callers: who calls, what they may do and see, and how both faces learn it from a token.

A session's token says whose it is and with which role; an API key's row says so. Reads trust what
`Revocations` (services/access/revocations.py) knows; writes look at the row inside their own
transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from persistence.api_keys import KEY_STANDING, LOCK_KEY
from persistence.database.failures import Conflict
from persistence.database.transactions import Transaction
from persistence.sessions.statements import (
    LOCK_SESSIONS_OF,
    SESSION,
    STANDING,
    TRANSACTION_NUMBER,
    Standing,
)
from persistence.users.tables import Role
from services.access.permissions import Permission, permission, reaches
from services.errors.common import TokenRevoked

if TYPE_CHECKING:
    from services.operation.context import Context, Request


@dataclass(frozen=True)
class Caller:
    """A user, through a session or an API key, with the role they have right now.

    ``granted`` holds the permissions of an API key; None for a session, which has all of its role.
    """

    user_id: str
    role: Role
    session_id: str | None = None
    key_id: str | None = None
    granted: frozenset[str] | None = None

    def may(self, wanted: Permission) -> bool:
        """Does this caller hold the permission?"""
        if self.granted is not None and wanted not in self.granted:
            return False
        return reaches(self.role, wanted.least)

    def may_read_all(self, noun: str) -> bool:
        """May this caller see everybody's things of this kind?"""
        wanted = permission(noun, "read", "all")
        return wanted is not None and self.may(wanted)

    def may_read_own(self, noun: str) -> bool:
        """May this caller see their own things of this kind, or what is public of it?"""
        wanted = permission(noun, "read", "own") or permission(noun, "read", "public")
        return wanted is None or self.may(wanted)


def viewer_values(caller: Caller | None, noun: str, now: datetime) -> dict[str, Any]:
    """What views need to know of a caller who reads a noun; see persistence/database/views.py."""
    sees_all = caller is not None and caller.may_read_all(noun)
    return {
        "viewer": caller and caller.user_id,
        "session": caller and caller.session_id,
        "sees_all": sees_all,
        "administers": sees_all,
        "now": now,
    }


def viewer_values_for_relation(request: "Request", noun: str) -> dict[str, Any]:
    """What views need for a relation: no operation admitted it; a key sees what it may read."""
    caller = request.caller
    if caller is not None and not caller.may_read_own(noun):
        caller = None
    return viewer_values(caller, noun, request.process.clock())


async def authenticate(request: "Request") -> Caller | None:
    """Who calls; None without a token. Remembered for the rest of the request.

    Raises `Unauthenticated`, `TokenExpired` or `TokenRevoked`.
    """
    if request.bearer is None or request.authenticated:
        return request.caller
    before = request.stats.statements
    if request.bearer.startswith(request.process.api_keys.PREFIX):
        caller = await request.process.api_keys.identify(request)
    else:
        caller = await _session(request, request.bearer)
    request.caller = caller
    request.authenticated = True
    request.asked_who = request.stats.statements - before
    return caller


async def _session(request: "Request", token: str) -> Caller:
    process = request.process
    now = process.clock()
    identity = await process.tokens.verify(token, now)
    if process.revocations.fresh:
        if process.revocations.ended(identity.session_id):
            raise TokenRevoked
        return Caller(identity.user_id, identity.role, session_id=identity.session_id)
    session = await request.reader.one(
        SESSION, session_id=identity.session_id, user_id=identity.user_id, now=now
    )
    if session is None or not session.live:
        raise TokenRevoked
    return Caller(identity.user_id, Role(session.role), session_id=identity.session_id)


async def recheck_caller(ctx: "Context", tx: Transaction) -> None:
    """Check the caller's session or key inside the transaction, and learn its number.

    Whoever ends the session or key waits for this transaction: no write commits after the answer
    to that. A session is checked with what the operation locks first.
    """
    caller = ctx.caller
    if caller is None:
        tx.number = await tx.one(TRANSACTION_NUMBER)
        return

    def note(standing: Standing | None) -> None:
        if standing is None or not standing.live:
            raise TokenRevoked
        tx.number = standing.number
        ctx.caller = ctx.request.caller = replace(caller, role=Role(standing.role))

    def check(standing: Standing | None) -> None:
        note(standing)
        if ctx.caller != caller:
            # It was begun in another role: once more, from the beginning.
            raise Conflict

    if caller.key_id is not None:
        await tx.all(LOCK_KEY, key_id=caller.key_id)
        note(await tx.one(KEY_STANDING, key_id=caller.key_id, now=ctx.now))
        return
    if ctx.operation.revokes:
        # A shared lock of one's own session first would be in the way of another call's.
        await tx.all(LOCK_SESSIONS_OF, user_id=caller.user_id)
    await tx.lock_first(
        STANDING, check, session_id=caller.session_id, user_id=caller.user_id, now=ctx.now
    )
