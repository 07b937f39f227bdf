"""The quota on the wire: what the faces' answers say of it, and the charge of what reached none."""

from starlette.requests import Request as HttpRequest
from starlette.types import Scope

from api.incoming import new_request
from services.core.context import Process, Request
from services.core.quota import Allowance


def is_face(path: str) -> bool:
    """Is it an address of REST or GraphQL, whether there is anything or not?"""
    return path == "/graphql" or path.startswith("/api/")


async def quota_headers(
    process: Process, scope: Scope, request: Request | None
) -> list[tuple[bytes, bytes]]:
    """What an answer of a face says of the budget that its call was charged to.

    What reached no operation (no route, not well-formed, too large) is charged one unit to the
    address; a preflight none. Empty for exempt addresses: they have no budget.
    """
    if request is None:
        request = new_request(process, HttpRequest(scope), "edge")
    if request.allowance is None:
        await process.quota.count(request, 0 if scope["method"] == "OPTIONS" else 1)
    return _written(request.allowance) if request.allowance else []


def _written(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """The fields of draft-ietf-httpapi-ratelimit-headers, and the older ones."""
    budget = allowance.budget
    policy, units = budget.policy.value, budget.units
    left, reset = allowance.remaining, allowance.reset
    headers = {
        "ratelimit-policy": f'"{policy}";q={units};w={budget.seconds}',
        "ratelimit": f'"{policy}";r={left};t={reset}',
        "x-ratelimit-limit": str(units),
        "x-ratelimit-remaining": str(left),
        "x-ratelimit-reset": str(reset),
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()]
