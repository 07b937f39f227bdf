"""REST routes of people."""

from api.rest.calls import Answer, Call, route
from services import users


@route("me", "GET", "/me", users.me)
async def me(call: Call) -> Answer:
    return await users.me(call.request, call.input)
