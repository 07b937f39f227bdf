"""People: the caller's own account, and others as they may be seen."""

from collections.abc import Sequence

from persistence.users import PUBLIC_USER, USER, PublicUser, User
from persistence.users import Profile as Profile
from persistence.users import Role as Role
from services.core.callers import glimpse
from services.core.context import Context, Request
from services.core.errors import Unauthenticated
from services.core.inputs import Nothing
from services.core.operation import operation
from services.core.permissions import Permission


@operation("users.me", who=Permission.ACCOUNT_READ_OWN, input=Nothing, result=User)
async def me(ctx: Context, _: Nothing) -> User:
    """The caller's own account."""
    user = await ctx.reader.one(USER.by_ids, ids=[ctx.user_id], **ctx.sight)
    if user is None:
        raise Unauthenticated
    return user


async def public_by_ids(request: Request, ids: Sequence[str]) -> dict[str, PublicUser]:
    """Users as other people see them, by id; relation of orders."""
    rows = await request.reader.all(PUBLIC_USER.by_ids, ids=list(ids), **glimpse(request, "users"))
    return {row.id: row for row in rows}
