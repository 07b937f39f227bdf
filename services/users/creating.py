"""Create an account: the steps that registering and creating a user share."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from persistence.database.failures import UniqueViolation
from persistence.database.transactions import Transaction
from persistence.users.statements import EMAIL_OF_ANOTHER, INSERT_PROFILE, INSERT_USER
from persistence.users.tables import Role
from persistence.users.views import User
from persistence.wallet import INSERT_ACCOUNT
from services import money
from services.emails import has_other_spellings, spellings
from services.errors.base import FieldError, TandemError
from services.errors.common import ValidationFailed
from services.errors.users import EmailTaken, UsernameTaken
from services.guessable import resembles
from services.jobs.queue import enqueue
from services.operation.context import Context
from services.operation.inputs import Input, Line, Lines, NameLine, Url, formed, wrong
from services.search.columns import sort_columns
from services.users.credentials import TOO_COMMON, Email, NewPassword

#: The usernames of deleted accounts begin with this. No other account may take such a name.
DELETED_PREFIX = "deleted-"


def _check_not_reserved(value: str) -> str:
    if value.lower().startswith(DELETED_PREFIX):
        raise wrong("RESERVED", f"Choose a username that does not begin with {DELETED_PREFIX}.")
    return value


#: The largest number of characters of a person's name.
LONGEST_NAME = 100
Name = Annotated[NameLine, Field(min_length=1, max_length=LONGEST_NAME)]
Bio = Annotated[Lines, Field(min_length=1, max_length=1000)]
_RESEMBLES = "Choose a password that does not resemble your email or username."
Username = Annotated[
    Line,
    Field(
        min_length=3,
        max_length=30,
        pattern=formed(
            r"^[A-Za-z0-9_.-]*$",
            "Use only letters from A to Z, digits, dots, hyphens and underscores.",
        ),
        json_schema_extra={"pattern": "[A-Za-z0-9_.-]{3,30}"},
    ),
    AfterValidator(_check_not_reserved),
]


class NewProfile(Input):
    """The personal facts of a new account."""

    first_name: Name | None = Field(None, description="Given name.", examples=["Ada"])
    last_name: Name | None = Field(None, description="Family name.", examples=["Lovelace"])
    avatar: Url | None = Field(
        None,
        description="URL of a picture, http or https.",
        examples=["https://example.com/ada.png"],
    )
    bio: Bio | None = Field(None, description="A short text about the person.")


_NO_NAME = {"firstName": {"type": "null"}, "lastName": {"type": "null"}}


class NewAccount(Input):
    """A new account."""

    rules = (
        {
            "not": {
                "properties": {
                    **_NO_NAME,
                    "fullName": {"type": "null"},
                    "profile": {"anyOf": [{"type": "null"}, {"properties": _NO_NAME}]},
                }
            }
        },
    )
    sample = {
        "email": "ada@example.com",
        "username": "ada",
        "password": "correct horse battery",
        "fullName": "Ada Lovelace",
    }
    email: Email = Field(description="Email address to sign in with.", examples=["ada@example.com"])
    username: Username = Field(description="Name shown to other users.", examples=["ada"])
    password: NewPassword = Field(
        description="8 to 128 characters.", examples=["correct horse battery"]
    )
    first_name: Name | None = Field(None, description="Given name; or give it in profile.")
    last_name: Name | None = Field(None, description="Family name; or give it in profile.")
    profile: NewProfile | None = Field(
        None, description="Personal facts, in the form in which v2 and GraphQL show them."
    )
    full_name: Name | None = Field(
        None,
        description="The person's full name. Without it, it is the first and the last name.",
        examples=["Ada Lovelace"],
        validate_default=True,
    )

    @field_validator("password")
    @classmethod
    def _refuse_resembling(cls, password: str, info: ValidationInfo) -> str:
        # A bad email or username is not among the data; it is reported by itself.
        known = {name: info.data.get(name, "") for name in ("email", "username")}
        if resembles(password, known["email"], known["username"]):
            raise wrong(TOO_COMMON, _RESEMBLES)
        return password

    @field_validator("full_name")
    @classmethod
    def _derive(cls, full_name: str | None, info: ValidationInfo) -> str | None:
        if full_name is not None or not {"first_name", "last_name", "profile"} <= info.data.keys():
            return full_name
        profile = info.data["profile"]
        derived = joined_name(
            info.data["first_name"] or (profile and profile.first_name),
            info.data["last_name"] or (profile and profile.last_name),
        )
        if derived is None:
            raise wrong("REQUIRED", "Give fullName, or firstName and lastName.")
        if len(derived) > LONGEST_NAME:
            raise wrong("TOO_LONG", f"Give a fullName of at most {LONGEST_NAME} characters.")
        return derived

    @model_validator(mode="after")
    def _each_name_once(self) -> Self:
        refuse_contradiction(self, self.profile)
        return self

    @property
    def facts(self) -> dict[str, Any]:
        """The columns of the new profile."""
        facts = {name: getattr(self.profile, name, None) for name in NewProfile.model_fields}
        facts["first_name"] = self.first_name or facts["first_name"]
        facts["last_name"] = self.last_name or facts["last_name"]
        return facts


def joined_name(first: str | None, last: str | None) -> str | None:
    """The full name that a first and a last name make; None when there is neither."""
    return " ".join(name for name in (first, last) if name) or None


def refuse_contradiction(account: Input, profile: Input | None) -> None:
    """Raise an error for a fact that is given beside ``profile`` and in it, and differs."""
    if profile is None:
        return
    for name in sorted(profile.model_fields_set & account.model_fields_set):
        if getattr(profile, name) != getattr(account, name):
            field = to_camel(name)
            raise wrong("CONFLICT", f"Give {field} once, with one value.", f"profile.{field}")


def refuse_resembling(password: str, user: User) -> None:
    """Raise `ValidationFailed` when a new password resembles the account's email or username."""
    if resembles(password, user.email, user.username):
        raise ValidationFailed(fields=[FieldError("newPassword", TOO_COMMON, _RESEMBLES)])


