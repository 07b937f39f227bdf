"""Operations with mailed tokens: reset a password, verify an email."""

from typing import Annotated

from pydantic import Field

from persistence.api_keys import REVOKE_KEYS_OF
from persistence.database.failures import UniqueViolation
from persistence.database.transactions import Transaction
from persistence.mail_tokens import (
    LOCK_MAIL_TOKEN,
    SPEND_MAIL_TOKEN,
    VOID_MAIL_TOKENS,
    MailToken,
    Purpose,
)
from persistence.sessions.statements import REVOKE_SESSIONS_OF
from persistence.users.statements import CONFIRM_EMAIL, RESET_PASSWORD
from persistence.users.views import USER
from services.access.permissions import PUBLIC, Permission
from services.access.tokens import hashed
from services.done import Done
from services.errors.auth import TokenInvalid
from services.errors.users import EmailTaken
from services.events import audience, types
from services.events.emitting import emit
from services.events.types import none
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, Line, Nothing
from services.operation.operation import operation
from services.quota.quota import Policy
from services.users.creating import refuse_other_spelling, refuse_resembling
from services.users.credentials import KnownEmail, NewPassword

MailedToken = Annotated[Line, Field(min_length=1, max_length=200)]


class RequestPasswordReset(Input):
    """The email of the account whose password is reset."""

    email: KnownEmail = Field(description="The account's email.", examples=["user@example.com"])


class ResetPassword(Input):
    """A mailed token, and the new password."""

    token: MailedToken = Field(description="The token that was mailed.")
    new_password: NewPassword = Field(
        description="8 to 128 characters.", examples=["correct horse battery"]
    )


class VerifyEmail(Input):
    """A mailed token."""

    token: MailedToken = Field(description="The token that was mailed.")


async def _hash_password(ctx: Context, input: ResetPassword) -> str:
    """Hash the new password before the token is read: a bad token takes as long as a good one."""
    return await ctx.process.passwords.hash(input.new_password)


@operation(
    "auth.requestPasswordReset",
    who=PUBLIC,
    input=RequestPasswordReset,
    result=Done,
    writes=True,
    emits=none("It only queues a mail."),
    ignores_token=True,
    quota=Policy.MAIL,
    account="email",
    cost=5,
)
async def request_password_reset(
    ctx: Context, tx: Transaction, input: RequestPasswordReset
) -> Done:
    """Mail a token that sets a new password.

    The answer is the same whether or not the email has an account.
    """
    # The worker looks up the account, so that neither the answer nor its time tells if it exists.
    await enqueue(ctx, tx, "mail.resetPassword", {"email": input.email})
    return Done()


@operation(
    "auth.resendVerification",
    who=Permission.ACCOUNT_WRITE_OWN,
    input=Nothing,
    result=Done,
    writes=True,
    emits=none("It only queues a mail."),
    key=Key.OPTIONAL,
    quota=Policy.MAIL,
    cost=5,
)
async def resend_verification(ctx: Context, tx: Transaction, _: Nothing) -> Done:
    """Mail a new token that verifies the caller's pending email, or else their present email.

    When there is nothing to verify, no mail is sent.
    """
    ctx.record("user", ctx.user_id)
    [user] = await tx.all(USER.stored, ids=[ctx.user_id])
    email = user.pending_email or (None if user.email_verified else user.email)
    if email is not None:
        await enqueue(ctx, tx, "mail.verifyEmail", {"userId": user.id, "email": email})
    return Done()


@operation(
    "auth.resetPassword",
    who=PUBLIC,
    input=ResetPassword,
    result=Done,
    errors=[TokenInvalid],
    writes=True,
    emits=(types.USER_UPDATED,),
    revokes=True,
    ignores_token=True,
    prepare=_hash_password,
    cost=5,
)
async def reset_password(ctx: Context, tx: Transaction, input: ResetPassword) -> Done:
    """Set a new password with a mailed token, and end all sessions and API keys.

    The token can be used once. The reset also drops a pending email and all other reset tokens,
    so that an intruder keeps no access. The email counts as verified, because its mail arrived.
    """
    token = await _lock_mail_token(ctx, tx, Purpose.RESET_PASSWORD, input.token)
    [user] = await tx.all(USER.stored, ids=[token.user_id])
    refuse_resembling(input.new_password, user)
    ctx.record("user", token.user_id, "password", "emailVerified", "sessions", "apiKeys")
    reset = await tx.one(
        RESET_PASSWORD,
        user_id=token.user_id,
        mailed=token.email,
        new_hash=ctx.prepared,
        now=ctx.now,
    )
    if reset is None:
        raise TokenInvalid
    # This voids the used token as well.
    await tx.all(
        VOID_MAIL_TOKENS, user_id=token.user_id, purpose=Purpose.RESET_PASSWORD, now=ctx.now
    )
    await tx.all(REVOKE_SESSIONS_OF, user_id=token.user_id, now=ctx.now, kept=None)
    await tx.all(REVOKE_KEYS_OF, user_id=token.user_id, now=ctx.now)
    if user.pending_email is not None or not user.email_verified:
        await _tell_changed(ctx, tx, user.id)
    return Done()


@operation(
    "auth.verifyEmail",
    who=PUBLIC,
    input=VerifyEmail,
    result=Done,
    errors=[TokenInvalid, EmailTaken],
    writes=True,
    emits=(types.USER_UPDATED,),
    ignores_token=True,
    cost=2,
)
async def verify_email(ctx: Context, tx: Transaction, input: VerifyEmail) -> Done:
    """Verify an email with a mailed token.

    The token can be used once. A pending email replaces the account's email. When another account
    has taken that email, the call is refused and the token stays valid.
    """
    token = await _lock_mail_token(ctx, tx, Purpose.VERIFY_EMAIL, input.token)
    ctx.record("user", token.user_id, "email", "emailVerified")
    await refuse_other_spelling(tx, token.email, token.user_id)
    try:
        confirmed = await tx.one(
            CONFIRM_EMAIL, user_id=token.user_id, mailed=token.email, now=ctx.now
        )
    except UniqueViolation:
        raise EmailTaken from None
    if confirmed is None:
        raise TokenInvalid
    await tx.all(SPEND_MAIL_TOKEN, token_id=token.id, now=ctx.now)
    await _tell_changed(ctx, tx, token.user_id)
    return Done()


async def _tell_changed(ctx: Context, tx: Transaction, user_id: str) -> None:
    """Emit the account as it is stored now."""
    [user] = await tx.all(USER.stored, ids=[user_id])
    emit(ctx, types.USER_UPDATED, user, audience.of_user(user.id))


async def _lock_mail_token(ctx: Context, tx: Transaction, purpose: Purpose, text: str) -> MailToken:
    """Lock and load a mailed token that is still valid; raises `TokenInvalid`."""
    token = await tx.one(LOCK_MAIL_TOKEN, hash=hashed(text), purpose=purpose)
    if token is None or token.used_at is not None or token.expires_at <= ctx.now:
        raise TokenInvalid
    return token
