"""Sessions: where somebody is signed in. Their list is a field of `User`."""

import strawberry

from schema.building.fields import write
from schema.building.types import mirror
from schema.done import Done
from schema.node import Node
from services import sessions


@mirror(sessions.Session)
class Session(Node):
    pass


@strawberry.type
class Mutation:
    revoke_session = write(sessions.revoke, "revokeSession", Done)
