"""Jobs that send mails about accounts: verify an email, warn of a new email, reset a password.

Operations queue ``mail.verifyEmail`` and ``mail.emailChanging`` with ``{"userId", "email"}``, and
``mail.resetPassword`` with ``{"email"}``. These jobs look up the account, so that the calls take
the same time whether or not an address has one.
"""

from datetime import timedelta

from persistence.database.transactions import QueryStats
from persistence.mail_tokens import ACTIVE_ACCOUNT, ACTIVE_USER, KEEP_TOKEN, Purpose
from services.access.tokens import hashed
from services.emails import spellings
from services.jobs.queue import Job
from services.mail.sending import Mail, send
from services.mail.tokens import derive
from services.process import Process


async def verify_email(process: Process, job: Job) -> None:
    """Mail a token that proves that the user reads the mails sent to ``email``."""
    user_id, email = job.data["userId"], job.data["email"]
    if await process.database.reader(QueryStats()).one(ACTIVE_USER, user_id=user_id) is None:
        return
    seconds = process.settings.verify_token_seconds
    token = await _store_token(process, job, Purpose.VERIFY_EMAIL, seconds, user_id, email)
    if token is not None:
        mail = _verification_mail(process.settings.frontend, email, token, seconds)
        await send(process.settings, mail, job.id, process.clock())


async def email_changing(process: Process, job: Job) -> None:
    """Warn the present address of an account that a new address was requested.

    The mail is sent even if the new address is verified already, as an intruder may be quick.
    """
    user_id, email = job.data["userId"], job.data["email"]
    if await process.database.reader(QueryStats()).one(ACTIVE_USER, user_id=user_id) is None:
        return
    mail = _changing_mail(process.settings.frontend, email)
    await send(process.settings, mail, job.id, process.clock())


async def reset_password(process: Process, job: Job) -> None:
    """Mail a token that sets a new password, if the address has an account."""
    emails = spellings(job.data["email"])
    account = await process.database.reader(QueryStats()).one(ACTIVE_ACCOUNT, emails=emails)
    if account is None:
        return
    user_id, email = account
    seconds = process.settings.reset_token_seconds
    token = await _store_token(process, job, Purpose.RESET_PASSWORD, seconds, user_id, email)
    if token is not None:
        mail = _reset_mail(process.settings.frontend, email, token, seconds)
        await send(process.settings, mail, job.id, process.clock())


async def _store_token(
    process: Process, job: Job, purpose: Purpose, seconds: int, user_id: str, email: str
) -> str | None:
    """Store the job's token, which is valid from now on; None when it was used already."""
    token = derive(process.settings.secret.get_secret_value(), purpose, job.id)
    now = process.clock()
    async with process.database.transaction(QueryStats()) as tx:
        stored = await tx.one(
            KEEP_TOKEN,
            id=job.id,
            user_id=user_id,
            purpose=purpose,
            email=email,
            hash=hashed(token),
            created_at=now,
            expires_at=now + timedelta(seconds=seconds),
        )
    return token if stored else None


def _verification_mail(frontend: str, email: str, token: str, seconds: int) -> Mail:
    text = f"""\
Hello,

please confirm that this is your email address:

{frontend}/verify-email?token={token}

API clients send this token to auth.verifyEmail:

{token}

It is good for {_duration(seconds)}. If you did not ask for it, there is nothing to do.
"""
    return Mail(email, "Confirm your email address", text)


def _changing_mail(frontend: str, email: str) -> Mail:
    """The text does not name the new address, which may belong to a stranger."""
    text = f"""\
Hello,

somebody who is signed in to your account, and knows its password, asked that it use another email
address. It will do so once that address is confirmed. If it was you, there is nothing to do here.

If it was not you, reset your password: that drops the change as long as it is not confirmed. Ask
for it here, with the address that this mail came to:

{frontend}/reset-password

API clients call auth.requestPasswordReset. If no mail comes of it, the other address was confirmed
already: write to us.
"""
    return Mail(email, "Your email address is to change", text)


def _reset_mail(frontend: str, email: str, token: str, seconds: int) -> Mail:
    text = f"""\
Hello,

somebody asked to reset the password of your account. Choose a new one here:

{frontend}/reset-password?token={token}

API clients send this token to auth.resetPassword:

{token}

It is good for {_duration(seconds)}. If it was not you, your password stays as it is: there is
nothing to do.
"""
    return Mail(email, "Reset your password", text)


def _duration(seconds: int) -> str:
    """The duration in whole hours, or else in minutes."""
    hours, rest = divmod(seconds, 3600)
    count, unit = (hours, "hour") if hours and not rest else (max(1, seconds // 60), "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
