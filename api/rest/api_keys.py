"""REST routes of the caller's API keys."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created, nested
from api.rest.operation_route import OperationRoute
from services import api_keys
from services.operation.paging import ME

router = APIRouter(prefix="/me/api-keys", route_class=OperationRoute)


@router.get("", name="apiKeys.list", operation_id="apiKeys")
async def list_api_keys(call: Call) -> Answer:
    return await nested(call, api_keys.list_, ME)


@router.post("", name="apiKeys.create", operation_id="createApiKey", status_code=201)
async def create_api_key(call: Call) -> Answer:
    return Created(await api_keys.create(call.request, call.input), "/me/api-keys")


@router.delete("/{id}", name="apiKeys.revoke", operation_id="revokeApiKey", status_code=204)
async def revoke_api_key(call: Call) -> Answer:
    await api_keys.revoke(call.request, call.input, key=call.key)
    return None
