"""API keys: how machine clients sign in. Their list is a field of `User`."""

from typing import Any

import strawberry

from schema.building.fields import Info, field, write_options
from schema.building.types import mirror
from schema.done import Done
from schema.node import Node
from services import api_keys
from services.api_keys import ApiKey as ApiKeyView
from services.api_keys import CreatedApiKey as CreatedApiKeyView


@mirror(ApiKeyView)
class ApiKey(Node):
    pass


@mirror(CreatedApiKeyView)
class CreatedApiKey:
    pass


@strawberry.type
class Mutation:
    @field(api_keys.create, "createApiKey", CreatedApiKey)
    async def create_api_key(self, info: Info, raw: dict[str, Any]) -> object:
        return await api_keys.create(info.context.request, raw)

    @field(api_keys.revoke, "revokeApiKey", Done)
    async def revoke_api_key(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await api_keys.revoke(info.context.request, raw, **options)
