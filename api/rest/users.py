"""REST routes of people."""

from api.rest.calls import Answer, Call, Created, route
from services.users import managing, own_account, reading


@route("me", "GET", "/me", own_account.me)
async def me(call: Call) -> Answer:
    return await own_account.me(call.request, call.input)


@route("updateMe", "PATCH", "/me", own_account.update_me)
async def update_me(call: Call) -> Answer:
    return await own_account.update_me(
        call.request, call.input, key=call.key, if_match=call.if_match
    )


@route("changePassword", "POST", "/me/password", own_account.change_password)
async def change_password(call: Call) -> Answer:
    return await own_account.change_password(call.request, call.input)


@route("deleteMe", "DELETE", "/me", own_account.delete_me, status=204)
async def delete_me(call: Call) -> Answer:
    await own_account.delete_me(call.request, call.input)
    return None


@route("users", "GET", "/admin/users", reading.list_)
async def list_users(call: Call) -> Answer:
    return await reading.list_(call.request, call.input)


@route("user", "GET", "/users/{id}", reading.get)
async def get_user(call: Call) -> Answer:
    return await reading.get(call.request, call.input)


@route("createUser", "POST", "/admin/users", managing.create, status=201)
async def create_user(call: Call) -> Answer:
    user = await managing.create(call.request, call.input)
    return Created(user, f"/users/{user.id}")


@route("updateUser", "PATCH", "/admin/users/{id}", managing.update)
async def update_user(call: Call) -> Answer:
    return await managing.update(call.request, call.input, key=call.key, if_match=call.if_match)


@route("revokeUserSessions", "POST", "/admin/users/{id}/revoke-sessions", managing.revoke_sessions)
async def revoke_sessions(call: Call) -> Answer:
    return await managing.revoke_sessions(call.request, call.input, key=call.key)
