"""The wrapper: every operation is declared once and runs here, whichever face called it.

A call goes: token → quota → role → key present → input → (writes: BEGIN → locks → session →
claim key → SAVEPOINT) → the operation's own function, which loads, checks visibility and ifMatch,
and acts → (writes: audit and stored outcome → COMMIT) → answer. The first thing wrong, in that
order, answers. A declared error undoes what the function did, but not the audit row of the attempt,
the stored outcome and the error's security effect. Anything undeclared undoes everything and is
`Internal`.
"""

import inspect
import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar, get_args

import structlog
from msgspec import structs

from persistence.audit.entries import INSERT_AUDIT, AuditEntry
from persistence.database import failures
from persistence.database.pool import CommitUnknown
from persistence.database.transactions import PendingResult, Transaction
from services import logs, metrics
from services.access.authentication import recheck_caller
from services.access.callers import Caller
from services.access.permissions import Permission, System
from services.errors.base import TandemError
from services.errors.common import (
    COMMON,
    KEYED,
    Forbidden,
    IdempotencyKeyRequired,
    Internal,
    PreconditionFailed,
    Timeout,
    Unauthenticated,
    Unavailable,
)
from services.operation import idempotency
from services.operation.charging import charge, charge_attempt, identify
from services.operation.context import Context, Request, Wanted
from services.operation.deprecation import Deprecation
from services.operation.etags import fingerprint, spelled_once
from services.operation.inputs import Input, checked
from services.quota import costs
from services.quota.quota import Policy

log = structlog.get_logger("tandem.operation")

In = TypeVar("In", bound=Input)
Out = TypeVar("Out")
Step = Callable[..., Awaitable[Any]]

#: How often a transaction that crossed another one is run again.
_ATTEMPTS = 3
#: What a caller is told who cannot know whether a write was committed.
NOT_KNOWN = "It is not known whether this was done. Ask again with the same key."
OUTCOME_UNKNOWN = {"outcome": "UNKNOWN"}


class Key(Enum):
    """Whether a write takes an idempotency key."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, eq=False)
class Operation(Generic[In, Out]):
    """A named unit of business with everything that no face may decide for itself."""

    name: str
    run: Step
    who: Permission | None
    input: type[In]
    result: Any
    errors: frozenset[type[TandemError]]
    writes: bool = False
    #: A read whose input is too much, or too private, for an address: it comes in a body.
    body: bool = False
    key: Key = Key.NONE
    paged: bool = False
    conditional: bool = False
    ignores_token: bool = False
    #: Tags of a read that the cache keeps; one that ends in ":" is followed by the id.
    cached: tuple[str, ...] = ()
    #: It may end sessions or keys: this process then knows at once, others within a second.
    revokes: bool = False
    cost: int = 1
    #: A tight policy that each call is charged to besides, and the input field that names the
    #: account it is about; without one that is the caller's own.
    quota: Policy | None = None
    account: str | None = None
    prepare: Step | None = None
    #: What must be locked before the caller's session is; CONTRIBUTING has the order of locks.
    locks: Step | None = None
    deprecated: Deprecation | None = None
    #: Declared with ``who=SYSTEM``: jobs run it, and nobody may call it.
    internal: bool = False
    description: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "description", inspect.cleandoc(self.run.__doc__ or ""))
        own = self.errors | COMMON
        if self.key is not Key.NONE:
            own |= KEYED
        if self.conditional:
            own |= {PreconditionFailed}
        object.__setattr__(self, "errors", frozenset(own))

    @property
    def results(self) -> tuple[Any, ...]:
        """What it may answer: one type, or several where it depends on who asks."""
        return get_args(self.result) or (self.result,)

    @property
    def over_all(self) -> bool:
        """Is whoever may call it permitted to do it to everybody's things?"""
        return self.who is not None and self.who == self.who.wider

    @property
    def noun(self) -> str:
        """What it is about: ``orders`` of ``orders.pay``."""
        return self.name.partition(".")[0]

    @property
    def summary(self) -> str:
        """The first sentence of the description."""
        return self.description.split("\n", 1)[0].rstrip(".")

    async def __call__(
        self,
        request: Request,
        raw: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
        wanted: Wanted | None = None,
    ) -> Out:
        """Call with raw values by their wire names; raises only `TandemError`.

        A list may answer with parts of what it finds, when it is told what is ``wanted``.
        """
        if self.writes:
            return await self._measured(request, _write(self, request, raw or {}, key, if_match))
        return await self._measured(request, _read(self, request, raw or {}, wanted=wanted))

    async def encoded(self, request: Request, raw: Mapping[str, Any]) -> Any:
        """Read as a call does; what may be kept comes `Encoded`, as it is in the cache.

        That saves making an object of it, and writing that again.
        """
        encoded = request.process.settings.fast_paths
        return await self._measured(request, _read(self, request, raw, encoded=encoded))

    async def by_system(self, request: Request, raw: Mapping[str, Any]) -> Out:
        """Write for a job or the command line: no token, no quota, no actor in the audit row.

        No face calls this.
        """
        return await self._measured(request, _act(self, request, None, raw, None, None))

    async def of(
        self, request: Request, parents: Sequence[str], raw: Mapping[str, Any] | None = None
    ) -> dict[str, Out | TandemError]:
        """Call a nested read for many parents at once; each has a result or an error."""
        return await self._measured(request, _read(self, request, raw or {}, parents))

    async def _measured(self, request: Request, call: Awaitable[Any]) -> Any:
        started = time.perf_counter()
        outcome = "CANCELLED"
        try:
            result = await call
            outcome = "OK"
            return result
        except Exception as error:
            known = _known(self, error)
            outcome = known.code
            if known is error:
                raise
            raise known from error
        finally:
            seconds = time.perf_counter() - started
            metrics.count_operation(self.name, request.face, outcome, seconds)
            logs.line(
                log,
                "info",
                "operation",
                operation=self.name,
                face=request.face,
                caller=request.caller and request.caller.user_id,
                outcome=outcome,
                seconds=round(seconds, 6),
                request_id=request.id,
                trace_id=request.trace_id,
            )


