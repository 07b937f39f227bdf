"""Charging a request to the quota, before anything else is done for it.

The quota takes and returns values. These functions store the returned allowance on the request,
because every answer of a face says what is left.
"""

from contextlib import suppress

from services.access.authentication import authenticate
from services.access.callers import Caller
from services.errors.common import RateLimited, Unauthenticated
from services.operation.context import Request
from services.quota.quota import Allowance, Policy


async def charge(request: Request, caller: Caller | None, cost: int) -> None:
    """Charge a call to its caller, or to its address; raises `RateLimited`.

    An operation inside a request that was charged as a whole is free.
    """
    if request.prepaid:
        return
    process = request.process
    _store(request, await process.quota.charge(caller, request.address, cost, process.clock()))


async def charge_attempt(
    request: Request, policy: Policy, caller: Caller | None, account: object
) -> None:
    """Charge one attempt under a tight policy; raises `RateLimited`.

    ``account`` is the email that the attempt is about; None for the caller's own account.
    """
    process = request.process
    _store(
        request,
        await process.quota.charge_attempt(
            policy, caller, request.address, account, process.clock()
        ),
    )


async def charge_refused(request: Request, cost: int) -> None:
    """Charge the address for a request that was refused before it reached an operation."""
    with suppress(RateLimited):
        await charge(request, None, cost)


async def refuse_spent(request: Request, caller: Caller | None) -> None:
    """Raise `RateLimited` for a caller whose budget is spent; charges nothing."""
    process = request.process
    allowance = await process.quota.charge(caller, request.address, 0, process.clock())
    if allowance is not None and allowance.spent is not None:
        request.allowance = allowance.spent
        raise allowance.spent.error


async def identify(request: Request) -> Caller | None:
    """The caller of a request; a token that is not valid is charged to the address.

    Raises what `authenticate` raises, or `RateLimited` when the address has spent all.
    """
    try:
        return await authenticate(request)
    except Unauthenticated:
        await charge(request, None, 1)
        raise


def _store(request: Request, allowance: Allowance | None) -> None:
    """Store the tightest allowance on the request; raises `RateLimited` when it is refused."""
    if allowance is None:
        return
    stored = request.allowance
    if allowance.refused or stored is None or allowance.remaining < stored.remaining:
        request.allowance = allowance
    if allowance.refused:
        raise allowance.error
