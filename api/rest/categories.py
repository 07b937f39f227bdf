"""REST routes of categories."""

from api.rest.calls import Answer, Call, route
from services import categories


@route("categories", "GET", "/categories", categories.list_)
async def list_categories(call: Call) -> Answer:
    return await categories.list_(call.request, call.input)


@route("category", "GET", "/categories/{id}", categories.get)
async def get_category(call: Call) -> Answer:
    return await categories.get(call.request, call.input)
