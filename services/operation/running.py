"""The wrapper: the steps that every call of an operation goes through, whichever face called it.

The first step that fails answers. A declared error undoes what the operation's function wrote. It
undoes neither the audit row of the attempt, nor the stored outcome, nor the error's security
effect. An undeclared error undoes everything and is answered as `Internal`.
"""

from asyncio import CancelledError
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any, NoReturn

import structlog
from msgspec import structs

from persistence.audit.entries import INSERT_AUDIT, AuditEntry
from persistence.database import failures
from persistence.database.pool import CommitUnknown
from persistence.database.transactions import Transaction
from persistence.events.statements import INSERT_EVENTS
from services.access.authentication import recheck_caller
from services.access.callers import Caller
from services.errors.base import FieldError, TandemError
from services.errors.common import (
    Forbidden,
    IdempotencyKeyRequired,
    Unauthenticated,
    ValidationFailed,
)
from services.events.emitting import values_of
from services.operation import idempotency
from services.operation.context import Context, Request, Wanted
from services.operation.declaration import Declaration, Key
from services.operation.inputs import Input, checked
from services.operation.measuring import measured
from services.quota import costs
from services.quota.charging import charge, charge_attempt, give_back, identify
from services.quota.quota import Cost

log = structlog.get_logger("tandem.operation")

#: How often a transaction is run that conflicts with other ones.
_ATTEMPTS = 3


async def read(
    op: Declaration[Any],
    request: Request,
    raw: Mapping[str, Any],
    *,
    parents: Sequence[str] | None = None,
    encoded: bool = False,
    wanted: Wanted | None = None,
    by_system: bool = False,
) -> Any:
    """Run a read; with ``parents`` once for all of them. ``by_system`` leaves out steps 1 to 3.

    1. Authenticate: the token names the caller.
    2. Charge the quota of the caller, or of the address.
    3. Permit: the caller's role, and the permissions of an API key.
    4. Input: find every bad field.
    5. Run the operation's function, which checks what the caller may see.
    """
    with measured(op, request, raw):
        caller = None
        if not by_system:
            caller = await _authenticate(op, request)
            await _charge(op, request, caller, raw)
            _permit(op, caller)
        input = checked(op.input, raw, request.currency, *request.faults)
        ctx = Context(request, op, caller, encoded=encoded, wanted=wanted)
        if not op.cached:
            request.note_cache("BYPASS")
        if parents is None:
            return await op.run(ctx, input)
        return await op.run(ctx, list(parents), input)


async def write(
    op: Declaration[Any],
    request: Request,
    raw: Mapping[str, Any],
    *,
    key: str | None = None,
    if_match: str | None = None,
    by_system: bool = False,
) -> Any:
    """Run a write; ``by_system`` leaves out steps 1 to 3.

    1. Authenticate: the token names the caller.
    2. Charge the quota of the caller, or of the address. An attempt on a password is reserved.
    3. Permit: the caller's role, and the permissions of an API key.
    4. Key: an operation may require an idempotency key.
    5. Input: find every bad field.
    6. Prepare what takes long, such as a password hash, before the transaction.
    7. Wait for earlier calls with the same key in this process.
    8. Run the transaction, again where it conflicts with another one.
    9. Answer its result, its declared error, or the replay of an earlier outcome.
    """
    with measured(op, request, raw):
        caller, reserved = None, ()
        if not by_system:
            caller = await _authenticate(op, request)
            reserved = await _charge(op, request, caller, raw)
            _permit(op, caller)
        key = _require_key(op, key)
        request.note_cache("BYPASS")
        input = checked(
            op.input, raw, request.currency, *request.faults, *idempotency.key_error(key)
        )
        ctx = Context(request, op, caller, if_match if op.conditional else None, reserved)
        if op.prepare is not None:
            ctx.prepared = await op.prepare(ctx, input)
        async with _key_turn(ctx, key):
            outcome = await _transact(ctx, input, key)
        return _answer(request, op, outcome)


async def refuse(
    op: Declaration[Any],
    request: Request,
    raw: Mapping[str, Any],
    faults: Sequence[FieldError],
    *,
    key: str | None = None,
) -> NoReturn:
    """Refuse a call because of ``faults``, bad fields that the face found itself.

    ``raw`` holds the values as far as the face could read them. Raises the error of the first step
    of `read` or `write` that fails: the call is charged, and who calls comes before bad fields.
    The bad fields are those of the operation's input, and those faults that are about none of them.
    """
    with measured(op, request, raw):
        caller = await _authenticate(op, request)
        await _charge(op, request, caller, raw)
        _permit(op, caller)
        key = _require_key(op, key)
        try:
            checked(op.input, raw, request.currency, *idempotency.key_error(key))
        except ValidationFailed as error:
            faults = [*error.fields, *(one for one in faults if not _told(one, error.fields))]
        raise ValidationFailed(fields=faults)


def _told(fault: FieldError, fields: Sequence[FieldError]) -> bool:
    """Is a fault about one of these fields, or about something inside or around it?"""
    at = f"{fault.field}."
    return any(at.startswith(f"{one.field}.") or one.field.startswith(at) for one in fields)


async def _transact(ctx: Context, input: Input, key: str | None) -> Any:
    """Run the transaction, and run it again when it conflicts with another one."""
    try:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await _transact_once(ctx, input, key)
            except failures.Conflict:
                log.info("crossed transactions", operation=ctx.operation.name)
        return await _transact_once(ctx, input, key)
    except (CommitUnknown, CancelledError):
        # The transaction may be committed all the same, and nobody waits for the cache any more.
        ctx.process.cache.bump_soon(ctx.outdated_tags)
        raise


