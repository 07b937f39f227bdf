"""Operations of deposits: create one, settle it when the provider decides, and read them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

import structlog
from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.deposits import (
    DEPOSIT,
    INSERT_DEPOSIT,
    LOCK_DEPOSIT,
    OWN_DEPOSITS,
    SETTLE_DEPOSIT,
    AskedDeposit,
    Deposit,
    DepositStatus,
)
from persistence.provider_events import KEEP_EVENT
from persistence.wallet import LOCK_WALLET, PROVIDER, TransferKind, Wallet
from services.access.permissions import SYSTEM, Permission
from services.amounts import Price
from services.deposits.provider import Charge, Decision
from services.errors.common import Internal
from services.errors.deposits import DepositNotFound
from services.events import audience, types
from services.events.emitting import emit
from services.jobs.queue import enqueue
from services.operation import paging
from services.operation.context import Context, Request, viewer_values_for_relation
from services.operation.declaration import Key
from services.operation.inputs import Input, Line, PathId
from services.operation.operation import operation
from services.operation.paging import Page, Paged
from services.wallet import transfer

log = structlog.get_logger("tandem.deposits")


_SETTLED = (types.WALLET_CREDITED, types.DEPOSIT_SUCCEEDED, types.DEPOSIT_FAILED)


class CreateDeposit(Input):
    """The amount to deposit."""

    amount: Price = Field(description="Amount to bring into the wallet.", examples=["100.00"])


class DepositId(Input):
    """The deposit."""

    id: PathId = Field(description="The deposit's id.")


class ListDeposits(Paged):
    """Filter and sort of the list of deposits."""

    status: DepositStatus | None = Field(None, description="The deposit's status.", strict=False)
    sort: Literal["-createdAt"] = Field("-createdAt", description="How the list is sorted.")


class ProviderEvent(Input):
    """The provider's event that reports a decision."""

    id: Annotated[Line, Field(min_length=1, max_length=255)] = Field(
        description="The provider's id of the event."
    )
    amount: Price = Field(description="The amount that the event is about.")
    currency: Annotated[Line, Field(pattern="^[A-Z]{3}$")] = Field(
        description="ISO 4217 code of the amount."
    )


class SettleDeposit(DepositId):
    """The provider's decision about a deposit."""

    failure_code: Annotated[Line, Field(pattern="^[A-Z][A-Z0-9_]{0,63}$")] | None = Field(
        None, description="Why the provider declined; null when it has the money."
    )
    event: ProviderEvent | None = Field(
        None,
        description="The event with the decision; null when the provider answered directly.",
    )


@operation(
    "deposits.create",
    who=Permission.DEPOSITS_WRITE_OWN,
    input=CreateDeposit,
    result=Deposit,
    writes=True,
    emits=_SETTLED,
    key=Key.REQUIRED,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateDeposit) -> Deposit:
    """Bring money into the caller's wallet through the payment provider.

    The provider may decide at once or later. Until then the deposit is PENDING: read it with
    deposits.get. A declined deposit is a result and not an error: see status and failureCode.
    """
    wallet = await _lock_wallet(ctx, tx, ctx.user_id)
    deposit_id = ctx.new_id()
    ctx.record("deposit", deposit_id, "amount", "status")
    charge = Charge(deposit_id, input.amount, ctx.settings.currency, ctx.now)
    decision = ctx.process.provider.at_once(charge)
    await tx.write(
        INSERT_DEPOSIT,
        id=deposit_id,
        user_id=ctx.user_id,
        amount=input.amount,
        currency=charge.currency,
        status=_status_of(decision),
        failure_code=decision and decision.failure_code,
        created_at=ctx.now,
        settled_at=decision and ctx.now,
    )
    if decision is None:
        await enqueue(ctx, tx, "deposits.charge", {"depositId": deposit_id})
    elif decision.failure_code is None:
        await _credit(ctx, tx, wallet, ctx.user_id, deposit_id, input.amount)
    deposit = await _load_deposit(tx, deposit_id)
    _tell_settled(ctx, deposit, ctx.user_id)
    return deposit


