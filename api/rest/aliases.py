"""Addresses of older clients: aliases of v1's under /api, and health in v1's envelope."""

from msgspec.json import encode
from starlette.requests import Request as HttpRequest
from starlette.routing import Route

from api.http.health import FRESH, described
from api.http.requests import new_request
from api.http.responses import Reply
from api.rest import auth, users
from api.rest.operation_route import OperationRoute
from api.rest.v1 import V1, succeeded
from services.errors.common import Unavailable
from services.health import Health

#: Below /api alone: v1 has one address of an operation, and the contract shows that one.
ALIASES = [
    OperationRoute(
        "/register", auth.register, methods=["POST"], name="auth.register", status_code=201
    ),
    OperationRoute("/login", auth.login, methods=["POST"], name="auth.login"),
    OperationRoute("/users", users.list_users, methods=["GET"], name="users.list"),
]


def health_alias(health: Health, dialect: V1) -> Route:
    """``/api/health``: what ``/health`` says, in v1's envelope."""

    async def answer(http: HttpRequest) -> Reply:
        request = new_request(http.scope, dialect.name)
        found = await health.find()
        document = described(health, found)
        if found.database:
            return Reply(200, dict(FRESH), encode(succeeded(document, request)))
        url = request.process.settings.public_url
        error = Unavailable(details=document)
        return dialect.error(error, request.id, http.scope["path"], url, headers=FRESH)

    return Route("/api/health", answer)
