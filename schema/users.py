"""People."""

from typing import Annotated

import strawberry

from schema.api_keys import ApiKey
from schema.building.connections import Connection
from schema.building.fields import read, write
from schema.building.types import enum, mirror
from schema.done import Done
from schema.node import Node
from schema.sessions import Session
from services import api_keys, sessions
from services.users import managing, own_account, reading

enum(
    reading.Role,
    USER="Buys.",
    MODERATOR="Looks after content.",
    MANAGER="Runs the shop.",
    ADMIN="Runs everything.",
)


@mirror(reading.Profile)
class Profile:
    pass


@mirror(reading.User)
class User(Node):
    sessions = read(sessions.list_, "User.sessions", Connection[Session], key="id")
    api_keys = read(api_keys.list_, "User.apiKeys", Connection[ApiKey], key="id")


@mirror(reading.PublicUser)
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
    update_me = write(own_account.update_me, "updateMe", User)
    change_password = write(own_account.change_password, "changePassword", Done)
    delete_me = write(own_account.delete_me, "deleteMe", Done)
    create_user = write(managing.create, "createUser", User)
    update_user = write(managing.update, "updateUser", User)
    revoke_user_sessions = write(managing.revoke_sessions, "revokeUserSessions", Done)
