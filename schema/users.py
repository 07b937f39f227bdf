"""People."""

import strawberry

from schema.fields import Info, field
from schema.node import Node
from schema.views import enum, mirror
from services import users
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
    pass


@mirror(PublicUserView)
class PublicUser(Node):
    pass


@strawberry.type
class Query:
    @field(users.me, "me", User)
    async def me(self, info: Info, raw: dict[str, object]) -> object:
        return await users.me(info.context.request, raw)
