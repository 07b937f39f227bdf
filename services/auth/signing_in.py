"""Operations of sessions: register, sign in, refresh tokens and sign out."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct
from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.sessions.statements import (
    EXTEND_SESSION,
    INSERT_SESSION,
    INSERT_TOKEN,
    LOCK_TOKEN,
    REVOKE_SESSION,
    REVOKE_SESSIONS_OF,
    SESSION_OF_TOKEN,
    SPEND_TOKEN,
)
from persistence.users.statements import CREDENTIALS, RENEW_HASH, SIGNED_IN, Credentials
from persistence.users.tables import Role
from persistence.users.views import USER, User
from services.access.permissions import PUBLIC, Permission
from services.access.tokens import REFRESH_TOKEN, hashed, new_refresh_token
from services.done import Done
from services.emails import spellings
from services.errors.auth import (
    AccountDisabled,
    InvalidCredentials,
    RefreshTokenInvalid,
    RefreshTokenUsed,
)
from services.errors.users import EmailTaken, UsernameTaken
from services.events import audience, types
from services.events.emitting import emit
from services.events.types import none
from services.operation.context import Context, Request
from services.operation.declaration import Key
from services.operation.inputs import Input, Line, Nothing
from services.operation.operation import operation
from services.quota.quota import Policy
from services.users.creating import NewAccount, create_account
from services.users.credentials import KnownEmail, Password


class Tokens(Struct, frozen=True, rename="camel"):
    """The tokens of a session, and the user who is signed in."""

    access_token: Annotated[str, Meta(description="JWT for the Authorization header.")]
    refresh_token: Annotated[str, Meta(description="Token for auth.refresh; it can be used once.")]
    token_type: Annotated[str, Meta(description="Always Bearer.")]
    expires_in: Annotated[int, Meta(description="Seconds until the access token expires.")]
    user: Annotated[User, Meta(description="The user who is signed in.")]


class Register(NewAccount):
    """A new account."""


class Login(Input):
    """An account and its password."""

    email: KnownEmail = Field(description="The account's email.", examples=["user@example.com"])
    password: Password = Field(description="The account's password.", examples=["tandem-demo-1"])


class Refresh(Input):
    """A refresh token."""

    refresh_token: Annotated[Line, Field(min_length=1, max_length=200)] = Field(
        description="The refresh token that was received last."
    )


_SILENT = none("It changes sessions, which are no things that others hear of.")


async def session_of(request: Request, raw: Mapping[str, Any]) -> str | None:
    """The live session of a refresh token, which pays for its own refreshing."""
    token = raw.get("refreshToken")
    if not isinstance(token, str) or not REFRESH_TOKEN.fullmatch(token.strip()):
        return None
    now = request.process.clock()
    return await request.reader.one(SESSION_OF_TOKEN, hash=hashed(token.strip()), now=now)


async def _load_token_keys(ctx: Context, _: Input) -> None:
    """Load the signing keys before the transaction, so that it does not wait for them."""
    await ctx.process.tokens.ready()


async def _hash_password(ctx: Context, input: Register) -> str:
    await _load_token_keys(ctx, input)
    return await ctx.process.passwords.hash(input.password)


async def _verify_credentials(ctx: Context, input: Login) -> tuple[Credentials, str | None] | None:
    """The account if the password is right, with a new hash if the stored one is too weak.

    An unknown account takes the same time as a wrong password.
    """
    await _load_token_keys(ctx, input)
    found = await ctx.reader.one(CREDENTIALS, emails=spellings(input.email))
    stored_hash = found and found.password_hash
    right, newer = await ctx.process.passwords.verify_and_update(input.password, stored_hash)
    ctx.right_password = bool(found and right)
    return (found, newer) if found and right else None


@operation(
    "auth.register",
    who=PUBLIC,
    input=Register,
    result=Tokens,
    errors=[EmailTaken, UsernameTaken],
    writes=True,
    emits=(types.USER_CREATED,),
    ignores_token=True,
    prepare=_hash_password,
    cost=5,
    quota=Policy.REGISTER,
)
async def register(ctx: Context, tx: Transaction, input: Register) -> Tokens:
    """Create an account with a wallet, and sign in.

    The email and the username are unique regardless of case. Tandem mails a token that verifies
    the email.
    """
    user_id = await create_account(ctx, tx, input, ctx.prepared, Role.USER)
    ctx.record("user", user_id, "email", "username", "fullName", "profile")
    tokens = await _start_session(ctx, tx, user_id, ctx.prepared)
    emit(ctx, types.USER_CREATED, tokens.user, audience.of_user(user_id))
    return tokens


@operation(
    "auth.login",
    who=PUBLIC,
    input=Login,
    result=Tokens,
    errors=[InvalidCredentials, AccountDisabled],
    writes=True,
    emits=_SILENT,
    ignores_token=True,
    prepare=_verify_credentials,
    cost=5,
    quota=Policy.LOGIN,
    account="email",
)
async def login(ctx: Context, tx: Transaction, input: Login) -> Tokens:
    """Sign in with email and password.

    An unknown account and a wrong password give the same answer.
    """
    credentials: tuple[Credentials, str | None] | None = ctx.prepared
    if credentials is None:
        raise InvalidCredentials
    account, newer = credentials
    ctx.record("user", account.user_id, "lastLoginAt")
    if not account.is_active:
        raise AccountDisabled
    verified = account.password_hash
    if newer is not None:
        verified = await _upgrade_hash(ctx, tx, account, newer, input)
    return await _start_session(ctx, tx, account.user_id, verified)


@operation(
    "auth.refresh",
    who=PUBLIC,
    input=Refresh,
    result=Tokens,
    errors=[RefreshTokenInvalid, RefreshTokenUsed],
    writes=True,
    emits=_SILENT,
    ignores_token=True,
    paid_by=session_of,
    prepare=_load_token_keys,
    cost=2,
)
async def refresh(ctx: Context, tx: Transaction, input: Refresh) -> Tokens:
    """Exchange a refresh token for the next pair of tokens.

    A refresh token can be used once. A second use within some seconds counts as a race of the
    client and only fails. A later one counts as theft and ends the session.
    """
    spent = hashed(input.refresh_token)
    token = await tx.one(LOCK_TOKEN, hash=spent, now=ctx.now)
    if token is None or not token.live:
        raise RefreshTokenInvalid
    ctx.record("session", token.session_id, "refreshToken")
    if token.used_at is not None:
        race = timedelta(seconds=ctx.settings.refresh_race_seconds)
        # The clock is read again: this call may have waited for the first call's lock.
        if ctx.process.clock() - token.used_at <= race:
            raise RefreshTokenUsed

        async def end_session(tx: Transaction) -> None:
            await tx.all(REVOKE_SESSION, session_id=token.session_id, now=ctx.now)

        raise RefreshTokenInvalid(effect=end_session)
    if (
        await tx.one(
            EXTEND_SESSION, session_id=token.session_id, now=ctx.now, until=_session_end(ctx)
        )
        is None
    ):
        raise RefreshTokenInvalid
    await tx.all(SPEND_TOKEN, spent=spent, now=ctx.process.clock())
    return await _issue_tokens(ctx, tx, token.user_id, token.session_id)


@operation(
    "auth.logout",
    who=PUBLIC,
    input=Refresh,
    result=Done,
    writes=True,
    emits=_SILENT,
    revokes=True,
    ignores_token=True,
)
async def logout(ctx: Context, tx: Transaction, input: Refresh) -> Done:
    """End the session of a refresh token.

    The access token is ignored and may have expired. An unknown refresh token is not an error: the
    caller is signed out either way.
    """
    token = await tx.one(LOCK_TOKEN, hash=hashed(input.refresh_token), now=ctx.now)
    if token is not None:
        ctx.record("session", token.session_id, "revokedAt")
        await tx.all(REVOKE_SESSION, session_id=token.session_id, now=ctx.now)
    return Done()


@operation(
    "auth.logoutEverywhere",
    who=Permission.SESSIONS_WRITE_OWN,
    input=Nothing,
    result=Done,
    writes=True,
    emits=_SILENT,
    revokes=True,
    key=Key.OPTIONAL,
)
async def logout_everywhere(ctx: Context, tx: Transaction, _: Nothing) -> Done:
    """End all sessions of the caller, including the present one.

    API keys stay valid: revoke them one by one.
    """
    ctx.record("user", ctx.user_id, "sessions")
    await tx.all(REVOKE_SESSIONS_OF, user_id=ctx.user_id, now=ctx.now, kept=None)
    return Done()


async def _upgrade_hash(
    ctx: Context, tx: Transaction, account: Credentials, newer: str, input: Login
) -> str:
    """Store a stronger hash of the verified password; returns the hash that is stored then."""
    verified = account.password_hash
    if await tx.one(RENEW_HASH, user_id=account.user_id, verified=verified, newer=newer):
        return newer
    # Another sign-in has stored its hash first, or the password has changed.
    found = await tx.one(CREDENTIALS, emails=spellings(input.email))
    if not found or not await ctx.process.passwords.verify(input.password, found.password_hash):
        raise InvalidCredentials
    return found.password_hash


async def _start_session(ctx: Context, tx: Transaction, user_id: str, verified: str) -> Tokens:
    """Start a session; ``verified`` is the hash that the password was verified against."""
    if await tx.one(SIGNED_IN, user_id=user_id, at=ctx.now, verified=verified) is None:
        raise InvalidCredentials
    session_id = ctx.new_id()
    await tx.all(
        INSERT_SESSION,
        id=session_id,
        user_id=user_id,
        user_agent=ctx.request.user_agent,
        place=ctx.process.places.stored(ctx.request.address),
        created_at=ctx.now,
        used_at=ctx.now,
        expires_at=_session_end(ctx),
    )
    return await _issue_tokens(ctx, tx, user_id, session_id)


async def _issue_tokens(ctx: Context, tx: Transaction, user_id: str, session_id: str) -> Tokens:
    """Issue the next pair of tokens of a session."""
    refresh_token = new_refresh_token()
    await tx.all(
        INSERT_TOKEN, hash=hashed(refresh_token), session_id=session_id, created_at=ctx.now
    )
    [user] = await tx.all(USER.stored, ids=[user_id])
    tokens = ctx.process.tokens
    return Tokens(
        access_token=tokens.issue(user_id, session_id, user.role, ctx.now),
        refresh_token=refresh_token,
        token_type="Bearer",  # noqa: S106
        expires_in=tokens.seconds,
        user=user,
    )


def _session_end(ctx: Context) -> object:
    return ctx.now + timedelta(seconds=ctx.settings.refresh_token_seconds)
