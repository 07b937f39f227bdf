"""People."""

from typing import Annotated, Any

import strawberry

from schema.api_keys import ApiKey
from schema.connections import Connection, nested, paged
from schema.done import Done
from schema.fields import Info, field, write_options
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


Person = Annotated[
    User | PublicUser,
    strawberry.union("Person", description="A user: the account, or what other people see of it."),
]


@strawberry.type
class Query:
    @field(users.me, "me", User)
    async def me(self, info: Info, raw: dict[str, Any]) -> object:
        return await users.me(info.context.request, raw)

    @field(users.list_, "users", Connection[User])
    async def list_users(self, info: Info, raw: dict[str, Any]) -> object:
        return await users.list_(info.context.request, paged(info, raw))

    @field(users.get, "user", Person)
    async def user(self, info: Info, raw: dict[str, Any]) -> object:
        return await users.get(info.context.request, raw)


@strawberry.type
class Mutation:
    @field(users.update_me, "updateMe", User)
    async def update_me(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await users.update_me(info.context.request, raw, **options)

    @field(users.change_password, "changePassword", Done)
    async def change_password(self, info: Info, raw: dict[str, Any]) -> object:
        return await users.change_password(info.context.request, raw)

    @field(users.delete_me, "deleteMe", Done)
    async def delete_me(self, info: Info, raw: dict[str, Any]) -> object:
        return await users.delete_me(info.context.request, raw)

    @field(users.create, "createUser", User)
    async def create_user(self, info: Info, raw: dict[str, Any]) -> object:
        return await users.create(info.context.request, raw)

    @field(users.update, "updateUser", User)
    async def update_user(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await users.update(info.context.request, raw, **options)

    @field(users.revoke_sessions, "revokeUserSessions", Done)
    async def revoke_user_sessions(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await users.revoke_sessions(info.context.request, raw, **options)
