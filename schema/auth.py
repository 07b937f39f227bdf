"""Registering, signing in, getting back in, and ending sessions."""

import strawberry

from schema import users  # noqa: F401 - its types are part of these
from schema.building.fields import write
from schema.building.types import mirror
from schema.done import Done
from services.auth import recovery, signing_in


@mirror(signing_in.Tokens)
class Tokens:
    pass


@strawberry.type
class Mutation:
    register = write(signing_in.register, "register", Tokens)
    login = write(signing_in.login, "login", Tokens)
    refresh_token = write(signing_in.refresh, "refreshToken", Tokens)
    logout = write(signing_in.logout, "logout", Done)
    logout_everywhere = write(signing_in.logout_everywhere, "logoutEverywhere", Done)
    request_password_reset = write(recovery.request_password_reset, "requestPasswordReset", Done)
    resend_verification = write(recovery.resend_verification, "resendVerification", Done)
    reset_password = write(recovery.reset_password, "resetPassword", Done)
    verify_email = write(recovery.verify_email, "verifyEmail", Done)
