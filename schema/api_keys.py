"""API keys: how machine clients sign in. Their list is a field of `User`."""

import strawberry

from schema.building.fields import write
from schema.building.types import mirror
from schema.done import Done
from schema.node import Node
from services import api_keys


@mirror(api_keys.ApiKey)
class ApiKey(Node):
    pass


@mirror(api_keys.CreatedApiKey)
class CreatedApiKey:
    pass


@strawberry.type
class Mutation:
    create_api_key = write(api_keys.create, "createApiKey", CreatedApiKey)
    revoke_api_key = write(api_keys.revoke, "revokeApiKey", Done)
