"""Charging a request to the quota, before anything else is done for it.

The quota takes and returns values. These functions store the returned allowance on the request,
because every answer of a face says what is left.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from persistence.sessions.statements import ACCOUNT, KNOWN_PLACE
from services.access.authentication import authenticate
from services.access.callers import Caller
from services.emails import spellings
from services.errors.common import RateLimited, Unauthenticated
from services.operation.context import Request
from services.quota.quota import Allowance, Cost, Policy, subject
from services.users.credentials import KnownEmail

_EMAIL: TypeAdapter[str] = TypeAdapter(KnownEmail)


async def charge(
    request: Request, caller: Caller | None, cost: int, session_id: str | None = None
) -> None:
    """Charge a call to its caller, to a session, or to its address; raises `RateLimited`.

    ``session_id`` is the session that pays for a call without a caller. An operation inside a
    request that was charged as a whole is free.
    """
    if request.prepaid:
        return
    process = request.process
    if caller is not None:
        payer = subject(caller)
    elif session_id is not None:
        payer = f"session:{session_id}"
    else:
        payer = None
        request.paid_by_address = True
    _store(request, await process.quota.charge(payer, request.address, cost, process.clock()))


async def charge_attempt(
    request: Request, policy: Policy, caller: Caller | None, account: object
) -> Sequence[Cost]:
    """Charge one attempt under a tight policy; raises `RateLimited`.

    ``account`` is the email that the attempt is about; None for the caller's own account. Answers
    the units that a right password gives back.
    """
    if policy is Policy.LOGIN:
        return await _reserve(request, caller, account)
    process = request.process
    _store(
        request,
        await process.quota.charge_attempt(
            policy, caller, request.address, account, process.clock()
        ),
    )
    return ()


async def _reserve(request: Request, caller: Caller | None, account: object) -> Sequence[Cost]:
    """Reserve the units of an attempt on a password; raises `RateLimited`.

    An account that does not exist takes the same statement and the same budgets.
    """
    process = request.process
    now = process.clock()
    values: dict[str, Any] = {
        "places": process.places.known_as(request.address),
        "since": now - timedelta(days=process.settings.known_place_days),
    }
    email: str | None = None
    known = False
    if isinstance(account, str):
        with suppress(ValidationError):
            email = _EMAIL.validate_python(account)
            known = bool(await request.reader.one(KNOWN_PLACE, emails=spellings(email), **values))
    elif caller is not None:
        found = await request.reader.one(ACCOUNT, user_id=caller.user_id, **values)
        if found is not None:
            email, known = found.email, found.known_place
    costs = process.quota.costs_of_password(request.address, email, known)
    _store(request, await process.quota.spend(costs, request.address, now))
    return costs


async def give_back(request: Request, reserved: Sequence[Cost], cost: int) -> None:
    """Give back what a right password reserved, and the ``cost`` that its address paid.

    Units that other attempts took stay taken. The caller's own budget pays for the call.
    """
    process = request.process
    costs = [one._replace(units=-one.units) for one in reserved]
    if request.paid_by_address and request.address is not None:
        costs.append(Cost(Policy.ANONYMOUS, process.quota.place(request.address), -cost))
    allowance = await process.quota.spend(costs, request.address, process.clock())
    stored = request.allowance
    if allowance is None or stored is None or stored.refused:
        return
    if stored.key in {process.quota.key(one) for one in costs}:
        request.allowance = allowance


async def charge_refused(request: Request, cost: int) -> None:
    """Charge the address for a request that was refused before it reached an operation."""
    with suppress(RateLimited):
        await charge(request, None, cost)


async def charge_page(request: Request, cost: int = 1) -> None:
    """Charge the address for a page beside the faces; raises `RateLimited`.

    A ``cost`` below 0 gives units back.
    """
    process = request.process
    _store(request, await process.quota.charge_page(request.address, cost, process.clock()))


async def spent_budget(request: Request, caller: Caller | None) -> RateLimited | None:
    """The refusal of any call of a caller whose budget is spent, or None; charges nothing."""
    process = request.process
    payer = caller and subject(caller)
    allowance = await process.quota.charge(payer, request.address, 0, process.clock())
    if allowance is None or allowance.spent is None:
        return None
    request.allowance = allowance.spent
    return allowance.spent.error


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
