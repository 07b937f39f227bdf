"""Registering, signing in, getting back in, and ending sessions."""

from typing import Any

import strawberry

from schema import users  # noqa: F401 - its types are part of these
from schema.building.fields import Info, field, write_options
from schema.building.types import mirror
from schema.done import Done
from services.auth import recovery as auth_recovery
from services.auth import signing_in as auth
from services.auth.signing_in import Tokens as TokensView


@mirror(TokensView)
class Tokens:
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

    @field(auth.logout_everywhere, "logoutEverywhere", Done)
    async def logout_everywhere(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await auth.logout_everywhere(info.context.request, raw, **options)

    @field(auth_recovery.request_password_reset, "requestPasswordReset", Done)
    async def request_password_reset(self, info: Info, raw: dict[str, Any]) -> object:
        return await auth_recovery.request_password_reset(info.context.request, raw)

    @field(auth_recovery.resend_verification, "resendVerification", Done)
    async def resend_verification(self, info: Info, raw: dict[str, Any]) -> object:
        options = write_options(info, raw)
        return await auth_recovery.resend_verification(info.context.request, raw, **options)

    @field(auth_recovery.reset_password, "resetPassword", Done)
    async def reset_password(self, info: Info, raw: dict[str, Any]) -> object:
        return await auth_recovery.reset_password(info.context.request, raw)

    @field(auth_recovery.verify_email, "verifyEmail", Done)
    async def verify_email(self, info: Info, raw: dict[str, Any]) -> object:
        return await auth_recovery.verify_email(info.context.request, raw)
