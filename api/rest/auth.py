"""REST routes of registering, signing in, renewing and ending sessions."""

from api.rest.calls import Answer, Call, Created, route
from services import auth


@route("register", "POST", "/auth/register", auth.register, status=201)
async def register(call: Call) -> Answer:
    return Created(await auth.register(call.request, call.input), "/me")


@route("login", "POST", "/auth/login", auth.login)
async def login(call: Call) -> Answer:
    return await auth.login(call.request, call.input)


@route("refreshToken", "POST", "/auth/refresh", auth.refresh)
async def refresh(call: Call) -> Answer:
    return await auth.refresh(call.request, call.input)


@route("logout", "POST", "/auth/logout", auth.logout)
async def logout(call: Call) -> Answer:
    return await auth.logout(call.request, call.input)
