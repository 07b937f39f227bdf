"""Users managed by admins: created, changed, and signed out everywhere."""

from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.sessions.statements import REVOKE_SESSIONS_OF
from persistence.users.statements import LOCK_USER, LOCK_USER_AND_ADMINS
from persistence.users.tables import Role
from persistence.users.views import User
from services.access.permissions import Permission
from services.done import Done
from services.errors.common import (
    EmailTaken,
    LastAdmin,
    UsernameTaken,
    UserNotFound,
)
from services.operation.context import Context
from services.operation.inputs import (
    PathId,
)
from services.operation.patches import ABSENT
from services.operation.running import Key, operation
from services.users import steps
from services.users.creating import NewAccount, create_account, enqueue_verification
from services.users.own_account import UserPatch
from services.users.reading import UserId


class UpdateUser(UserPatch):
    """What changes in somebody's account; what is left out stays."""

    id: PathId = Field(description="The user's id.")
    role: Role = Field(ABSENT, description="What the user is in the shop.", strict=False)
    is_active: bool = Field(ABSENT, description="False closes the account, true opens it again.")


class CreateUser(NewAccount):
    """A new account, made by an admin."""

    role: Role = Field(description="What the user is in the shop.", strict=False)


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
    prepare=_hash_password,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateUser) -> User:
    """Make an account for somebody, with its wallet.

    The email and the username are unique whatever their case. A mail asks to verify the email.
    """
    user_id = await create_account(ctx, tx, input, ctx.prepared, input.role)
    ctx.record("user", user_id, "email", "username", "fullName", "profile", "role")
    return await steps.load_user(tx, user_id)


@operation(
    "users.update",
    who=Permission.USERS_WRITE_ALL,
    input=UpdateUser,
    result=User,
    errors=[UserNotFound, EmailTaken, UsernameTaken, LastAdmin],
    writes=True,
    revokes=True,
    key=Key.OPTIONAL,
    conditional=True,
    locks=_lock_user_and_admins,
)
async def update(ctx: Context, tx: Transaction, input: UpdateUser) -> User:
    """Change somebody's account; the last active admin stays one.

    Another role ends the user's sessions, and closing the account its API keys as well. A new
    email counts at once, unverified, and a mail asks to verify it.
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
    revokes=True,
    key=Key.OPTIONAL,
    locks=_lock_user,
)
async def revoke_sessions(ctx: Context, tx: Transaction, input: UserId) -> Done:
    """End all sessions of a user; their API keys stay."""
    user = await steps.find_user(ctx, tx, input.id)
    ctx.record("user", user.id, "sessions")
    await tx.all(REVOKE_SESSIONS_OF, user_id=user.id, now=ctx.now, kept=None)
    return Done()
