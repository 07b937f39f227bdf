"""REST routes of categories."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created
from api.rest.operation_route import OperationRoute
from services import categories

router = APIRouter(prefix="/categories", route_class=OperationRoute)


@router.get("", name="categories.list", operation_id="categories")
async def list_categories(call: Call) -> Answer:
    return await categories.list_(call.request, call.input, wanted=call.wanted)


@router.get("/{id}", name="categories.get", operation_id="category")
async def get_category(call: Call) -> Answer:
    return await categories.get.encoded(call.request, call.input)


@router.post("", name="categories.create", operation_id="createCategory", status_code=201)
async def create_category(call: Call) -> Answer:
    category = await categories.create(call.request, call.input, key=call.key)
    return Created(category, f"/categories/{category.id}")


@router.patch("/{id}", name="categories.update", operation_id="updateCategory")
async def update_category(call: Call) -> Answer:
    return await categories.update(call.request, call.input, key=call.key, if_match=call.if_match)


@router.delete("/{id}", name="categories.delete", operation_id="deleteCategory", status_code=204)
async def delete_category(call: Call) -> Answer:
    await categories.delete(call.request, call.input, key=call.key, if_match=call.if_match)
    return None
