"""Transactions: the transfers of the ledger, each with the posting of its customer's wallet."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import sqlalchemy as sa
from msgspec import Meta, Struct

from persistence.database.listing import Listing, ascending, descending
from persistence.database.statements import given
from persistence.database.views import sees_all, view
from persistence.wallet import TransferKind, TransferTable, accounts, postings, transfers


class Transaction(Struct, frozen=True, rename="camel"):
    """One movement of money into or out of a customer's wallet, as the ledger has it."""

    id: Annotated[str, Meta(description="UUIDv7 of the transfer in the ledger.")]
    kind: Annotated[TransferKind, Meta(description="The reason of the movement.")]
    amount: Annotated[
        Decimal,
        Meta(description="Positive for money that came into the wallet, negative for money out."),
    ]
    balance_after: Annotated[Decimal, Meta(description="The wallet's balance right after it.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amounts.")]
    customer_id: Annotated[str, Meta(description="The user whose wallet it is.")]
    order_id: Annotated[str | None, Meta(description="The order that was paid or refunded.")]
    deposit_id: Annotated[str | None, Meta(description="The deposit that brought the money.")]
    reverses_id: Annotated[
        str | None, Meta(description="The earlier transaction that it gives back, or a part of.")
    ]
    created_at: Annotated[datetime, Meta(description="When it happened.")]


#: Money moves between a wallet and the shop or the provider, so a transfer has one of a wallet.
_with_wallet = transfers.join(postings, postings.c.transfer_id == transfers.c.id).join(
    accounts,
    sa.and_(
        accounts.c.id == postings.c.account_id, accounts.c.kind == sa.literal_column("'WALLET'")
    ),
)
TRANSACTION = view(
    Transaction,
    TransferTable,
    amount=postings.c.amount,
    balance_after=postings.c.balance_after,
    currency=accounts.c.currency,
    customer_id=accounts.c.user_id,
    source=_with_wallet,
    visible=sees_all,
)
TRANSACTIONS = Listing(
    TRANSACTION,
    always=TRANSACTION.visible,
    sorts={
        "-createdAt": descending(TRANSACTION, "created_at"),
        "createdAt": ascending(TRANSACTION, "created_at"),
    },
    filters={
        "from": transfers.c.created_at >= given("from", transfers.c.created_at),
        "to": transfers.c.created_at < given("to", transfers.c.created_at),
        "kind": transfers.c.kind == given("kind", transfers.c.kind),
    },
    # A million transfers are counted in an index, without their postings.
    counted=transfers,
)
