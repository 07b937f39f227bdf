"""REST routes of registering, signing in, getting back in, and ending sessions."""

from api.rest.calls import Answer, Call, Created, route
from services.auth import recovery as auth_recovery
from services.auth import signing_in as auth


@route("register", "POST", "/auth/register", auth.register, status=201)
async def register(call: Call) -> Answer:
    return Created(await auth.register(call.request, call.input), "/me")


@route("login", "POST", "/auth/login", auth.login)
async def login(call: Call) -> Answer:
    return await auth.login(call.request, call.input)


@route("refreshToken", "POST", "/auth/refresh", auth.refresh)
async def refresh(call: Call) -> Answer:
    return await auth.refresh(call.request, call.input)


@route("logout", "POST", "/auth/logout", auth.logout)
async def logout(call: Call) -> Answer:
    return await auth.logout(call.request, call.input)


@route("logoutEverywhere", "POST", "/auth/logout-all", auth.logout_everywhere)
async def logout_everywhere(call: Call) -> Answer:
    return await auth.logout_everywhere(call.request, call.input, key=call.key)


@route("requestPasswordReset", "POST", "/auth/password-reset", auth_recovery.request_password_reset)
async def request_password_reset(call: Call) -> Answer:
    return await auth_recovery.request_password_reset(call.request, call.input)


@route("resendVerification", "POST", "/auth/verify-email/resend", auth_recovery.resend_verification)
async def resend_verification(call: Call) -> Answer:
    return await auth_recovery.resend_verification(call.request, call.input, key=call.key)


@route("resetPassword", "POST", "/auth/password-reset/confirm", auth_recovery.reset_password)
async def reset_password(call: Call) -> Answer:
    return await auth_recovery.reset_password(call.request, call.input)


@route("verifyEmail", "POST", "/auth/verify-email", auth_recovery.verify_email)
async def verify_email(call: Call) -> Answer:
    return await auth_recovery.verify_email(call.request, call.input)
