"""REST routes of the caller's API keys."""

from api.rest.calls import Answer, Call, Created, nested, route
from services import api_keys
from services.operation.paging import ME


@route("apiKeys", "GET", "/me/api-keys", api_keys.list_)
async def list_api_keys(call: Call) -> Answer:
    return await nested(call, api_keys.list_, ME)


@route("createApiKey", "POST", "/me/api-keys", api_keys.create, status=201)
async def create_api_key(call: Call) -> Answer:
    return Created(await api_keys.create(call.request, call.input), "/me/api-keys")


@route("revokeApiKey", "DELETE", "/me/api-keys/{id}", api_keys.revoke, status=204)
async def revoke_api_key(call: Call) -> Answer:
    await api_keys.revoke(call.request, call.input, key=call.key)
    return None
