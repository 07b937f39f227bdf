"""People."""

from typing import Annotated, Any

import strawberry

from schema.api_keys import ApiKey
from schema.building.connections import Connection
from schema.building.fields import Info, field, write_options
from schema.building.reads import read
from schema.building.types import enum, mirror
from schema.done import Done
from schema.node import Node
from schema.sessions import Session
from services import api_keys, sessions
from services.users import managing, own_account, reading
from services.users.reading import Profile as ProfileView
from services.users.reading import PublicUser as PublicUserView
from services.users.reading import Role
from services.users.reading import User as UserView

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
    sessions = read(sessions.list_, "User.sessions", Connection[Session], under="id")
    api_keys = read(api_keys.list_, "User.apiKeys", Connection[ApiKey], under="id")


@mirror(PublicUserView)
class PublicUser(Node):
    pass


Person = Annotated[
    User | PublicUser,
    strawberry.union("Person", description="A user: the account, or what other people see of it."),
]


@strawberry.type
class Query:
    me = read(own_account.me, "me", User)
    list_users = read(reading.list_, "users", Connection[User])
    user = read(reading.get, "user", Person)


@strawberry.type
class Mutation:
    @field(own_account.update_me, "updateMe", User)
    async def update_me(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await own_account.update_me(info.context.request, raw, **options)

    @field(own_account.change_password, "changePassword", Done)
    async def change_password(self, info: Info, raw: dict[str, Any]) -> object:
        return await own_account.change_password(info.context.request, raw)

    @field(own_account.delete_me, "deleteMe", Done)
    async def delete_me(self, info: Info, raw: dict[str, Any]) -> object:
        return await own_account.delete_me(info.context.request, raw)

    @field(managing.create, "createUser", User)
    async def create_user(self, info: Info, raw: dict[str, Any]) -> object:
        return await managing.create(info.context.request, raw)

    @field(managing.update, "updateUser", User)
    async def update_user(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await managing.update(info.context.request, raw, **options)

    @field(managing.revoke_sessions, "revokeUserSessions", Done)
    async def revoke_user_sessions(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await managing.revoke_sessions(info.context.request, raw, **options)
