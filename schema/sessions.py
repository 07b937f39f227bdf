"""Sessions: where somebody is signed in. Their list is a field of `User`."""

from typing import Any

import strawberry

from schema.building.fields import Info, field, write_options
from schema.building.types import mirror
from schema.done import Done
from schema.node import Node
from services import sessions
from services.sessions import Session as SessionView


@mirror(SessionView)
class Session(Node):
    pass


@strawberry.type
class Mutation:
    @field(sessions.revoke, "revokeSession", Done)
    async def revoke_session(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await sessions.revoke(info.context.request, raw, **options)
