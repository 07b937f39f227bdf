"""REST routes of people."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created
from api.rest.operation_route import OperationRoute
from services.users import avatars, exporting, managing, own_account, reading

router = APIRouter(route_class=OperationRoute)


@router.get("/me", name="users.me", operation_id="me")
async def me(call: Call) -> Answer:
    return await own_account.me(call.request, call.input)


@router.patch("/me", name="users.updateMe", operation_id="updateMe")
async def update_me(call: Call) -> Answer:
    return await own_account.update_me(
        call.request, call.input, key=call.key, if_match=call.if_match
    )


@router.put("/me/avatar", name="users.setAvatar", operation_id="setAvatar")
async def set_avatar(call: Call) -> Answer:
    return await avatars.set_avatar(call.request, call.input, key=call.key, if_match=call.if_match)


@router.delete(
    "/me/avatar", name="users.removeAvatar", operation_id="removeAvatar", status_code=204
)
async def remove_avatar(call: Call) -> Answer:
    await avatars.remove_avatar(call.request, call.input, key=call.key, if_match=call.if_match)
    return None


@router.post("/me/password", name="users.changePassword", operation_id="changePassword")
async def change_password(call: Call) -> Answer:
    return await own_account.change_password(call.request, call.input)


@router.delete("/me", name="users.deleteMe", operation_id="deleteMe", status_code=204)
async def delete_me(call: Call) -> Answer:
    await own_account.delete_me(call.request, call.input)
    return None


@router.get("/me/export", name="users.export", operation_id="exportMe")
async def export_me(call: Call) -> Answer:
    return await exporting.export(call.request, call.input)


@router.get("/admin/users", name="users.list", operation_id="users")
async def list_users(call: Call) -> Answer:
    return await reading.list_(call.request, call.input)


@router.get("/users/{id}", name="users.get", operation_id="user")
async def get_user(call: Call) -> Answer:
    return await reading.get(call.request, call.input)


@router.post("/admin/users", name="users.create", operation_id="createUser", status_code=201)
async def create_user(call: Call) -> Answer:
    user = await managing.create(call.request, call.input)
    return Created(user, f"/users/{user.id}")


@router.patch("/admin/users/{id}", name="users.update", operation_id="updateUser")
async def update_user(call: Call) -> Answer:
    return await managing.update(call.request, call.input, key=call.key, if_match=call.if_match)


@router.post(
    "/admin/users/{id}/revoke-sessions",
    name="users.revokeSessions",
    operation_id="revokeUserSessions",
)
async def revoke_sessions(call: Call) -> Answer:
    return await managing.revoke_sessions(call.request, call.input, key=call.key)
