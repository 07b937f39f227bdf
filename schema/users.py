"""People."""

from typing import Any

import strawberry

from schema.api_keys import ApiKey
from schema.connections import Connection, nested
from schema.fields import Info, field
from schema.node import Node
from schema.sessions import Session
from schema.views import enum, mirror
from services import api_keys, sessions, users
from services.users import Profile as ProfileView
from services.users import PublicUser as PublicUserView
from services.users import Role
from services.users import User as UserView

enum(
    Role,
    USER="Buys.",
    MODERATOR="Looks after content.",
    MANAGER="Runs the shop.",
    ADMIN="Runs everything.",
)


@mirror(ProfileView)
class Profile:
    pass


@mirror(UserView)
class User(Node):
    @field(sessions.list_, "User.sessions", Connection[Session])
    async def sessions(self, info: Info, raw: dict[str, Any]) -> object:
        return await nested(info, sessions.list_, self.id, raw)

    @field(api_keys.list_, "User.apiKeys", Connection[ApiKey])
    async def api_keys(self, info: Info, raw: dict[str, Any]) -> object:
        return await nested(info, api_keys.list_, self.id, raw)


@mirror(PublicUserView)
class PublicUser(Node):
    pass


@strawberry.type
class Query:
    @field(users.me, "me", User)
    async def me(self, info: Info, raw: dict[str, object]) -> object:
        return await users.me(info.context.request, raw)
