"""The quota's headers, and the charge for requests that reached no operation."""

from functools import lru_cache

from starlette.types import Scope

from api.http.requests import new_request
from services.operation.context import Request
from services.process import Process
from services.quota.charging import charge_refused
from services.quota.quota import Allowance, Budget


def is_face(path: str) -> bool:
    """Is this an address of REST or GraphQL, even one without a route?"""
    return path == "/graphql" or path.startswith("/api/")


async def quota_headers(
    process: Process, scope: Scope, request: Request | None
) -> list[tuple[bytes, bytes]]:
    """The headers that tell a face's caller of the budget that the call was charged to.

    A request that reached no operation (no route, malformed, too large) costs its address one
    unit; a preflight costs none. Exempt addresses have no budget, so they get no headers.
    """
    if request is None:
        request = new_request(scope, "edge")
    if request.allowance is None:
        await charge_refused(request, 0 if scope["method"] == "OPTIONS" else 1)
    return _written(request.allowance) if request.allowance else []


def _written(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """The headers of draft-ietf-httpapi-ratelimit-headers, and the older ones."""
    left, reset = allowance.remaining, allowance.reset
    return [
        *_standing(allowance.budget),
        (b"ratelimit", b'"%b";r=%d;t=%d' % (allowance.budget.policy.encode(), left, reset)),
        (b"x-ratelimit-remaining", b"%d" % left),
        (b"x-ratelimit-reset", b"%d" % reset),
    ]


@lru_cache(maxsize=20)  # There are five budgets.
def _standing(budget: Budget) -> list[tuple[bytes, bytes]]:
    """The headers that are the same for every answer charged to this budget."""
    policy = f'"{budget.policy.value}";q={budget.units};w={budget.seconds}'
    return [
        (b"ratelimit-policy", policy.encode()),
        (b"x-ratelimit-limit", b"%d" % budget.units),
    ]
