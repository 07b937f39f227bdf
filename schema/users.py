"""People."""

from typing import Annotated

import strawberry

from schema.api_keys import ApiKey
from schema.building.connections import Connection
from schema.building.fields import read, relation, write
from schema.building.types import enum, mirror
from schema.done import Done
from schema.node import Node
from schema.posts import Post
from schema.sessions import Session
from schema.uploads import ImageVariant as ImageVariant
from services import api_keys, sessions
from services.posts import reading as posts
from services.users import avatars, exporting, managing, own_account, reading

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
    posts = read(posts.list_mine, "User.posts", Connection[Post], key="id")


@mirror(reading.PublicUser)
class PublicUser(Node):
    posts = relation(
        posts.latest_of,
        "id",
        list[Post],
        f"The newest published posts, {posts.LATEST} at the most; the list of posts has all.",
        rows=posts.LATEST,
    )


Person = Annotated[
    User | PublicUser,
    strawberry.union("Person", description="A user: the account, or what other people see of it."),
]


@mirror(exporting.PersonalData)
class PersonalData:
    pass


@strawberry.type
class Query:
    export_me = read(exporting.export, "exportMe", PersonalData)
    me = read(own_account.me, "me", User)
    list_users = read(reading.list_, "users", Connection[User])
    user = read(reading.get, "user", Person)


@strawberry.type
class Mutation:
    update_me = write(own_account.update_me, "updateMe", User)
    set_avatar = write(avatars.set_avatar, "setAvatar", User)
    remove_avatar = write(avatars.remove_avatar, "removeAvatar", Done)
    change_password = write(own_account.change_password, "changePassword", Done)
    delete_me = write(own_account.delete_me, "deleteMe", Done)
    create_user = write(managing.create, "createUser", User)
    update_user = write(managing.update, "updateUser", User)
    revoke_user_sessions = write(managing.revoke_sessions, "revokeUserSessions", Done)
