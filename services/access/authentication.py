"""Authentication: from the bearer token of a request to its caller.

A session's access token names the user and the role; the row of an API key does. A read trusts
what `Revocations` (services/access/revocations.py) knows. A write checks the row of the session or
key inside its own transaction.
"""

from dataclasses import replace

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
from services.access import api_keys
from services.access.callers import Caller
from services.access.tokens import Identity
from services.errors.common import TokenRevoked, Unauthenticated
from services.operation.context import Context, Request

_NOT_OURS = "The Authorization header holds no valid token: send one that this server issued."


async def authenticate(request: Request) -> Caller | None:
    """The caller of a request; None without a token. The request remembers it.

    Raises `Unauthenticated`, `TokenExpired` or `TokenRevoked`.
    """
    if request.bearer is None or request.authenticated:
        return request.caller
    before = request.stats.statements
    try:
        if request.bearer.startswith(api_keys.PREFIX):
            process = request.process
            caller = await process.api_keys.identify(
                request.bearer, request.reader, process.clock()
            )
        else:
            caller = await _session_caller(request, request.bearer)
    except Unauthenticated as error:
        if type(error) is Unauthenticated:
            raise Unauthenticated(_NOT_OURS) from None
        raise
    request.caller = caller
    request.authenticated = True
    request.authentication_statements = request.stats.statements - before
    return caller


async def _session_caller(request: Request, token: str) -> Caller:
    process = request.process
    now = process.clock()
    identity = await process.tokens.verify(token, now)
    if process.revocations.fresh:
        if process.revocations.ended(identity.session_id):
            raise TokenRevoked
        return _by_session(identity, identity.role)
    session = await request.reader.one(
        SESSION, session_id=identity.session_id, user_id=identity.user_id, now=now
    )
    if session is None or not session.live:
        raise TokenRevoked
    return _by_session(identity, Role(session.role))


def _by_session(identity: Identity, role: Role) -> Caller:
    return Caller(
        identity.user_id, role, session_id=identity.session_id, expires_at=identity.expires_at
    )


async def recheck_caller(ctx: Context, tx: Transaction) -> None:
    """Check the caller's session or key inside the transaction, and read the transaction's number.

    The check locks the row. So a call that ends the session or key waits for this transaction, and
    no write commits after the answer to that call. The session's lock travels with the operation's
    first lock.
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
            # The role has changed since the token was made: run the transaction again with it.
            raise Conflict

    if caller.key_id is not None:
        await tx.all(LOCK_KEY, key_id=caller.key_id)
        note(await tx.one(KEY_STANDING, key_id=caller.key_id, now=ctx.now))
        return
    if ctx.operation.revokes:
        # All of the caller's sessions in one order. With a shared lock of its own session first,
        # two calls that end each other's session would deadlock.
        await tx.all(LOCK_SESSIONS_OF, user_id=caller.user_id)
    await tx.lock_first(
        STANDING, check, session_id=caller.session_id, user_id=caller.user_id, now=ctx.now
    )
