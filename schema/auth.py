"""Registering, signing in, renewing and ending sessions."""

from typing import Any

import strawberry

from schema import users  # noqa: F401 - its types are part of these
from schema.fields import Info, field
from schema.views import mirror
from services import auth
from services.auth import Done as DoneView
from services.auth import Tokens as TokensView


@mirror(TokensView)
class Tokens:
    pass


@mirror(DoneView)
class Done:
    pass


@strawberry.type
class Mutation:
    @field(auth.register, "register", Tokens)
    async def register(self, info: Info, raw: dict[str, Any]) -> object:
        return await auth.register(info.context.request, raw)

    @field(auth.login, "login", Tokens)
    async def login(self, info: Info, raw: dict[str, Any]) -> object:
        return await auth.login(info.context.request, raw)

    @field(auth.refresh, "refreshToken", Tokens)
    async def refresh_token(self, info: Info, raw: dict[str, Any]) -> object:
        return await auth.refresh(info.context.request, raw)

    @field(auth.logout, "logout", Done)
    async def logout(self, info: Info, raw: dict[str, Any]) -> object:
        return await auth.logout(info.context.request, raw)
