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
from services.events import audience, types
from services.events.emitting import emit
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
    wallet: Wallet,
    owner_id: str,
    source: str,
    target: str,
    order_id: str | None = None,
    deposit_id: str | None = None,
    reverses_id: str | None = None,
) -> str:
    """Move an amount between two accounts by a transfer with two postings; returns its id.

    One of them is ``wallet``, as it was locked by the caller; its owner hears of the new entry.
    Money never moves in any other way.
    """
    transfer_id = ctx.new_id()
    changes = {source: -amount, target: amount}
    posting_ids = {account: ctx.new_id() for account in changes}
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
        id=[*posting_ids.values()],
        account_id=[*changes],
        amount=[*changes.values()],
    )
    change = changes[wallet.id]
    entry = WalletEntry(
        id=posting_ids[wallet.id],
        kind=kind,
        amount=change,
        balance_after=wallet.balance + change,
        currency=wallet.currency,
        order_id=order_id,
        deposit_id=deposit_id,
        created_at=ctx.now,
    )
    told = types.WALLET_CREDITED if change > 0 else types.WALLET_DEBITED
    emit(ctx, told, entry, audience.of_wallet(owner_id), subject=wallet.id)
    return transfer_id
