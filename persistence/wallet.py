"""The ledger: accounts, transfers and postings; wallets are accounts with a balance.

Triggers (persistence/database/rules.py) keep the ledger true: a transfer's postings sum to zero, a
wallet's balance is the sum of its postings and never negative, and no row changes after it was
written. They also keep what a wallet holds for unpaid orders.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct
from sqlmodel import SQLModel

from persistence.database.columns import (
    Money,
    checked,
    column,
    identifier,
    instant,
    named,
    reference,
    scaled,
    table_of,
)
from persistence.database.listing import Listing, descending
from persistence.database.statements import Query, given, insert, insert_many
from persistence.database.views import view, viewer

#: The accounts of the shop and of the payment provider. They store no balance, so that no payment
#: waits for another.
SHOP = "00000000-0000-7000-8000-000000000001"
PROVIDER = "00000000-0000-7000-8000-000000000002"


class TransferKind(StrEnum):
    """The reason of a transfer."""

    DEPOSIT = "DEPOSIT"
    PAYMENT = "PAYMENT"
    REFUND = "REFUND"


class AccountTable(SQLModel, table=True):
    """One account of the ledger; only wallets store a balance."""

    __tablename__ = named("accounts")
    __table_args__ = (
        checked("kind IN ('WALLET', 'SHOP', 'PROVIDER')", "kind"),
        checked("(kind = 'WALLET') = (user_id IS NOT NULL)", "owner"),
        checked("(kind = 'WALLET') = (balance IS NOT NULL)", "balance_kept"),
        checked("(kind = 'WALLET') = (currency IS NOT NULL)", "currency_kept"),
        checked("balance >= 0", "balance"),
        # It may be above the balance, for orders that were placed before wallets held money.
        # The trigger accounts_held keeps new orders within the balance.
        checked("held >= 0 AND (kind = 'WALLET' OR held = 0)", "held"),
        scaled("balance", "held"),
    )

    id: str = identifier()
    kind: str = column(sa.Text)
    user_id: str | None = reference("users.id", nullable=True, index=False, unique=True)
    balance: Decimal | None = column(Money, nullable=True)
    held: Decimal = column(Money, "0")
    currency: str | None = column(sa.CHAR(3), nullable=True)
    created_at: datetime = instant()
    updated_at: datetime = instant()


class TransferTable(SQLModel, table=True):
    """One movement of money; immutable. A second transfer reverses a wrong one."""

    __tablename__ = named("transfers")
    __table_args__ = (
        checked("kind IN ('DEPOSIT', 'PAYMENT', 'REFUND')", "kind"),
        sa.Index("transfers_created_at_id_idx", "created_at", "id"),
        sa.Index("transfers_kind_created_at_id_idx", "kind", "created_at", "id"),
    )

    id: str = identifier()
    kind: str = column(sa.Text)
    order_id: str | None = reference("orders.id", nullable=True)
    deposit_id: str | None = reference("deposits.id", nullable=True, index=False, unique=True)
    reverses_id: str | None = reference("transfers.id", nullable=True)
    created_at: datetime = instant()


class PostingTable(SQLModel, table=True):
    """One account's side of a transfer; immutable. Positive amounts add to the account."""

    __tablename__ = named("postings")
    __table_args__ = (
        checked("amount <> 0", "amount"),
        scaled("amount", "balance_after"),
        sa.Index("postings_account_id_created_at_id_idx", "account_id", "created_at", "id"),
    )

    id: str = identifier()
    transfer_id: str = reference("transfers.id")
    account_id: str = reference("accounts.id", index=False)
    amount: Decimal = column(Money)
    balance_after: Decimal | None = column(Money, nullable=True)
    created_at: datetime = instant()


class Wallet(Struct, frozen=True, rename="camel"):
    """A user's money in the shop."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    balance: Annotated[Decimal, Meta(description="The money in the wallet, held money included.")]
    held: Annotated[
        Decimal,
        Meta(description="What unpaid orders hold of the balance. New orders can use the rest."),
    ]
    currency: Annotated[str, Meta(description="ISO 4217 code of the balance.")]
    created_at: Annotated[datetime, Meta(description="When the wallet was made.")]
    updated_at: Annotated[datetime, Meta(description="When the wallet last changed.")]


class WalletEntry(Struct, frozen=True, rename="camel"):
    """One movement of money into or out of a wallet."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    kind: Annotated[TransferKind, Meta(description="The reason of the movement.")]
    amount: Annotated[
        Decimal,
        Meta(description="Positive for money that came in, negative for money that went out."),
    ]
    balance_after: Annotated[Decimal, Meta(description="The balance right after the movement.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    order_id: Annotated[str | None, Meta(description="The order that was paid or refunded.")]
    deposit_id: Annotated[str | None, Meta(description="The deposit that brought it.")]
    created_at: Annotated[datetime, Meta(description="When it happened.")]


accounts = table_of(AccountTable)
transfers = table_of(TransferTable)
postings = table_of(PostingTable)

WALLET = view(Wallet, AccountTable, visible=accounts.c.user_id == viewer)
WALLET_ENTRY = view(
    WalletEntry,
    PostingTable,
    kind=transfers.c.kind,
    currency=accounts.c.currency,
    order_id=transfers.c.order_id,
    deposit_id=transfers.c.deposit_id,
    source=postings.join(transfers, transfers.c.id == postings.c.transfer_id).join(
        accounts, accounts.c.id == postings.c.account_id
    ),
    visible=accounts.c.user_id == viewer,
)
ENTRIES = Listing(
    WALLET_ENTRY,
    always=WALLET_ENTRY.visible,
    sorts={"-createdAt": descending(WALLET_ENTRY, "created_at")},
)

OF_USER = Query(WALLET.select().where(WALLET.visible), WALLET.row)
LOCK_WALLET = Query(
    WALLET.select()
    .where(accounts.c.user_id == given("user_id", accounts.c.user_id))
    .with_for_update(),
    WALLET.row,
)
INSERT_ACCOUNT = insert(accounts, "id", "kind", "user_id", "balance", "currency", "created_at")
INSERT_TRANSFER = insert(
    transfers, "id", "kind", "order_id", "deposit_id", "reverses_id", "created_at"
)
INSERT_POSTINGS = insert_many(
    postings, ["transfer_id", "created_at"], ["id", "account_id", "amount"]
)
