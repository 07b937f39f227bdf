"""REST routes of registering, signing in, getting back in, and ending sessions."""

from fastapi import APIRouter

from api.rest.calls import Answer, Call, Created
from api.rest.operation_route import OperationRoute
from services.auth import recovery as auth_recovery
from services.auth import signing_in as auth

router = APIRouter(prefix="/auth", route_class=OperationRoute)


@router.post("/register", name="auth.register", operation_id="register", status_code=201)
async def register(call: Call) -> Answer:
    return Created(await auth.register(call.request, call.input), "/me")


@router.post("/login", name="auth.login", operation_id="login")
async def login(call: Call) -> Answer:
    return await auth.login(call.request, call.input)


@router.post("/refresh", name="auth.refresh", operation_id="refreshToken")
async def refresh(call: Call) -> Answer:
    return await auth.refresh(call.request, call.input)


@router.post("/logout", name="auth.logout", operation_id="logout")
async def logout(call: Call) -> Answer:
    return await auth.logout(call.request, call.input)


@router.post("/logout-all", name="auth.logoutEverywhere", operation_id="logoutEverywhere")
async def logout_everywhere(call: Call) -> Answer:
    return await auth.logout_everywhere(call.request, call.input, key=call.key)


@router.post(
    "/password-reset", name="auth.requestPasswordReset", operation_id="requestPasswordReset"
)
async def request_password_reset(call: Call) -> Answer:
    return await auth_recovery.request_password_reset(call.request, call.input)


@router.post(
    "/verify-email/resend", name="auth.resendVerification", operation_id="resendVerification"
)
async def resend_verification(call: Call) -> Answer:
    return await auth_recovery.resend_verification(call.request, call.input, key=call.key)


@router.post("/password-reset/confirm", name="auth.resetPassword", operation_id="resetPassword")
async def reset_password(call: Call) -> Answer:
    return await auth_recovery.reset_password(call.request, call.input)


@router.post("/verify-email", name="auth.verifyEmail", operation_id="verifyEmail")
async def verify_email(call: Call) -> Answer:
    return await auth_recovery.verify_email(call.request, call.input)
