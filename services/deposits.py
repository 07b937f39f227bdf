"""Deposits: money that the payment provider brings into a wallet."""

from collections.abc import Sequence

from pydantic import Field

from persistence.database import Transaction
from persistence.deposits import DEPOSIT, INSERT_DEPOSIT, Deposit, DepositStatus
from persistence.wallet import LOCK_WALLET, PROVIDER, TransferKind
from services import wallet as wallets
from services.core.callers import glimpse
from services.core.context import Context, Request
from services.core.errors import DepositNotFound, Internal
from services.core.inputs import Input, PathId, Price
from services.core.operation import Key, operation
from services.core.permissions import Permission


class CreateDeposit(Input):
    """How much to bring in."""

    amount: Price = Field(description="What to bring into the wallet.", examples=["100.00"])


class DepositId(Input):
    """Which deposit."""

    id: PathId = Field(description="The deposit's id.")


@operation(
    "deposits.create",
    who=Permission.DEPOSITS_WRITE_OWN,
    input=CreateDeposit,
    result=Deposit,
    writes=True,
    key=Key.REQUIRED,
    cost=5,
)
async def create(ctx: Context, tx: Transaction, input: CreateDeposit) -> Deposit:
    """Bring money into the caller's wallet.

    The sandbox provider settles at once. A declined deposit is an answer, not an error: look at
    status and failureCode.
    """
    wallet = await tx.one(LOCK_WALLET, user_id=ctx.user_id)
    if wallet is None:
        raise Internal
    ctx.tick()
    deposit_id = ctx.new_id()
    ctx.record("deposit", deposit_id, "amount", "status")
    await tx.all(
        INSERT_DEPOSIT,
        id=deposit_id,
        user_id=ctx.user_id,
        amount=input.amount,
        currency=ctx.settings.currency,
        status=DepositStatus.SUCCEEDED,
        created_at=ctx.now,
        settled_at=ctx.now,
    )
    await wallets.transfer(
        ctx,
        tx,
        TransferKind.DEPOSIT,
        input.amount,
        source=PROVIDER,
        target=wallet.id,
        deposit_id=deposit_id,
    )
    [deposit] = await tx.all(DEPOSIT.stored, ids=[deposit_id])
    return deposit


@operation(
    "deposits.get",
    who=Permission.DEPOSITS_READ_OWN,
    input=DepositId,
    result=Deposit,
    errors=[DepositNotFound],
)
async def get(ctx: Context, input: DepositId) -> Deposit:
    """One of the caller's deposits."""
    deposit = await ctx.reader.one(DEPOSIT.by_ids, ids=[input.id], **ctx.sight)
    if deposit is None:
        raise DepositNotFound
    return deposit


async def by_ids(request: Request, ids: Sequence[str]) -> dict[str, Deposit]:
    """Deposits by id, as far as the caller may see them; relation of wallet entries."""
    rows = await request.reader.all(DEPOSIT.by_ids, ids=list(ids), **glimpse(request, "deposits"))
    return {row.id: row for row in rows}