def operation(
    name: str,
    *,
    who: Permission | System | None,
    result: Any,
    input: type[In],
    errors: Sequence[type[TandemError]] = (),
    **options: Any,
) -> Callable[[Step], Operation[In, Any]]:
    """Declare the function below as an operation; see `Operation` for the options."""

    def declare(run: Step) -> Operation[In, Any]:
        return Operation(
            name=name,
            run=run,
            who=None if isinstance(who, System) else who,
            internal=isinstance(who, System),
            input=input,
            result=result,
            errors=frozenset(errors),
            **options,
        )

    return declare


async def admit(op: Operation[Any, Any], request: Request, raw: Mapping[str, Any]) -> Caller | None:
    """Token, quota and role: is this caller let in?"""
    if op.internal:
        raise Forbidden
    caller = None if op.ignores_token else await identify(request)
    process = request.process
    rows = costs.page_rows(raw, process.settings.page_size) if op.paged else 0
    await charge(request, caller, costs.units(op.cost, rows))
    if op.quota is not None:
        account = raw.get(op.account) if op.account else None
        await charge_attempt(request, op.quota, caller, account)
    _permit(op, caller)
    return caller


def _permit(op: Operation[Any, Any], caller: Caller | None) -> None:
    if op.who is None:
        return
    if caller is None:
        raise Unauthenticated
    if not caller.may(op.who):
        raise Forbidden


def refusal_before_input(
    op: Operation[Any, Any], caller: Caller | None, keyed: bool
) -> TandemError | None:
    """What an admitted call would hear before its input is looked at.

    For a face that finds values wrong by itself, and must not tell of them too early.
    """
    try:
        _permit(op, caller)
    except TandemError as error:
        return error
    return IdempotencyKeyRequired() if op.key is Key.REQUIRED and not keyed else None


async def _read(
    op: Operation[Any, Any],
    request: Request,
    raw: Mapping[str, Any],
    parents: Sequence[str] | None = None,
    *,
    encoded: bool = False,
    wanted: Wanted | None = None,
) -> Any:
    caller = await admit(op, request, raw)
    input = checked(op.input, raw, *request.faults)
    ctx = Context(request, op, caller, encoded=encoded, wanted=wanted)
    if not op.cached:
        request.count_cached("BYPASS")
    if parents is None:
        return await op.run(ctx, input)
    return await op.run(ctx, list(parents), input)


async def _write(
    op: Operation[Any, Any],
    request: Request,
    raw: Mapping[str, Any],
    key: str | None,
    if_match: str | None,
) -> Any:
    caller = await admit(op, request, raw)
    return await _act(op, request, caller, raw, key, if_match)


