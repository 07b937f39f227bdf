"""Operations of admins: create and change accounts, and end their sessions."""

from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.sessions.statements import REVOKE_SESSIONS_OF
from persistence.users.statements import LOCK_USER, LOCK_USER_AND_ADMINS
from persistence.users.tables import Role
from persistence.users.views import User
from services.access.permissions import Permission
from services.done import Done
from services.errors.users import EmailTaken, LastAdmin, UsernameTaken, UserNotFound
from services.events import audience, types
from services.events.emitting import emit
from services.events.types import none
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import (
    PathId,
)
from services.operation.operation import operation
from services.operation.patches import ABSENT
from services.users import steps
from services.users.creating import NewAccount, create_account, enqueue_verification
from services.users.own_account import UserPatch
from services.users.reading import UserId


class UpdateUser(UserPatch):
    """The changes to a user's account. Absent fields stay as they are."""

    id: PathId = Field(description="The user's id.")
    role: Role = Field(ABSENT, description="The user's role.", strict=False)
    is_active: bool = Field(ABSENT, description="False closes the account, true reopens it.")


class CreateUser(NewAccount):
    """A new account, created by an admin."""

    sample = {**NewAccount.sample, "role": Role.MANAGER.value}
    role: Role = Field(description="The user's role.", strict=False)


async def _hash_password(ctx: Context, input: CreateUser) -> str:
    return await ctx.process.passwords.hash(input.password)


async def _lock_user(ctx: Context, tx: Transaction, input: UserId) -> None:
    await tx.all(LOCK_USER, user_id=input.id)


async def _lock_user_and_admins(ctx: Context, tx: Transaction, input: UpdateUser) -> None:
    may_end_admin = {"role", "is_active"} & input.given.keys()
    await tx.all(LOCK_USER_AND_ADMINS if may_end_admin else LOCK_USER, user_id=input.id)


@operation(
    "users.create",
    who=Permission.USERS_WRITE_ALL,
    input=CreateUser,
    result=User,
    errors=[EmailTaken, UsernameTaken],
    writes=True,
    emits=(types.USER_CREATED,),
    prepare=_hash_password,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateUser) -> User:
    """Create an account with a wallet for another person.

    The email and the username are unique regardless of case. Tandem mails a token that verifies
    the email.
    """
    user_id = await create_account(ctx, tx, input, ctx.prepared, input.role)
    ctx.record("user", user_id, "email", "username", "fullName", "profile", "role")
    user = await steps.load_user(tx, user_id)
    emit(ctx, types.USER_CREATED, user, audience.of_user(user.id))
    return user


@operation(
    "users.update",
    who=Permission.USERS_WRITE_ALL,
    input=UpdateUser,
    result=User,
    errors=[UserNotFound, EmailTaken, UsernameTaken, LastAdmin],
    writes=True,
    emits=(types.USER_UPDATED, types.USER_DISABLED),
    revokes=True,
    key=Key.OPTIONAL,
    conditional=True,
    locks_before_session=_lock_user_and_admins,
)
async def update(ctx: Context, tx: Transaction, input: UpdateUser) -> User:
    """Change a user's account. The last active admin cannot be demoted or closed.

    A new role ends the user's sessions. Closing the account ends its sessions and its API keys. A
    new email takes effect at once, unverified, and Tandem mails a token that verifies it.
    """
    user = await steps.find_user(ctx, tx, input.id)
    ctx.match(user)
    changed = steps.changed_columns(user, input)
    await steps.refuse_last_admin(tx, user, changed)
    if "email" in input.given and user.pending_email is not None:
        changed["pending_email"] = None
    user = await steps.write_changes(ctx, tx, user, changed)
    if "email" in changed:
        await enqueue_verification(ctx, tx, user.id, user.email)
    return user


@operation(
    "users.revokeSessions",
    who=Permission.USERS_WRITE_ALL,
    input=UserId,
    result=Done,
    errors=[UserNotFound],
    writes=True,
    emits=none("Sessions are no things that others hear of."),
    revokes=True,
    key=Key.OPTIONAL,
    locks_before_session=_lock_user,
)
async def revoke_sessions(ctx: Context, tx: Transaction, input: UserId) -> Done:
    """End all sessions of a user. Their API keys stay valid."""
    user = await steps.find_user(ctx, tx, input.id)
    ctx.record("user", user.id, "sessions")
    await tx.all(REVOKE_SESSIONS_OF, user_id=user.id, now=ctx.now, kept=None)
    return Done()
