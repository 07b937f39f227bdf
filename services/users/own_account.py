"""Operations on the caller's own account: read, change, delete it, and change its password."""

from typing import Any, Self

from pydantic import Field, model_validator
from pydantic.alias_generators import to_camel

from persistence.database.transactions import Transaction
from persistence.sessions.statements import REVOKE_SESSIONS_OF
from persistence.users.statements import (
    CHANGE_PASSWORD,
    LOCK_USER,
    LOCK_USER_AND_ADMINS,
    PASSWORD_HASH,
)
from persistence.users.tables import Role
from persistence.users.views import USER, User
from services.access.permissions import Permission
from services.done import Done
from services.errors.auth import InvalidCredentials
from services.errors.common import Unauthenticated
from services.errors.users import AccountNotEmpty, EmailTaken, LastAdmin, UsernameTaken
from services.events import audience, types
from services.events.emitting import emit
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, Nothing, Url
from services.operation.operation import operation
from services.operation.patches import ABSENT, Patch
from services.quota.charging import charge_attempt
from services.quota.quota import Policy
from services.users import steps
from services.users.creating import Bio, Name, Username, refuse_contradiction, refuse_resembling
from services.users.credentials import Email, NewPassword, Password
from services.users.leaving import forget_person, remove_content
from services.users.steps import lock_self


class UpdateProfile(Patch):
    """The changes to the personal facts of an account. Absent fields stay as they are."""

    first_name: Name | None = Field(None, description="Given name; null clears it.")
    last_name: Name | None = Field(None, description="Family name; null clears it.")
    avatar: Url | None = Field(
        None,
        description="URL of a picture, http or https; null clears it.",
        examples=["https://example.com/ada.png"],
    )
    bio: Bio | None = Field(None, description="A short text about the person; null clears it.")


class UserPatch(Patch):
    """The changes to an account. Absent fields stay as they are."""

    username: Username = Field(ABSENT, description="Name shown to other users.", examples=["ada"])
    email: Email = Field(
        ABSENT, description="Email address to sign in with.", examples=["ada@example.com"]
    )
    full_name: Name = Field(
        ABSENT,
        description="The person's full name. One made of first and last name follows them.",
        examples=["Ada Lovelace"],
    )
    first_name: Name | None = Field(None, description="Given name; null clears it.")
    last_name: Name | None = Field(None, description="Family name; null clears it.")
    avatar: Url | None = Field(
        None,
        description="URL of a picture, http or https; null clears it.",
        examples=["https://example.com/ada.png"],
    )
    bio: Bio | None = Field(None, description="A short text about the person; null clears it.")
    profile: UpdateProfile = Field(
        ABSENT, description="Personal facts, in the form in which v2 and GraphQL show them."
    )

    @model_validator(mode="after")
    def _each_fact_once(self) -> Self:
        refuse_contradiction(self, self.profile)
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The fields that the caller gave, the ones of ``profile`` among them."""
        given = super().given
        profile: UpdateProfile | None = given.pop("profile", None)
        return {**profile.given, **given} if profile else given


class UpdateMe(UserPatch):
    """The changes to the caller's account. Absent fields stay as they are."""

    rules = ({"anyOf": [{"required": [to_camel(name)]} for name in UserPatch.model_fields]},)
    current_password: Password = Field(
        ABSENT,
        description="The account's password. Required to change the email, else ignored.",
        examples=["tandem-demo-1"],
    )

    @property
    def given(self) -> dict[str, Any]:
        """The changes without the password, which proves who calls and changes nothing."""
        given = super().given
        given.pop("current_password", None)
        return given

    def plain(self) -> dict[str, Any]:
        """The input without the password: its fast hash is stored, and would let one guess it."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"current_password"})


class ChangePassword(Input):
    """The current password, and the new one."""

    current_password: Password = Field(
        description="The current password.", examples=["tandem-demo-1"]
    )
    new_password: NewPassword = Field(
        description="8 to 128 characters.", examples=["correct horse battery"]
    )


class DeleteMe(Input):
    """The password, as a confirmation."""

    password: Password = Field(description="The account's password.", examples=["tandem-demo-1"])


async def _verify_current_password(ctx: Context, password: str) -> str | None:
    """The stored hash that the password was verified against; None when the password is wrong."""
    stored_hash = await ctx.reader.one(PASSWORD_HASH, user_id=ctx.user_id)
    ctx.right_password = await ctx.process.passwords.verify(password, stored_hash)
    return stored_hash if ctx.right_password else None


async def _verify_for_email(ctx: Context, input: UpdateMe) -> str | None:
    """Verify the password when the input gives an email and a password.

    The call is charged to the budgets of signing in and of mail. So it cannot be used to guess
    more passwords than signing in allows, or to flood a stranger's address.
    """
    if not {"email", "current_password"} <= input.model_fields_set:
        return None
    # Both are charged before the password is verified: the budgets must not tell if it is right.
    ctx.reserved = await charge_attempt(ctx.request, Policy.LOGIN, ctx.caller, None)
    await charge_attempt(ctx.request, Policy.MAIL, ctx.caller, None)
    return await _verify_current_password(ctx, input.current_password)


async def _verify_password(ctx: Context, input: DeleteMe) -> str | None:
    return await _verify_current_password(ctx, input.password)


async def _verify_and_hash(ctx: Context, input: ChangePassword) -> tuple[str, str] | None:
    """The verified hash and the hash of the new password; None when the password is wrong."""
    stored_hash = await _verify_current_password(ctx, input.current_password)
    if stored_hash is None:
        return None
    return stored_hash, await ctx.process.passwords.hash(input.new_password)


async def _lock_self_and_admins(ctx: Context, tx: Transaction, _: Input) -> None:
    admin = ctx.caller is not None and ctx.caller.role is Role.ADMIN
    await tx.all(LOCK_USER_AND_ADMINS if admin else LOCK_USER, user_id=ctx.user_id)


@operation("users.me", who=Permission.ACCOUNT_READ_OWN, input=Nothing, result=User)
async def me(ctx: Context, _: Nothing) -> User:
    """Read the caller's own account."""
    user = await ctx.reader.one(USER.by_ids, ids=[ctx.user_id], **ctx.viewer_values)
    if user is None:
        raise Unauthenticated
    return user


