"""Events that the payment provider sent about deposits. Each is applied once, and kept."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel

from persistence.database.columns import (
    Money,
    checked,
    column,
    currency,
    instant,
    named,
    reference,
    scaled,
    table_of,
)
from persistence.database.statements import Query, given, value


class ProviderEventTable(SQLModel, table=True):
    """One event of the payment provider; immutable."""

    __tablename__ = named("provider_events")
    __table_args__ = (
        checked("char_length(id) BETWEEN 1 AND 255", "id"),
        scaled("amount"),
        sa.Index(
            "provider_events_settled_key",
            "deposit_id",
            unique=True,
            postgresql_where=sa.text("settled"),
        ),
    )

    #: The provider's id. An event that is sent again has the same id.
    id: str = column(sa.Text, primary_key=True)
    deposit_id: str = reference("deposits.id")
    amount: Decimal = column(Money)
    currency: str = currency()
    #: NULL when the deposit succeeded.
    failure_code: str | None = column(sa.Text, nullable=True)
    #: Whether this event decided the deposit. Others repeat it, come too late, or contradict it.
    settled: bool = column(sa.Boolean)
    created_at: datetime = instant()


provider_events = table_of(ProviderEventTable)


class KnownEvent(NamedTuple):
    """An earlier event: its deposit, and its failure, if any."""

    deposit_id: str
    failure_code: str | None


KNOWN_EVENT = Query(
    sa.select(provider_events.c.deposit_id, provider_events.c.failure_code).where(
        provider_events.c.id == given("event_id", provider_events.c.id)
    ),
    KnownEvent,
)
# Answers the id, or no row when the event is known already.
KEEP_EVENT = Query(
    insert(provider_events)
    .on_conflict_do_nothing(index_elements=["id"])
    .returning(provider_events.c.id),
    value,
    ["id", "deposit_id", "amount", "currency", "failure_code", "settled", "created_at"],
)
