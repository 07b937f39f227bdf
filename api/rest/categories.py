"""REST routes of categories."""

from api.rest.calls import Answer, Call, Created, route
from services import categories


@route("categories", "GET", "/categories", categories.list_)
async def list_categories(call: Call) -> Answer:
    return await categories.list_(call.request, call.input, wanted=call.wanted)


@route("category", "GET", "/categories/{id}", categories.get)
async def get_category(call: Call) -> Answer:
    return await categories.get.encoded(call.request, call.input)


@route("createCategory", "POST", "/categories", categories.create, status=201)
async def create_category(call: Call) -> Answer:
    category = await categories.create(call.request, call.input, key=call.key)
    return Created(category, f"/categories/{category.id}")


@route("updateCategory", "PATCH", "/categories/{id}", categories.update)
async def update_category(call: Call) -> Answer:
    return await categories.update(call.request, call.input, key=call.key, if_match=call.if_match)


@route("deleteCategory", "DELETE", "/categories/{id}", categories.delete, status=204)
async def delete_category(call: Call) -> Answer:
    await categories.delete(call.request, call.input, key=call.key, if_match=call.if_match)
    return None