@operation(
    "users.updateMe",
    who=Permission.ACCOUNT_WRITE_OWN,
    input=UpdateMe,
    result=User,
    errors=[EmailTaken, InvalidCredentials, UsernameTaken],
    writes=True,
    emits=(types.USER_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
    prepare=_verify_for_email,
    locks_before_session=lock_self,
)
async def update_me(ctx: Context, tx: Transaction, input: UpdateMe) -> User:
    """Change the caller's own account.

    A new email needs currentPassword. It is stored as pendingEmail and replaces the present email
    once it is verified. Tandem mails a token to the new email and a warning to the present one. To
    withdraw a pending email, send the present email with currentPassword.
    """
    user = await steps.find_user(ctx, tx, ctx.user_id)
    if "current_password" not in input.model_fields_set:
        steps.refuse_email_without_password(user, input)
    elif "email" in input.given:
        await steps.refuse_wrong_password(ctx, tx)
    ctx.match(user)
    changed = steps.changed_columns(user, input)
    if "email" in input.given:
        await steps.set_pending_email(ctx, tx, user, changed)
    return await steps.write_changes(ctx, tx, user, changed)


@operation(
    "users.changePassword",
    who=Permission.PASSWORD_WRITE_OWN,
    input=ChangePassword,
    result=Done,
    errors=[InvalidCredentials],
    writes=True,
    emits=(types.USER_UPDATED,),
    revokes=True,
    prepare=_verify_and_hash,
    locks_before_session=lock_self,
    cost=5,
    quota=Policy.LOGIN,
)
async def change_password(ctx: Context, tx: Transaction, input: ChangePassword) -> Done:
    """Change the caller's password, and end all their other sessions.

    A pending email is dropped. API keys stay valid: revoke them one by one.
    """
    hashes: tuple[str, str] | None = ctx.prepared
    ctx.refresh_now()
    ctx.record("user", ctx.user_id, "password")
    if hashes is None:
        raise InvalidCredentials("The current password is wrong.")
    verified, new_hash = hashes
    user = await steps.load_user(tx, ctx.user_id)
    refuse_resembling(input.new_password, user)
    changed = await tx.one(
        CHANGE_PASSWORD, user_id=ctx.user_id, verified=verified, new_hash=new_hash
    )
    if changed is None:
        raise InvalidCredentials("The current password is wrong.")
    own_session_id = ctx.caller and ctx.caller.session_id
    await tx.all(REVOKE_SESSIONS_OF, user_id=ctx.user_id, now=ctx.now, kept=own_session_id)
    if user.pending_email is not None:
        stored = await steps.load_user(tx, user.id)
        emit(ctx, types.USER_UPDATED, stored, audience.of_user(user.id))
    return Done()


@operation(
    "users.deleteMe",
    who=Permission.ACCOUNT_DELETE_OWN,
    input=DeleteMe,
    result=Done,
    errors=[InvalidCredentials, AccountNotEmpty, LastAdmin],
    writes=True,
    emits=(types.USER_DELETED, types.POST_DELETED),
    revokes=True,
    prepare=_verify_password,
    locks_before_session=_lock_self_and_admins,
    cost=5,
    quota=Policy.LOGIN,
)
async def delete_me(ctx: Context, tx: Transaction, _: DeleteMe) -> Done:
    """Delete the caller's account for good.

    All personal data, uploads, drafts, likes and projects are removed, and all sessions and API
    keys end. Orders, ledger and audit log stay. Published posts and comments stay as a deleted
    user's, or they are removed as well: the shop's settings decide. The call is refused while the
    wallet holds money, a deposit is pending or an order is open.
    """
    verified: str | None = ctx.prepared
    ctx.refresh_now()
    ctx.record("user", ctx.user_id, "deletedAt")
    if verified is None:
        raise InvalidCredentials("The password is wrong.")
    user = await steps.load_user(tx, ctx.user_id)
    await steps.refuse_last_admin(tx, user, {"is_active": False})
    await steps.revoke_access(ctx, tx)
    await steps.refuse_nonempty_account(tx, ctx.user_id)
    await steps.anonymise_account(ctx, tx, user, verified)
    await remove_content(ctx, tx)
    emit(ctx, types.USER_DELETED, None, audience.of_user(user.id), subject=user.id)
    await forget_person(tx, user.id)
    return Done()
