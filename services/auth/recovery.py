"""Getting back into an account, and proving that an email is one's own."""

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
from services.errors.common import EmailTaken, TokenInvalid
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.operation.inputs import Email, Input, Line, Nothing, Password
from services.operation.running import Key, operation
from services.quota.quota import Policy

MailedToken = Annotated[Line, Field(min_length=1, max_length=200)]


class RequestPasswordReset(Input):
    """Whose password to reset."""

    email: Email = Field(description="The account's email.", examples=["user@example.com"])


class ResetPassword(Input):
    """A mailed token, and the password to be."""

    token: MailedToken = Field(description="The token that was mailed.")
    new_password: Password = Field(
        description="8 to 128 characters.", examples=["correct horse battery"]
    )


class VerifyEmail(Input):
    """A mailed token."""

    token: MailedToken = Field(description="The token that was mailed.")


async def _hash_password(ctx: Context, input: ResetPassword) -> str:
    """Whatever the token is worth: a good one takes as long as a bad one."""
    return await ctx.process.passwords.hash(input.new_password)


@operation(
    "auth.requestPasswordReset",
    who=PUBLIC,
    input=RequestPasswordReset,
    result=Done,
    writes=True,
    ignores_token=True,
    quota=Policy.MAIL,
    account="email",
    cost=5,
)
async def request_password_reset(
    ctx: Context, tx: Transaction, input: RequestPasswordReset
) -> Done:
    """Mail a token that sets a new password.

    The answer is the same whether the email has an account or not.
    """
    # The worker looks the account up: here, neither words nor time may tell whether there is one.
    await enqueue(ctx, tx, "mail.resetPassword", {"email": input.email})
    return Done()


@operation(
    "auth.resendVerification",
    who=Permission.ACCOUNT_WRITE_OWN,
    input=Nothing,
    result=Done,
    writes=True,
    key=Key.OPTIONAL,
    quota=Policy.MAIL,
    cost=5,
)
async def resend_verification(ctx: Context, tx: Transaction, _: Nothing) -> Done:
    """Mail the token again that verifies the caller's email, or the one that is to take its place.

    Where there is nothing to verify, nothing is mailed.
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
    revokes=True,
    ignores_token=True,
    prepare=_hash_password,
    cost=5,
)
async def reset_password(ctx: Context, tx: Transaction, input: ResetPassword) -> Done:
    """Set a new password with a mailed token, which is spent by it, and end all sessions and keys.

    Whatever others may have left behind in the account is void then: API keys, an email that was
    to take over, other tokens to reset the password. As the mail arrived, the email counts as
    verified.
    """
    token = await _lock_mail_token(ctx, tx, Purpose.RESET_PASSWORD, input.token)
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
    # This one is among them.
    await tx.all(
        VOID_MAIL_TOKENS, user_id=token.user_id, purpose=Purpose.RESET_PASSWORD, now=ctx.now
    )
    await tx.all(REVOKE_SESSIONS_OF, user_id=token.user_id, now=ctx.now, kept=None)
    await tx.all(REVOKE_KEYS_OF, user_id=token.user_id, now=ctx.now)
    return Done()


@operation(
    "auth.verifyEmail",
    who=PUBLIC,
    input=VerifyEmail,
    result=Done,
    errors=[TokenInvalid, EmailTaken],
    writes=True,
    ignores_token=True,
    cost=2,
)
async def verify_email(ctx: Context, tx: Transaction, input: VerifyEmail) -> Done:
    """Prove with a mailed token that an email is one's own; the token is spent by it.

    An email that was to take the place of the account's email takes it. When another account has
    it by now, nothing changes, and the token stays good.
    """
    token = await _lock_mail_token(ctx, tx, Purpose.VERIFY_EMAIL, input.token)
    ctx.record("user", token.user_id, "email", "emailVerified")
    try:
        confirmed = await tx.one(
            CONFIRM_EMAIL, user_id=token.user_id, mailed=token.email, now=ctx.now
        )
    except UniqueViolation:
        raise EmailTaken from None
    if confirmed is None:
        raise TokenInvalid
    await tx.all(SPEND_MAIL_TOKEN, token_id=token.id, now=ctx.now)
    return Done()


async def _lock_mail_token(ctx: Context, tx: Transaction, purpose: Purpose, text: str) -> MailToken:
    """A mailed token that is still good, locked; raises `TokenInvalid`."""
    token = await tx.one(LOCK_MAIL_TOKEN, hash=hashed(text), purpose=purpose)
    if token is None or token.used_at is not None or token.expires_at <= ctx.now:
        raise TokenInvalid
    return token
