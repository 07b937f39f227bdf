"""Wallets: the money of each user, and the entries that changed it."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from persistence.database.transactions import Transaction
from persistence.wallet import (
    ENTRIES,
    INSERT_POSTINGS,
    INSERT_TRANSFER,
    OF_USER,
    TransferKind,
    Wallet,
    WalletEntry,
)
from services.access.permissions import Permission
from services.errors.common import Internal
from services.operation import paging
from services.operation.context import Context
from services.operation.inputs import Nothing
from services.operation.operation import operation
from services.operation.paging import Page, Paged


class ListEntries(Paged):
    """Sort of the list of wallet entries."""

    sort: Literal["-createdAt"] = Field("-createdAt", description="How the list is sorted.")


@operation("wallet.get", who=Permission.WALLET_READ_OWN, input=Nothing, result=Wallet)
async def get(ctx: Context, _: Nothing) -> Wallet:
    """Read the caller's wallet."""
    wallet = await ctx.reader.one(OF_USER, **ctx.viewer_values)
    if wallet is None:
        raise Internal
    return wallet


@operation(
    "wallet.entries",
    who=Permission.WALLET_READ_OWN,
    input=ListEntries,
    result=WalletEntry,
    paged=True,
)
async def entries(ctx: Context, input: ListEntries) -> Page[WalletEntry]:
    """List the entries of the caller's wallet, newest first."""
    return await paging.page(ctx, ENTRIES, input, input.sort, {})


async def transfer(
    ctx: Context,
    tx: Transaction,
    kind: TransferKind,
    amount: Decimal,
    *,
    source: str,
    target: str,
    order_id: str | None = None,
    deposit_id: str | None = None,
    reverses_id: str | None = None,
) -> str:
    """Move an amount between two accounts by a transfer with two postings; returns its id.

    The caller has locked the wallet among them. Money never moves in any other way.
    """
    transfer_id = ctx.new_id()
    await tx.write(
        INSERT_TRANSFER,
        id=transfer_id,
        kind=kind,
        order_id=order_id,
        deposit_id=deposit_id,
        reverses_id=reverses_id,
        created_at=ctx.now,
    )
    await tx.write(
        INSERT_POSTINGS,
        transfer_id=transfer_id,
        created_at=ctx.now,
        id=[ctx.new_id(), ctx.new_id()],
        account_id=[source, target],
        amount=[-amount, amount],
    )
    return transfer_id
