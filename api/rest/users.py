"""REST routes of people."""

from api.rest.calls import Answer, Call, Created, route
from services.users import managing as users


@route("me", "GET", "/me", users.me)
async def me(call: Call) -> Answer:
    return await users.me(call.request, call.input)


@route("updateMe", "PATCH", "/me", users.update_me)
async def update_me(call: Call) -> Answer:
    return await users.update_me(call.request, call.input, key=call.key, if_match=call.if_match)


@route("changePassword", "POST", "/me/password", users.change_password)
async def change_password(call: Call) -> Answer:
    return await users.change_password(call.request, call.input)


@route("deleteMe", "DELETE", "/me", users.delete_me, status=204)
async def delete_me(call: Call) -> Answer:
    await users.delete_me(call.request, call.input)
    return None


@route("users", "GET", "/admin/users", users.list_)
async def list_users(call: Call) -> Answer:
    return await users.list_(call.request, call.input)


@route("user", "GET", "/users/{id}", users.get)
async def get_user(call: Call) -> Answer:
    return await users.get(call.request, call.input)


@route("createUser", "POST", "/admin/users", users.create, status=201)
async def create_user(call: Call) -> Answer:
    user = await users.create(call.request, call.input)
    return Created(user, f"/users/{user.id}")


@route("updateUser", "PATCH", "/admin/users/{id}", users.update)
async def update_user(call: Call) -> Answer:
    return await users.update(call.request, call.input, key=call.key, if_match=call.if_match)


@route("revokeUserSessions", "POST", "/admin/users/{id}/revoke-sessions", users.revoke_sessions)
async def revoke_sessions(call: Call) -> Answer:
    return await users.revoke_sessions(call.request, call.input, key=call.key)
