"""Operations on the caller's own avatar."""

from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.uploads.tables import UploadPurpose
from persistence.users.views import User
from services.access.permissions import Permission
from services.done import Done
from services.errors.uploads import ImageInvalid, UploadNotFound, UploadNotReady
from services.events import types
from services.operation.context import Context
from services.operation.declaration import Key
from services.operation.inputs import Input, Nothing, Reference
from services.operation.operation import operation
from services.uploads import pictures
from services.users import steps
from services.users.steps import lock_self


class SetAvatar(Input):
    """The upload of the picture."""

    upload_id: Reference = Field(description="An upload of the caller's, for the purpose AVATAR.")


async def _prepare(ctx: Context, input: SetAvatar) -> pictures.Prepared | None:
    return await pictures.prepare_picture(ctx, input.upload_id, UploadPurpose.AVATAR)


@operation(
    "users.setAvatar",
    who=Permission.ACCOUNT_WRITE_OWN,
    input=SetAvatar,
    result=User,
    errors=[UploadNotFound, UploadNotReady, ImageInvalid],
    writes=True,
    emits=(types.USER_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
    prepare=_prepare,
    locks_before_session=lock_self,
    cost=20,
)
async def set_avatar(ctx: Context, tx: Transaction, input: SetAvatar) -> User:
    """Set the caller's avatar from an upload, in three sizes.

    The picture is decoded and written anew: it stands upright, and what a camera wrote into the
    file is gone. It replaces the present avatar, whose files are deleted. The upload is used up.
    """
    user = await steps.find_user(ctx, tx, ctx.user_id)
    ctx.match(user)
    found = await pictures.use_picture(ctx, tx, input.upload_id, UploadPurpose.AVATAR)
    changed = {"avatar": found["address"], "image_variants": found["variants"]}
    return await steps.write_changes(ctx, tx, user, changed)


@operation(
    "users.removeAvatar",
    who=Permission.ACCOUNT_WRITE_OWN,
    input=Nothing,
    result=Done,
    writes=True,
    emits=(types.USER_UPDATED,),
    key=Key.OPTIONAL,
    conditional=True,
    locks_before_session=lock_self,
)
async def remove_avatar(ctx: Context, tx: Transaction, _: Nothing) -> Done:
    """Remove the caller's avatar, with the files of an uploaded one."""
    user = await steps.find_user(ctx, tx, ctx.user_id)
    ctx.match(user)
    await steps.write_changes(ctx, tx, user, {"avatar": None} if user.profile.avatar else {})
    return Done()