async def create_account(
    ctx: Context, tx: Transaction, new: NewAccount, password_hash: str, role: Role
) -> str:
    """Create a user with a profile and an empty wallet; returns the user's id.

    A job mails a token that verifies the email. Raises `EmailTaken` or `UsernameTaken`.
    """
    user_id = ctx.new_id()
    await refuse_other_spelling(tx, new.email, user_id)
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
            **sort_columns("full_name", new.full_name or ""),
        )
    except UniqueViolation as error:
        raise taken_error(error) from None
    await tx.all(
        INSERT_PROFILE,
        user_id=user_id,
        **new.facts,
    )
    await tx.all(
        INSERT_ACCOUNT,
        id=ctx.new_id(),
        kind="WALLET",
        user_id=user_id,
        balance=money.currency(ctx.settings.currency).zero,
        currency=ctx.settings.currency,
        created_at=ctx.now,
    )
    await enqueue_verification(ctx, tx, user_id, new.email)
    return user_id


async def refuse_other_spelling(tx: Transaction, email: str, user_id: str) -> None:
    """Raise `EmailTaken` when another account has this email in a spelling from before.

    New emails are canonical, so that an index refuses the same one. Only the few emails that have
    other spellings are looked up.
    """
    if has_other_spellings(email):
        if await tx.one(EMAIL_OF_ANOTHER, emails=spellings(email), user_id=user_id):
            raise EmailTaken


async def enqueue_verification(ctx: Context, tx: Transaction, user_id: str, email: str) -> None:
    """Queue the mail with the token that verifies this address."""
    await enqueue(ctx, tx, "mail.verifyEmail", {"userId": user_id, "email": email})


def taken_error(error: UniqueViolation) -> TandemError:
    """The error for the value that another account has: the email or the username."""
    return EmailTaken() if error.constraint == "users_email_key" else UsernameTaken()
