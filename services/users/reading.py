"""Reads of users: one user as the caller may see it, and the list for admins."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from persistence.users.statements import AUTHORS, PUBLIC_USERS_EVER
from persistence.users.tables import Role as Role
from persistence.users.views import PUBLIC_USER, USER, USERS, PublicUser, User
from persistence.users.views import Profile as Profile
from services.access.permissions import Permission
from services.errors.users import UserNotFound
from services.operation import paging
from services.operation.context import Context, Request, viewer_values_for_relation
from services.operation.inputs import (
    Flag,
    Input,
    Line,
    PathId,
)
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.users import steps

UserSort = Literal[
    "-createdAt",
    "createdAt",
    "username",
    "-username",
    "email",
    "-email",
    "fullName",
    "-fullName",
]


class UserId(Input):
    """The user."""

    id: PathId = Field(description="The user's id.")


class ListUsers(Paged):
    """Filters and sort of the list of users."""

    role: Role | None = Field(None, description="The users' role.", strict=False)
    is_active: Flag | None = Field(
        None, description="True for open accounts only, false for closed ones only."
    )
    search: Annotated[Line, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Beginning of the email, username or full name; case does not matter."
    )
    sort: UserSort = Field("-createdAt", description="How the list is sorted.")


@operation("users.list", who=Permission.USERS_READ_ALL, input=ListUsers, result=User, paged=True)
async def list_(ctx: Context, input: ListUsers) -> Page[User]:
    """List all accounts except deleted ones, newest first."""
    filters = {"role": input.role, "isActive": input.is_active, "search": input.search}
    return await paging.page(ctx, USERS, input, input.sort, filters)


@operation(
    "users.get",
    who=Permission.USERS_READ_PUBLIC,
    input=UserId,
    result=User | PublicUser,
    errors=[UserNotFound],
)
async def get(ctx: Context, input: UserId) -> User | PublicUser:
    """Read one user: the whole account for its owner and for admins, else the public part.

    An API key needs account:read:own or users:read:all to get the whole account.
    """
    user: User | PublicUser | None
    if steps.sees_account(ctx, input.id):
        user = await ctx.reader.one(USER.by_ids, ids=[input.id], **ctx.viewer_values)
    else:
        user = await ctx.reader.one(PUBLIC_USER.by_ids, ids=[input.id], **ctx.viewer_values)
    if user is None:
        raise UserNotFound
    return user


async def public_by_ids(request: Request, ids: Sequence[str]) -> dict[str, PublicUser]:
    """Load the public part of users, by id; relation of orders.

    Orders outlive accounts, so a deleted account is shown as its placeholder.
    """
    viewer: dict[str, Any] = viewer_values_for_relation(request, "users")
    rows = await request.reader.all(PUBLIC_USERS_EVER, ids=list(ids), **viewer)
    return {row.id: row for row in rows}


async def authors_by_ids(request: Request, ids: Sequence[str]) -> dict[str, PublicUser]:
    """Load the public part of authors, by id; relation of posts and comments.

    Anybody may know who wrote what anybody may read. Posts outlive accounts as well.
    """
    rows = await request.reader.all(AUTHORS, ids=list(ids))
    return {row.id: row for row in rows}
