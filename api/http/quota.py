"""The quota on the wire: what the faces' answers say of it, and the charge of what reached none."""

from functools import lru_cache

from starlette.types import Scope

from api.http.requests import new_request
from services.operation.context import Process, Request
from services.quota.quota import Allowance, Budget


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
        request = new_request(scope, "edge")
    if request.allowance is None:
        await process.quota.count(request, 0 if scope["method"] == "OPTIONS" else 1)
    return _written(request.allowance) if request.allowance else []


def _written(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """The fields of draft-ietf-httpapi-ratelimit-headers, and the older ones."""
    left, reset = allowance.remaining, allowance.reset
    return [
        *_standing(allowance.budget),
        (b"ratelimit", b'"%b";r=%d;t=%d' % (allowance.budget.policy.encode(), left, reset)),
        (b"x-ratelimit-remaining", b"%d" % left),
        (b"x-ratelimit-reset", b"%d" % reset),
    ]


@lru_cache(maxsize=20)  # there are five budgets
def _standing(budget: Budget) -> list[tuple[bytes, bytes]]:
    """What is the same in every answer that tells of this budget."""
    policy = f'"{budget.policy.value}";q={budget.units};w={budget.seconds}'
    return [
        (b"ratelimit-policy", policy.encode()),
        (b"x-ratelimit-limit", b"%d" % budget.units),
    ]