async def _transact_once(ctx: Context, input: Input, key: str | None) -> Any:
    """Run one transaction: its result, a declared error, or the outcome stored under the key.

    1. BEGIN.
    2. Lock what comes before the caller's session: users. CONTRIBUTING has the order of all locks.
    3. Check the session or API key again, and the role, which may have changed.
    4. Claim the key; an earlier call's outcome ends the transaction here.
    5. Set a SAVEPOINT and run the operation's function.
    6. Write the audit row, and the events that the operation emitted.
    7. Store the outcome under the key.
    8. COMMIT.
    9. Outdate what the cache holds, give back what a right password reserved, and poll for what the
       operation revoked.
    """
    op = ctx.operation
    ctx.reset()
    async with ctx.process.database.transaction(ctx.request.stats, by_key=True) as tx:
        if op.locks_before_session is not None:
            await op.locks_before_session(ctx, tx, input)
        await recheck_caller(ctx, tx)
        if ctx.caller is not None:
            _permit(op, ctx.caller)
        if key is not None:
            stored = await idempotency.claim(ctx, tx, key, input)
            if stored is not None:
                return stored
        outcome = await _run_in_savepoint(ctx, tx, input)
        await _audit(ctx, tx, outcome)
        if ctx.events:
            await tx.write(INSERT_EVENTS, **values_of(ctx))
        if key is not None:
            await idempotency.store(ctx, tx, key, outcome)
        ctx.request.committing = True
    await _after_commit(ctx, outcome)
    return outcome


async def _authenticate(op: Declaration[Any], request: Request) -> Caller | None:
    if op.internal:
        raise Forbidden
    return None if op.ignores_token else await identify(request)


async def _charge(
    op: Declaration[Any], request: Request, caller: Caller | None, raw: Mapping[str, Any]
) -> Sequence[Cost]:
    """Charge the call; answers the units that a right password gives back."""
    rows = costs.page_rows(raw, request.process.settings.page_size) if op.paged else 0
    session_id = None
    if op.paid_by is not None and not request.prepaid:
        session_id = await op.paid_by(request, raw)
    await charge(request, caller, costs.units(op.cost, rows), session_id)
    if op.quota is None:
        return ()
    account = raw.get(op.account) if op.account else None
    return await charge_attempt(request, op.quota, caller, account)


def _permit(op: Declaration[Any], caller: Caller | None) -> None:
    if op.who is None:
        return
    if caller is None:
        raise Unauthenticated("No token was sent, and this call needs one. Sign in first.")
    if not all(map(caller.may, op.needs)):
        raise Forbidden


def _require_key(op: Declaration[Any], key: str | None) -> str | None:
    """The key that the operation takes; raises `IdempotencyKeyRequired`."""
    key = idempotency.plain_key(key)
    if op.key is Key.NONE:
        return None
    if op.key is Key.REQUIRED and key is None:
        raise IdempotencyKeyRequired
    return key


def _key_turn(ctx: Context, key: str | None) -> Any:
    if key is None:
        return nullcontext()
    return ctx.process.key_turns.acquire(ctx.user_id, ctx.operation.name, key)


async def _run_in_savepoint(ctx: Context, tx: Transaction, input: Input) -> Any:
    """The result of the operation's function, or its declared error with the function undone."""
    op = ctx.operation
    try:
        async with tx.savepoint():
            return await op.run(ctx, tx, input)
    except TandemError as error:
        # A caller whose session has ended is told so, and leaves no trace.
        await tx.run_lock_first()
        ctx.events.clear()
        if type(error) not in op.errors or error.status >= 500:
            raise
        if error.effect is not None:
            await error.effect(tx)
        return error


async def _audit(ctx: Context, tx: Transaction, outcome: Any) -> None:
    failed = isinstance(outcome, TandemError)
    entry = AuditEntry(
        id=ctx.new_id(),
        actor_id=ctx.actor_id,
        api_key_id=ctx.caller.key_id if ctx.caller else None,
        action=ctx.operation.name,
        entity=ctx.entity,
        entity_id=ctx.entity_id,
        changed=[] if failed else list(ctx.changed),
        outcome=outcome.code if failed else "OK",
        request_id=ctx.request.id,
        created_at=ctx.now,
    )
    proof = ctx.process.audit_keys.prove(entry)
    await tx.write(INSERT_AUDIT, proof=proof, **structs.asdict(entry))


async def _after_commit(ctx: Context, outcome: Any) -> None:
    failed = isinstance(outcome, TandemError)
    if not failed:
        await ctx.process.cache.bump(ctx.outdated_tags)
    if ctx.right_password:
        await give_back(ctx.request, ctx.reserved, ctx.operation.cost)
    if ctx.operation.revokes or (failed and outcome.effect):
        # The write is committed even if this poll fails; the next one comes within a moment.
        with suppress(failures.DatabaseError):
            await ctx.process.revocations.poll()


def _answer(request: Request, op: Declaration[Any], outcome: Any) -> Any:
    if isinstance(outcome, idempotency.Outcome):
        request.replayed = True
        return idempotency.replay(outcome, op.result)
    if isinstance(outcome, TandemError):
        raise outcome
    return outcome
