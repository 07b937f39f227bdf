"""Deposits: money that a payment provider brings into a wallet."""

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
    currency,
    identifier,
    instant,
    named,
    reference,
    scaled,
    table_of,
)
from persistence.database.listing import Listing, descending
from persistence.database.rows import row_plan
from persistence.database.statements import Query, given, insert, nothing, value
from persistence.database.views import view, viewer


class DepositStatus(StrEnum):
    """Whether a deposit is decided yet, and how."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class DepositTable(SQLModel, table=True):
    """A deposit that was requested from the payment provider."""

    __tablename__ = named("deposits")
    __table_args__ = (
        checked("status IN ('PENDING', 'SUCCEEDED', 'FAILED')", "status"),
        checked("amount > 0 AND amount <= 999999999.99", "amount"),
        scaled("amount"),
        checked("(status = 'FAILED') = (failure_code IS NOT NULL)", "failure_code"),
        checked("(status = 'PENDING') = (settled_at IS NULL)", "settled_at"),
        sa.Index("deposits_user_id_created_at_id_idx", "user_id", "created_at", "id"),
        sa.Index("deposits_user_id_status_idx", "user_id", "status"),
    )

    id: str = identifier()
    user_id: str = reference("users.id", index=False)
    amount: Decimal = column(Money)
    currency: str = currency()
    status: str = column(sa.Text)
    failure_code: str | None = column(sa.Text, nullable=True)
    created_at: datetime = instant()
    settled_at: datetime | None = instant(None, nullable=True)
    updated_at: datetime = instant()


class Deposit(Struct, frozen=True, rename="camel"):
    """Money that a payment provider brings into a wallet."""

    id: Annotated[str, Meta(description="UUIDv7.")]
    amount: Annotated[Decimal, Meta(description="The amount requested.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amount.")]
    status: Annotated[DepositStatus, Meta(description="Whether the provider has decided, and how.")]
    failure_code: Annotated[
        str | None,
        Meta(description="Why the provider declined: CARD_DECLINED, INSUFFICIENT_FUNDS, …"),
    ]
    created_at: Annotated[datetime, Meta(description="When it was requested.")]
    settled_at: Annotated[datetime | None, Meta(description="When the provider decided.")]


class AskedDeposit(Struct, frozen=True):
    """A deposit as it is requested from the provider, and its owner."""

    id: str
    user_id: str
    amount: Decimal
    currency: str
    status: DepositStatus
    created_at: datetime


deposits = table_of(DepositTable)

DEPOSIT = view(Deposit, DepositTable, visible=deposits.c.user_id == viewer)
OWN_DEPOSITS = Listing(
    DEPOSIT,
    always=DEPOSIT.visible,
    sorts={"-createdAt": descending(DEPOSIT, "created_at")},
    filters={"status": deposits.c.status == given("status", deposits.c.status)},
)

_asked = row_plan(AskedDeposit, DepositTable)
_asked_deposit = sa.select(*_asked.selected).where(
    deposits.c.id == given("deposit_id", deposits.c.id)
)
ASKED_DEPOSIT = Query(_asked_deposit, _asked.row)
LOCK_DEPOSIT = Query(_asked_deposit.with_for_update(), _asked.row)
INSERT_DEPOSIT = insert(
    deposits,
    "id",
    "user_id",
    "amount",
    "currency",
    "status",
    "failure_code",
    "created_at",
    "settled_at",
)
SETTLE_DEPOSIT = Query(
    sa.update(deposits)
    .where(deposits.c.id == given("deposit_id", deposits.c.id))
    .values(
        status=given("to_status", deposits.c.status),
        failure_code=given("failure", deposits.c.failure_code),
        settled_at=given("at", deposits.c.settled_at),
    ),
    nothing,
)
COUNT_PENDING_DEPOSITS = Query(
    sa.select(sa.func.count()).where(
        deposits.c.user_id == given("user_id", deposits.c.user_id),
        deposits.c.status == sa.literal_column("'PENDING'"),
    ),
    value,
)