async def _act(
    op: Operation[Any, Any],
    request: Request,
    caller: Caller | None,
    raw: Mapping[str, Any],
    key: str | None,
    if_match: str | None,
) -> Any:
    if op.key is Key.NONE:
        key = None
    elif op.key is Key.REQUIRED and key is None:
        raise IdempotencyKeyRequired
    request.count_cached("BYPASS")
    input = checked(op.input, raw, *request.faults, *idempotency.key_error(key))
    ctx = Context(request, op, caller, if_match if op.conditional else None)
    if op.prepare is not None:
        ctx.prepared = await op.prepare(ctx, input)
    if key is None:
        outcome = await _persist(ctx, input, None)
    else:
        async with request.process.gate.turn(ctx.user_id, op.name, key):
            outcome = await _persist(ctx, input, key)
    if isinstance(outcome, idempotency.Outcome):
        request.replayed = True
        return idempotency.replay(outcome, op.result)
    if isinstance(outcome, TandemError):
        raise outcome
    return outcome


async def _persist(ctx: Context, input: Input, key: str | None) -> Any:
    """The transaction, run again when it crossed another one."""
    try:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await _transact(ctx, input, key)
            except failures.Conflict:
                log.info("crossed transactions", operation=ctx.operation.name)
        return await _transact(ctx, input, key)
    except (CommitUnknown, CancelledError):
        # It may be committed all the same, and nobody waits for that any more.
        ctx.process.cache.bump_soon(ctx.touched)
        raise


async def _transact(ctx: Context, input: Input, key: str | None) -> Any:
    """One transaction: the result, a declared error, or the outcome stored under the key."""
    op = ctx.operation
    ctx.entity, ctx.entity_id, ctx.changed = None, None, ()
    ctx.touched.clear()
    async with ctx.process.database.transaction(ctx.request.stats, by_key=True) as tx:
        if op.locks is not None:
            await op.locks(ctx, tx, input)
        await recheck_caller(ctx, tx)
        if ctx.caller is not None:
            # The role may have changed since the token was made.
            _permit(op, ctx.caller)
        if key is not None:
            asked = {"input": input.plain(), "ifMatch": spelled_once(ctx.if_match)}
            kept = await idempotency.claim(ctx, tx, key, fingerprint(asked))
            if kept is not None:
                return kept
        outcome: Any
        try:
            async with tx.savepoint():
                outcome = await op.run(ctx, tx, input)
        except TandemError as error:
            # Whoever has no session any more hears of that, and leaves no trace.
            await tx.run_lock_first()
            if type(error) not in op.errors or error.status >= 500:
                raise
            outcome = error
            if error.effect is not None:
                await error.effect(tx)
        await _audit(ctx, tx, outcome)
        if isinstance(outcome, PendingResult):
            outcome = await tx.known(outcome)
        if key is not None:
            await idempotency.store(ctx, tx, key, outcome)
        ctx.request.committing = True
    if not isinstance(outcome, TandemError):
        await ctx.process.cache.bump(ctx.touched)
    if op.revokes or (isinstance(outcome, TandemError) and outcome.effect):
        # It is done, whatever becomes of the look: the next one comes within a moment.
        with suppress(failures.DatabaseError):
            await ctx.process.revocations.poll()
    return outcome


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


def _known(op: Operation[Any, Any], error: Exception) -> TandemError:
    """The error a caller may be told; everything unforeseen is `Internal` and logged."""
    if isinstance(error, TandemError) and type(error) in op.errors:
        return error
    known = _database_error(error)
    if known is None:
        log.exception("undeclared error", operation=op.name, exc_info=error)
        return Internal()
    return known


def _database_error(error: Exception) -> TandemError | None:
    match error:
        case failures.Unavailable() | failures.LockTimeout() | failures.Conflict():
            return Unavailable()
        case failures.StatementTimeout():
            return Timeout()
        case CommitUnknown():
            return Unavailable(NOT_KNOWN, details=OUTCOME_UNKNOWN)
        case _:
            return None


async def translate_errors(load: Callable[..., Awaitable[Any]], *values: Any) -> Any:
    """Run what no operation does: a relation's batch function, asking who sends a document.

    Raises only `TandemError`, as operations do.
    """
    try:
        return await load(*values)
    except TandemError:
        raise
    except Exception as error:
        known = _database_error(error)
        if known is None:
            log.exception("undeclared error", outside=load.__qualname__, exc_info=error)
            known = Internal()
        raise known from error