@operation(
    "deposits.settle",
    who=SYSTEM,
    input=SettleDeposit,
    result=Deposit,
    errors=[DepositNotFound],
    writes=True,
    emits=_SETTLED,
)
async def settle(ctx: Context, tx: Transaction, input: SettleDeposit) -> Deposit:
    """Record the provider's decision about a deposit, from its answer or from its event.

    The first decision counts: a settled deposit never changes. An event is stored whether or not
    it settles the deposit.
    """
    deposit = await tx.one(LOCK_DEPOSIT, deposit_id=input.id)
    if deposit is None:
        raise DepositNotFound
    ctx.refresh_now()
    ctx.record("deposit", deposit.id)
    event = input.event
    matches = event is None or (event.amount, event.currency) == (deposit.amount, deposit.currency)
    settles = matches and deposit.status == DepositStatus.PENDING
    if event is not None and not await _store_event(ctx, tx, input, event, settles):
        return await _load_deposit(tx, deposit.id)
    decision = Decision(input.failure_code)
    if settles:
        await _settle_deposit(ctx, tx, deposit, decision)
    elif not matches or deposit.status != _status_of(decision):
        # The first decision stays. Staff must ask the provider which decision is right.
        log.error("provider contradicts itself", deposit=deposit.id, event_id=event and event.id)
    after = await _load_deposit(tx, deposit.id)
    if settles:
        _tell_settled(ctx, after, deposit.user_id)
    return after


@operation(
    "deposits.list",
    # In GraphQL the list is a field of the wallet, so both need the same permission.
    who=Permission.WALLET_READ_OWN,
    input=ListDeposits,
    result=Deposit,
    paged=True,
)
async def list_(ctx: Context, input: ListDeposits) -> Page[Deposit]:
    """List the caller's deposits, newest first."""
    return await paging.page(ctx, OWN_DEPOSITS, input, input.sort, {"status": input.status})


@operation(
    "deposits.get",
    who=Permission.DEPOSITS_READ_OWN,
    input=DepositId,
    result=Deposit,
    errors=[DepositNotFound],
)
async def get(ctx: Context, input: DepositId) -> Deposit:
    """Read one of the caller's deposits."""
    deposit = await ctx.reader.one(DEPOSIT.by_ids, ids=[input.id], **ctx.viewer_values)
    if deposit is None:
        raise DepositNotFound
    return deposit


async def by_ids(request: Request, ids: Sequence[str]) -> dict[str, Deposit]:
    """Load the deposits that the caller may see, by id; relation of wallet entries."""
    rows = await request.reader.all(
        DEPOSIT.by_ids, ids=list(ids), **viewer_values_for_relation(request, "deposits")
    )
    return {row.id: row for row in rows}


async def _settle_deposit(
    ctx: Context, tx: Transaction, deposit: AskedDeposit, decision: Decision
) -> None:
    wallet = None
    if decision.failure_code is None:
        wallet = await _lock_wallet(ctx, tx, deposit.user_id)
    ctx.record("deposit", deposit.id, "status")
    await tx.write(
        SETTLE_DEPOSIT,
        deposit_id=deposit.id,
        to_status=_status_of(decision),
        failure=decision.failure_code,
        at=ctx.now,
    )
    if wallet is not None:
        await _credit(ctx, tx, wallet, deposit.user_id, deposit.id, deposit.amount)


async def _store_event(
    ctx: Context, tx: Transaction, input: SettleDeposit, event: ProviderEvent, settled: bool
) -> bool:
    """Store an event; False when it was stored before."""
    stored = await tx.one(
        KEEP_EVENT,
        id=event.id,
        deposit_id=input.id,
        amount=event.amount,
        currency=event.currency,
        failure_code=input.failure_code,
        settled=settled,
        created_at=ctx.now,
    )
    return stored is not None


def _status_of(decision: Decision | None) -> DepositStatus:
    if decision is None:
        return DepositStatus.PENDING
    return DepositStatus.SUCCEEDED if decision.failure_code is None else DepositStatus.FAILED


async def _lock_wallet(ctx: Context, tx: Transaction, user_id: str) -> Wallet:
    wallet = await tx.one(LOCK_WALLET, user_id=user_id)
    if wallet is None:
        raise Internal
    ctx.refresh_now()
    return wallet


async def _credit(
    ctx: Context, tx: Transaction, wallet: Wallet, user_id: str, deposit_id: str, amount: Decimal
) -> None:
    await transfer(
        ctx,
        tx,
        TransferKind.DEPOSIT,
        amount,
        wallet=wallet,
        owner_id=user_id,
        source=PROVIDER,
        target=wallet.id,
        deposit_id=deposit_id,
    )


def _tell_settled(ctx: Context, deposit: Deposit, user_id: str) -> None:
    """Emit how a deposit was decided, if it is."""
    told = {
        DepositStatus.SUCCEEDED: types.DEPOSIT_SUCCEEDED,
        DepositStatus.FAILED: types.DEPOSIT_FAILED,
    }
    if deposit.status in told:
        emit(ctx, told[deposit.status], deposit, audience.of_deposit(user_id))


async def _load_deposit(tx: Transaction, deposit_id: str) -> Deposit:
    [deposit] = await tx.all(DEPOSIT.stored, ids=[deposit_id])
    return deposit
