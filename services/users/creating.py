"""Create an account: the steps that registering and creating a user share."""

from typing import Annotated

from pydantic import AfterValidator, Field

from persistence.database.failures import UniqueViolation
from persistence.database.transactions import Transaction
from persistence.users.statements import INSERT_PROFILE, INSERT_USER
from persistence.users.tables import Role
from persistence.wallet import INSERT_ACCOUNT
from services import money
from services.errors.base import TandemError
from services.errors.users import EmailTaken, UsernameTaken
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.operation.inputs import Email, Input, Line, Password, wrong

#: The usernames of deleted accounts begin with this. No other account may take such a name.
DELETED_PREFIX = "deleted-"


def _check_not_reserved(value: str) -> str:
    if value.lower().startswith(DELETED_PREFIX):
        raise wrong("RESERVED", f"Choose a username that does not begin with {DELETED_PREFIX}.")
    return value


Name = Annotated[Line, Field(min_length=1, max_length=100)]
Username = Annotated[
    Line,
    Field(
        min_length=3,
        max_length=30,
        pattern=r"^[A-Za-z0-9_.-]*$",
        json_schema_extra={"pattern": "[A-Za-z0-9_.-]{3,30}"},
    ),
    AfterValidator(_check_not_reserved),
]


class NewAccount(Input):
    """A new account."""

    email: Email = Field(description="Email address to sign in with.", examples=["ada@example.com"])
    username: Username = Field(description="Name shown to other users.", examples=["ada"])
    password: Password = Field(
        description="8 to 128 characters.", examples=["correct horse battery"]
    )
    full_name: Name = Field(description="The person's full name.", examples=["Ada Lovelace"])
    first_name: Name | None = Field(None, description="Given name.")
    last_name: Name | None = Field(None, description="Family name.")


async def create_account(
    ctx: Context, tx: Transaction, new: NewAccount, password_hash: str, role: Role
) -> str:
    """Create a user with a profile and an empty wallet; returns the user's id.

    A job mails a token that verifies the email. Raises `EmailTaken` or `UsernameTaken`.
    """
    user_id = ctx.new_id()
    try:
        await tx.all(
            INSERT_USER,
            id=user_id,
            email=new.email,
            username=new.username,
            full_name=new.full_name,
            password_hash=password_hash,
            role=role,
            created_at=ctx.now,
        )
    except UniqueViolation as error:
        raise taken_error(error) from None
    await tx.all(
        INSERT_PROFILE,
        user_id=user_id,
        first_name=new.first_name,
        last_name=new.last_name,
        avatar=None,
        bio=None,
    )
    await tx.all(
        INSERT_ACCOUNT,
        id=ctx.new_id(),
        kind="WALLET",
        user_id=user_id,
        balance=money.ZERO,
        currency=ctx.settings.currency,
        created_at=ctx.now,
    )
    await enqueue_verification(ctx, tx, user_id, new.email)
    return user_id


async def enqueue_verification(ctx: Context, tx: Transaction, user_id: str, email: str) -> None:
    """Queue the mail with the token that verifies this address."""
    await enqueue(ctx, tx, "mail.verifyEmail", {"userId": user_id, "email": email})


def taken_error(error: UniqueViolation) -> TandemError:
    """The error for the value that another account has: the email or the username."""
    return EmailTaken() if error.constraint == "users_email_key" else UsernameTaken()
